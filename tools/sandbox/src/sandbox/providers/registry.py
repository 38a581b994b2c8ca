"""The providers that this sandbox plays: one line each."""

from sandbox.intake import Intake
from sandbox.providers.infobip import Infobip
from sandbox.providers.meta import Meta
from sandbox.providers.ports import Provider
from sandbox.providers.twilio import Twilio
from sandbox.settings import Settings


def build_providers(settings: Settings, intake: Intake) -> dict[str, Provider]:
    """Every provider by its name."""
    providers: list[Provider] = [
        Twilio(settings, intake),
        Meta(settings.meta, intake),
        Infobip(settings.infobip, intake),
    ]
    return {provider.name: provider for provider in providers}
