"""The phrases that several screens share: who somebody is, which channel, what became of a message."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, Item
from canvas_gateway.canvas_kit.plain import fitting, one_line
from canvas_gateway.domain import numbers
from canvas_gateway.domain.history import NOT_SENT, Message, Requester
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.outcome import Outcome
from canvas_gateway.domain.state import State
from canvas_gateway.domain.values import ChosenChannel, Person, Screen
from intercom_api import inbox_url
from proactive_contracts.reasons import FailureReason
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status

PAGE = 10
"""Rows of a list before it is paged."""

NAME = 60
"""Characters of a name, and Latin letters whose room it may take: about two lines of the panel."""

_OPENED = 5
"""Conversations of one message that are linked to: there is one, hardly ever two."""

ERASED_PERSON = "Erased person"

Entry = TypeVar("Entry")


def name_of(person: Person) -> str:
    """What we call somebody: the name, else the email, else the number, else the kind of contact."""
    for known in (person.name, person.email, person.phone):
        if known and (line := fitting(known, NAME)):
            return line
    return f"Unnamed {person.role or 'contact'}"


def name_and_role(person: Person) -> str:
    """Such as `Anna Schmidt · user`."""
    return " · ".join(part for part in (name_of(person), person.role) if part)


def number_of(person: Person) -> str:
    """The number in E.164 where it is valid, as typed where not, "" where there is none."""
    return numbers.to_e164(person.phone) or fitting(person.phone or "", 40)


def number_or_none(person: Person) -> str:
    """The number, or that there is none."""
    return number_of(person) or "No phone number."


def channel_line(channel: ChosenChannel) -> str:
    """Such as `SMS · Support line`."""
    return f"{channel.kind.label} · {one_line(channel.name, NAME)}"


def to_whom(state: State, request: SendRequested) -> list[Component]:
    """Channel and recipient; the channel's name is known where it was chosen in this panel."""
    chosen = state.channel if state.channel and state.channel.id == request.channel_id else None
    channel = channel_line(chosen) if chosen else request.channel.label
    name = one_line(request.contact.name or "", NAME) if request.contact else ""
    to = " · ".join(part for part in (name, request.recipient) if part)
    return [*draw.together(draw.paragraph(channel), draw.paragraph(f"To {to}"))]


def view_sent(screen: Screen) -> Component:
    """The way from a screen to the history."""
    return draw.link(f"{screen}.history", "View sent messages")


def provider_code(known: Outcome) -> list[Component]:
    """Such as `Twilio's code: 21211.`, for whoever is asked about it."""
    if not known.provider or not known.provider_code:
        return []
    return [draw.muted(f"{one_line(known.provider, 30).capitalize()}'s code: {one_line(known.provider_code, 40)}.")]


def tried_until(until: datetime | None, calendar: Calendar) -> str:
    """That it has not been sent, and how long it still may be."""
    if until is None:
        return "Not sent yet. We try again."
    if calendar.now >= until:
        return f"Not sent yet. It was to leave before {calendar.short(until)}, or not at all."
    return f"Not sent yet. We try again until {calendar.short(until)}."


def message_row(row_id: str, message: Message, calendar: Calendar) -> Item:
    """One message in a list: to whom, through what and how it stands, when and by whom."""
    name = one_line(message.contact.name or "", NAME) if message.contact else ""
    return draw.row(
        row_id,
        " · ".join(part for part in (name, one_line(message.recipient, 40)) if part) or ERASED_PERSON,
        f"{message.channel.label} · {_standing(message)}",
        f"{calendar.full(message.requested_at)} · {requester(message.requested_by)}",
    )


def removed(message: Message, calendar: Calendar) -> str | None:
    """What is not kept of it any more, and since when; None where all is."""
    if message.erased_at is not None:
        return f"The customer's text, number and name were erased on {calendar.full(message.erased_at)}."
    if message.text_removed_at is None:
        return None
    kept = f" (kept for {message.text_kept_days} days)" if message.text_kept_days else ""
    return f"The text was removed on {calendar.full(message.text_removed_at)}{kept}."


def requester(by: Requester) -> str:
    """The teammate's or the service's name."""
    return one_line(by.name or by.id or "", NAME) or ("A service" if by.kind == "service" else "A teammate")


def opened(
    screen: str, workspace_id: str, region: str, conversation_ids: Sequence[str], failure: str | None
) -> list[Component]:
    """Where the conversation is that was opened for a message, or why there is none; more than one are all shown."""
    if failure is not None:
        return [draw.error("The new conversation could not be opened."), draw.muted(one_line(failure, 300))]
    if not conversation_ids:
        return []
    return [
        draw.paragraph("Opened a new conversation:" if len(conversation_ids) == 1 else "Opened new conversations:"),
        *(
            draw.leave(f"{screen}.opened:{one}", f"Conversation {one}", inbox_url(workspace_id, region, one))
            for one in conversation_ids[:_OPENED]
        ),
    ]


def page_of(entries: Sequence[Entry], page: int) -> tuple[Sequence[Entry], int]:
    """The entries of a page and its number, which is the last one where there are fewer pages."""
    last = max(0, (len(entries) - 1) // PAGE)
    page = min(page, last)
    return entries[page * PAGE : (page + 1) * PAGE], page


def turning(screen: str, total: int, page: int) -> list[Component]:
    """Links to the pages before and after, where there are any."""
    links: list[Component] = []
    if page > 0:
        links.append(draw.link(f"{screen}.previous", "Previous"))
    if (page + 1) * PAGE < total:
        links.append(draw.link(f"{screen}.next", "Next"))
    return links


def _standing(message: Message) -> str:
    if message.status is Status.FAILED:
        return f"{message.status.label}: {(message.reason or FailureReason.OTHER).why}"
    return f"{message.status.label}: {message.status.meaning}" if message.status in NOT_SENT else message.status.label
