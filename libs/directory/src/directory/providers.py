"""What each provider needs of a channel, said in one place: the dispatcher's adapters are tested against it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proactive_contracts.values import Channel


@dataclass(frozen=True)
class Needs:
    """
    The kinds of channel that a provider carries, and the settings and credentials that it cannot do without.

    `told_apart_by` is the setting by which the provider's callbacks name a channel: no two may share its value.
    """

    carries: frozenset[Channel]
    credentials: tuple[str, ...]
    settings: tuple[str, ...] = ()
    told_apart_by: str | None = None


PROVIDERS: Mapping[str, Needs] = MappingProxyType(
    {
        "twilio": Needs(frozenset({Channel.SMS}), credentials=("account_sid", "auth_token")),
        "meta": Needs(
            frozenset({Channel.WHATSAPP}),
            credentials=("access_token", "app_secret", "verify_token"),
            settings=("phone_number_id",),
            told_apart_by="phone_number_id",
        ),
        "infobip": Needs(frozenset({Channel.VIBER}), credentials=("api_key", "webhook_secret")),
    }
)
"""By the name that channels are connected with."""


def faults(provider: str, channel: Channel, settings: Mapping[str, str], credentials: Collection[str]) -> list[str]:
    """Why no message could leave through such a channel, in words for operators; `credentials` are their names."""
    needs = PROVIDERS.get(provider)
    if needs is None:
        return [f"there is no provider {provider!r}; there are {', '.join(PROVIDERS)}"]
    if channel not in needs.carries:
        kinds = " and ".join(sorted(kind.value for kind in needs.carries))
        return [f"{provider} does not carry {channel.value}; it carries {kinds}"]
    missing = [f"the setting {name} is missing" for name in needs.settings if not settings.get(name, "").strip()]
    return missing + [f"the credential {name} is missing" for name in needs.credentials if name not in credentials]
