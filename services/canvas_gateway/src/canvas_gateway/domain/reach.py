"""Whether somebody can be reached through a channel, as the dispatcher tells it before anything is typed."""

from datetime import datetime
from uuid import UUID

from canvas_gateway.domain.history import Told
from proactive_contracts.reasons import FailureReason

PAUSED, BLOCKED, FAILING, HELD = "paused", "blocked", "failing", "held"
"""What keeps a channel's messages; "open" and words of later releases are nothing that agents need to know."""


class OptOut(Told):
    """The newest message that the provider refused because they had opted out."""

    at: datetime
    provider_code: str | None = None


class Reach(Told):
    """
    A channel as it stands, and what it knows of one person.

    `since` and `until`: when it began to be kept from sending, and when it is tried again. `window_open_until`, which
    may be over, is there where a message of theirs was seen and the channel takes free text only after one.
    """

    channel_id: UUID
    state: str = "open"
    since: datetime | None = None
    until: datetime | None = None
    reason: FailureReason | None = None
    opted_out: OptOut | None = None
    window_open_until: datetime | None = None

    @property
    def blocked(self) -> bool:
        """Whether the provider refuses the channel: agents' messages fail at once, whoever they are to."""
        return self.state == BLOCKED


class Reached(Told):
    """Every connected channel of a workspace."""

    channels: tuple[Reach, ...] = ()
