"""The providers that there are: to add one, write its file and name it here."""

from collections.abc import Mapping

from dispatcher.ports import Provider
from dispatcher.providers.infobip import Infobip
from dispatcher.providers.meta import Meta
from dispatcher.providers.twilio import Twilio


def providers() -> Mapping[str, Provider]:
    """Every adapter by the name that channels are connected with."""
    return {provider.name: provider for provider in (Twilio(), Meta(), Infobip())}
