"""The same text to the same person a moment ago: what an agent is asked before anything is sent."""

from datetime import datetime
from typing import Literal

from canvas_gateway.domain.history import Message
from canvas_gateway.domain.values import Frozen, Screen
from proactive_contracts.status import Status
from proactive_contracts.values import Channel

_LONGEST_NUMBER, _LONGEST_TEXT = 40, 200
"""Characters that the question repeats."""


class Repeat(Frozen):
    """
    The message that would be repeated, as it was when it was found, and whose question is open.

    `asked_from`: where the button was pressed; `open_new`: it asks for a new conversation as well.
    """

    kind: Literal["admin", "service"]
    by: str | None
    at: datetime
    channel: Channel
    status: Status
    open_new: bool
    to: str
    text: str
    asked_from: Screen = Screen.COMPOSE


def repeat_of(found: Message, asked_from: Screen, *, open_new: bool) -> Repeat:
    """What the agent is asked about a message that was found."""
    by = found.requested_by
    return Repeat(
        kind=by.kind,
        by=by.name or by.id,
        at=found.requested_at,
        channel=found.channel,
        status=found.status,
        open_new=open_new,
        to=found.recipient[:_LONGEST_NUMBER],
        text=(found.text or "")[:_LONGEST_TEXT],
        asked_from=asked_from,
    )
