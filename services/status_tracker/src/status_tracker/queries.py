"""The parameters of the history API: which messages are wanted, and how many at a time."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Moment, Word, WorkspaceId
from status_tracker.domain import searches
from status_tracker.domain.cursors import Position
from status_tracker.storage.filters import Filters

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_CURSOR = 200

Choice = TypeVar("Choice", bound=StrEnum)


def _is_cursor(cursor: str) -> str:
    Position.read(cursor)
    return cursor


def _among(choices: type[Choice]) -> Callable[[str], tuple[Choice, ...]]:
    """Reads a list with commas; the sentence on what is none of them names them all."""

    def read(listed: str) -> tuple[Choice, ...]:
        names = [name.strip() for name in listed.split(",")]
        if not set(names) <= set(choices):
            raise ValueError(f"has to be one or more of {', '.join(choices)}, with commas between them")
        return tuple(dict.fromkeys(map(choices, names)))

    return read


def _listed(choices: type[StrEnum]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": list(choices)}, "minItems": 1}


def _moment(given: object) -> object:
    """A plus sign that was not percent-encoded arrives as a blank; seconds since 1970 are not what anybody means."""
    if isinstance(given, str) and "-" not in given:
        raise ValueError("has to be a moment with its time zone, such as 2026-11-22T00:00:00Z")
    return given.replace(" ", "+") if isinstance(given, str) and "T" in given else given


Channels = Annotated[tuple[Channel, ...], BeforeValidator(_among(Channel)), WithJsonSchema(_listed(Channel))]
Statuses = Annotated[tuple[Status, ...], BeforeValidator(_among(Status)), WithJsonSchema(_listed(Status))]
When = Annotated[Moment, BeforeValidator(_moment)]


class MessagePath(BaseModel):
    """Which workspace."""

    model_config = ConfigDict(extra="forbid")

    workspace_id: WorkspaceId


class OneMessagePath(MessagePath):
    """Which message of which workspace."""

    message_id: UUID


class Wanted(BaseModel):
    """Which messages are wanted: those that every given parameter fits."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: Word | None = Field(default=None, description="Only messages about this Intercom conversation.")
    requested_by: Word | None = Field(default=None, description="Only messages of the teammate with this id.")
    channel: Channels | None = Field(default=None, description="Only messages through these channels.")
    status: Statuses | None = Field(default=None, description="Only messages of which this is known now.")
    search: Word | None = Field(
        default=None,
        description=(
            "A message's id, or the recipient: a number with + or 00, a provider's address, or the last "
            f"{searches.MIN_ENDING} digits or more of a number. Blanks and punctuation do not matter."
        ),
    )
    since: When | None = Field(default=None, alias="from", description="Only messages asked for then or later.")
    until: When | None = Field(default=None, alias="to", description="Only messages asked for before.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("`from` has to be before `to`")
        return self

    @property
    def filters(self) -> Filters:
        """
        What the statements ask for.

        Raises:
            searches.Unclear: the search is nothing that can be looked for.
        """
        return Filters(
            conversation_id=self.conversation_id,
            requested_by_id=self.requested_by,
            channels=self.channel or (),
            statuses=self.status or (),
            search=None if self.search is None else searches.read(self.search),
            since=self.since,
            until=self.until,
        )


class PageQuery(Wanted):
    """A page of them."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="How many at most.")
    cursor: Annotated[str, Field(max_length=MAX_CURSOR), AfterValidator(_is_cursor)] | None = Field(
        default=None, description="next_cursor of the page before, with the same other parameters."
    )

    @property
    def after(self) -> Position | None:
        """Where the page begins."""
        return None if self.cursor is None else Position.read(self.cursor)


class RepeatQuery(BaseModel):
    """What is about to be sent, and to whom."""

    model_config = ConfigDict(extra="forbid")

    recipient: Word = Field(description="As requests spell it.")
    text_digest: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 in hexadecimal over the text in UTF-8, its words separated by one blank each.",
    )
    message_id: UUID = Field(description="The message that would repeat it; nothing is found once that one is known.")
    resend_of: UUID | None = Field(default=None, description="Where it is a re-send: that message is not meant.")
    within_seconds: float = Field(
        default=600, gt=0, le=86_400, description="How long ago at most it was asked for, or left."
    )
