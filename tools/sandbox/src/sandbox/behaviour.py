"""How a fake answers, switched while it runs: the ways in which the real one goes wrong."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ProviderMode = Literal[
    "normal",
    "slow",
    "rate_limited",
    "error",
    "error_after_accepting",
    "close_after_accepting",
    "close_before_accepting",
    "invalid_number",
    "unauthorized",
    "window_closed",
]
IntercomMode = Literal["normal", "slow", "slow_after_doing", "rate_limited", "error", "error_after_doing", "down"]
ReceiptMode = Literal["automatic", "none", "failed", "duplicate", "late"]

# Longer than any caller waits, short enough that a forgotten setting does not hang a stop.
_LONGEST_DELAY_SECONDS = 120


class _Behaviour(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_seconds: Annotated[float, Field(ge=0, le=_LONGEST_DELAY_SECONDS)] = 0
    remaining: Annotated[int, Field(ge=1)] | None = None


class ProviderBehaviour(_Behaviour):
    """
    How a provider treats submissions; look-ups are always answered normally.

    `remaining`: how many submissions the mode applies to before it is normal again, None for ever.
    `retry_after`: the Retry-After header of `rate_limited`, as it is sent.
    `receipts`: what the provider reports of accepted messages, whatever the mode.
    `window_closed` is WhatsApp's alone: the message is taken, and a receipt says that it was not let through.
    """

    mode: ProviderMode = "normal"
    retry_after: str | None = None
    receipts: ReceiptMode = "automatic"


class IntercomBehaviour(_Behaviour):
    """
    How Intercom's REST API answers.

    `rate_limited` with a delay ends by itself when the delay since it was switched on is over.
    `only` limits it to contacts (every path under /contacts), notes (replies to conversations) or messages (POST
    /messages, which opens conversations).
    """

    mode: IntercomMode = "normal"
    only: Literal["contacts", "notes", "messages"] | None = None


@dataclass
class Behaviours:
    """The behaviour of Intercom and of each provider, by the provider's name."""

    intercom: IntercomBehaviour = field(default_factory=IntercomBehaviour)
    providers: dict[str, ProviderBehaviour] = field(default_factory=dict)
    limit_ends_at: float | None = None
    """When Intercom's `rate_limited` is over, in seconds since 1970; None: when it is switched."""

    def provider(self, name: str) -> ProviderBehaviour:
        """How this provider behaves now."""
        return self.providers.get(name, ProviderBehaviour())

    def take_provider(self, name: str) -> ProviderBehaviour:
        """How this provider treats the submission at hand; counts it off `remaining`."""
        current = self.provider(name)
        if current.remaining is not None:
            self.providers[name] = (
                current.model_copy(update={"remaining": current.remaining - 1})
                if current.remaining > 1
                else ProviderBehaviour(receipts=current.receipts)
            )
        return current

    def switch_intercom(self, behaviour: IntercomBehaviour, now: float) -> None:
        """Intercom answers like this from now on."""
        ends = behaviour.mode == "rate_limited" and behaviour.delay_seconds
        self.intercom = behaviour
        self.limit_ends_at = now + behaviour.delay_seconds if ends else None

    def take_intercom(
        self, subject: Literal["contacts", "notes", "messages", "other"], now: float
    ) -> IntercomBehaviour:
        """How Intercom treats the request at hand; counts it off `remaining` where it is meant."""
        if self.limit_ends_at is not None and now >= self.limit_ends_at:
            self.switch_intercom(IntercomBehaviour(), now)
        current = self.intercom
        if current.only not in (None, subject):
            return IntercomBehaviour()
        if current.remaining is not None:
            self.intercom = (
                current.model_copy(update={"remaining": current.remaining - 1})
                if current.remaining > 1
                else IntercomBehaviour()
            )
        return current
