"""The providers that this sandbox plays: one line each."""

from sandbox.intake import Intake
from sandbox.providers.ports import Provider
from sandbox.providers.twilio import Twilio
from sandbox.settings import Settings


def build_providers(settings: Settings, intake: Intake) -> dict[str, Provider]:
    """Every provider by its name."""
    providers: list[Provider] = [
        Twilio(settings, intake),
    ]
    return {provider.name: provider for provider in providers}
