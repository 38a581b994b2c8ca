"""The small closed vocabularies and checked texts that every event is made of."""

import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

MAX_TEXT = 4096
"""Code points of a message's text: WhatsApp's limit, the largest of our channels. Panels may allow less."""

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164: a plus sign, a country code that does not start with 0, at most 15 digits in all."""

_PROVIDER_ADDRESS = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
"""WhatsApp's business-scoped user ids, such as `US.13491208655302741918`."""


class Channel(StrEnum):
    """A kind of channel; its value is part of queue names and routing keys."""

    SMS = "sms"
    WHATSAPP = "whatsapp"
    VIBER = "viber"

    @property
    def label(self) -> str:
        """The name that agents read."""
        return _CHANNEL_LABELS[self]


_CHANNEL_LABELS = {
    Channel.SMS: "SMS",
    Channel.WHATSAPP: "WhatsApp",
    Channel.VIBER: "Viber Business Messages",
}


class Lane(StrEnum):
    """
    Who waits: interactive for a person, bulk for a service.

    They are separate queues, so that people never wait behind a campaign.
    """

    INTERACTIVE = "interactive"
    BULK = "bulk"


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    return text


_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
"""Fillers, Braille's blank and variation selectors: letters, marks or symbols to Unicode, and nothing to the eye."""


def is_blank(text: str) -> bool:
    """Whether nobody could see anything of it: blanks, controls, joiners, fillers and what else has no shape."""
    return not any(_is_visible(letter) for letter in text)


def _is_visible(letter: str) -> bool:
    unseen = letter.isspace() or unicodedata.category(letter) in {"Cc", "Cf", "Cs"}
    return not unseen and not _INVISIBLE.match(letter)


def _not_blank(text: str) -> str:
    if is_blank(text):
        raise ValueError("must not be blank")
    return text


def _recipient(address: str) -> str:
    if not (E164.fullmatch(address) or _PROVIDER_ADDRESS.fullmatch(address)):
        raise ValueError("must be a number in E.164 format or a provider's address such as US.1234")
    return address


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999 in UTC") from None


Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
"""A name or an identifier of somebody else's: 1 to 200 characters."""

Words = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_storable)]
"""A sentence for people, such as a provider's own: at most 1,000 characters."""

LongText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_storable)]
"""What somebody else wrote, at most 20,000 characters: more than any channel carries, less than MAX_BODY."""

Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
"""A number of things, small enough for PostgreSQL's integer."""

MessageText = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable), AfterValidator(_not_blank)
]
"""What the customer reads: 1 to 4,096 characters, not all blank."""

WorkspaceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Intercom's id of a workspace; part of routing keys, hence without dots."""

Recipient = Annotated[
    str,
    AfterValidator(_recipient),
    WithJsonSchema({"type": "string", "pattern": f"^({E164.pattern}|{_PROVIDER_ADDRESS.pattern})$"}),
]
"""E.164, or a provider's own address."""

ResultRoute = Annotated[
    str, StringConstraints(pattern=r"^panel\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
"""Where the panel that waits listens: `panel.<uuid>`."""


class Model(BaseModel):
    """Frozen values; readers ignore fields of later minor versions."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class TextContent(Model):
    """A free text."""

    kind: Literal["text"] = "text"
    text: MessageText


class TemplateVariable(Model):
    """One placeholder of a template and what stands there."""

    name: Word
    value: Words


class TemplateContent(Model):
    """A message that was approved by the channel beforehand, with its placeholders filled."""

    kind: Literal["template"] = "template"
    name: Word
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z]{2,4})?$")]
    variables: tuple[TemplateVariable, ...] = ()


Content = Annotated[TextContent | TemplateContent, Field(discriminator="kind")]


class Admin(Model):
    """A teammate in Intercom asked for it."""

    kind: Literal["admin"] = "admin"
    id: Word
    name: Word


class Service(Model):
    """Another service asked for it."""

    kind: Literal["service"] = "service"
    name: Word


RequestedBy = Annotated[Admin | Service, Field(discriminator="kind")]


class Contact(Model):
    """The person in Intercom that the message is for."""

    id: Word
    role: Literal["user", "lead"] | None = None
    name: Words | None = None


class Thread(Model):
    """The Intercom conversation that tells about the message; `open_new` opens one once it was sent."""

    conversation_id: Word | None = None
    open_new: bool = False


class Subject(Model):
    """What every event about a message names: which one, of whom, through which connected channel."""

    message_id: UUID
    workspace_id: WorkspaceId
    channel: Channel
    channel_id: UUID


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time; read with any UTC offset, kept and written in UTC."""
