"""From the form to a request, or to what is wrong with the form."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from canvas_gateway.domain import numbers
from canvas_gateway.domain.history import Message
from canvas_gateway.domain.values import REPLACEMENT, ChosenChannel, Person, Teammate
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Admin, Contact, TextContent, Thread, is_blank

MAX_TEXT = 500
"""Characters (code points) of a message that is typed in the panel."""

MAX_KEPT = 3_000
"""Characters of a text that is far too long that the panel gives back: a canvas holds 64 KB."""

PHONE_INPUT = "compose.phone"
TEXT_INPUT = "compose.text"

_LONGEST_PHONE = 200
_ROLES: Mapping[str, Literal["user", "lead"]] = {"user": "user", "lead": "lead"}


@dataclass(frozen=True)
class Refusal:
    """Why the form cannot be sent: the field, the sentence that stands alone, and what to do."""

    field: Literal["phone", "text"]
    sentence: str
    advice: str


@dataclass(frozen=True)
class Form:
    """What was typed."""

    phone: str
    text: str

    @classmethod
    def read(cls, typed: Mapping[str, str]) -> "Form":
        """From the inputs of a submit. Browsers may write a line's end in two characters; it counts as one."""
        text = typed.get(TEXT_INPUT, "").replace("\r\n", "\n")
        return cls(phone=typed.get(PHONE_INPUT, "")[:_LONGEST_PHONE], text=text)

    @property
    def kept(self) -> "Form":
        """What the panel can carry of it."""
        return Form(self.phone, self.text[:MAX_KEPT])


@dataclass(frozen=True)
class Sender:
    """Who sends to whom, through which channel, beside which conversation."""

    workspace_id: str
    teammate: Teammate
    recipient: Person
    channel: ChosenChannel
    conversation_id: str


def refusals(form: Form) -> tuple[Refusal, ...]:
    """Everything that is wrong with the form, the number first; empty when it can be sent."""
    return tuple(found for found in (_phone_refusal(form.phone), _text_refusal(form.text)) if found)


def request_from(
    form: Form, sender: Sender, message_id: UUID, not_after: datetime, *, open_new: bool = False
) -> SendRequested:
    """
    The request for a form without refusals.

    Raises:
        ValueError: the form has refusals.
    """
    recipient = numbers.to_e164(form.phone)
    if recipient is None or refusals(form):
        raise ValueError("a form with refusals cannot be sent")
    return SendRequested(
        message_id=message_id,
        workspace_id=sender.workspace_id,
        channel=sender.channel.kind,
        channel_id=sender.channel.id,
        recipient=recipient,
        content=TextContent(text=form.text),
        requested_by=asked_by(sender.teammate),
        contact=contact_of(sender.recipient),
        thread=Thread(conversation_id=sender.conversation_id, open_new=open_new),
        not_after=not_after,
    )


def resend_of(request: SendRequested, teammate: Teammate, not_after: datetime) -> SendRequested:
    """The same once more, under the one id that every re-send of this message has."""
    return request.model_copy(
        update={
            "message_id": uuid5(request.message_id, "resend"),
            "resend_of": request.message_id,
            "requested_by": asked_by(teammate),
            "result_route": None,
            "not_after": not_after,
        }
    )


def resend_from_history(message: Message, teammate: Teammate, not_after: datetime) -> SendRequested | None:
    """
    The re-send of a message as the history keeps it, with its own conversation; None where it cannot be.

    The note about it belongs beside the customer that it is for, not beside whom the agent happens to look at.
    """
    if not message.can_be_resent:
        return None
    try:
        past = SendRequested(
            message_id=message.message_id,
            workspace_id=message.workspace_id,
            channel=message.channel,
            channel_id=message.channel_id,
            recipient=message.recipient,
            content=TextContent(text=message.text or ""),
            requested_by=asked_by(teammate),
            contact=_contact_in(message),
            thread=Thread(conversation_id=message.conversation_id, open_new=message.open_new),
            not_after=not_after,
        )
    except ValueError:  # what was erased since, such as the number
        return None
    return resend_of(past, teammate, not_after)


def _contact_in(message: Message) -> Contact | None:
    known = message.contact
    return None if known is None else Contact(id=known.id, role=known.role, name=known.name)


def as_new_message(request: SendRequested, event_id: UUID, not_after: datetime) -> SendRequested:
    """A version that was refused under its old id, as the one new message that it can become."""
    return request.model_copy(
        update={"message_id": uuid5(request.message_id, f"new:{event_id}"), "not_after": not_after}
    )


def asked_by(teammate: Teammate) -> Admin:
    """The teammate as the contract names them."""
    return Admin(id=teammate.id, name=teammate.name[:200])


def can_be_written_to(person: Person) -> bool:
    """Whether Intercom can open a conversation with them: it does with users and leads, not with visitors."""
    return bool(person.id) and person.role != "visitor"


def contact_of(person: Person) -> Contact:
    """The person as the contract names them; a visitor has no role there."""
    return Contact(id=person.id, role=_ROLES.get(person.role or ""), name=person.name)


def _phone_refusal(phone: str) -> Refusal | None:
    if not phone.strip():
        return Refusal("phone", numbers.MISSING, "Type the number to send to, with its country code.")
    if numbers.to_e164(phone) is None:
        return Refusal("phone", numbers.INVALID, "Start with + and the country code, such as +30 694 123 4567.")
    return None


def _text_refusal(text: str) -> Refusal | None:
    if len(text) > MAX_TEXT:
        return Refusal("text", f"{len(text):,} characters; at most {MAX_TEXT}.", _how_to_shorten(text))
    if is_blank(text):
        return Refusal("text", "There is no message yet.", "Write what the customer shall read.")
    if any(_cannot_be_sent(letter) for letter in text):
        return Refusal("text", "The text holds a character that cannot be sent.", f"Take out each {REPLACEMENT}.")
    return None


def _how_to_shorten(text: str) -> str:
    if len(text) > MAX_KEPT:
        return f"Shorten it. Only the first {MAX_KEPT:,} characters are kept here."
    return f"Take out {len(text) - MAX_TEXT:,}, or write two messages."


def _cannot_be_sent(letter: str) -> bool:
    return letter in {"\x00", REPLACEMENT} or unicodedata.category(letter) == "Cs"
