"""The file that `proactivectl apply` reads: which workspaces and channels there shall be."""

from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, model_validator

from directory.providers import faults
from directory.workspaces import refuse_longer_text
from proactive_contracts.values import Channel, Word, WorkspaceId
from proactivectl import phones
from proactivectl.files import Strict, once
from proactivectl.secret_references import Reference


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if available_timezones():
            raise ValueError("no such time zone; write an IANA name such as Europe/Athens") from None
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Sender = Annotated[Word, AfterValidator(phones.sender)]


class DeclaredChannel(Strict):
    """A channel. Without an id it is found by its name; without `enabled` it stays as it is."""

    name: Word
    id: UUID | None = None
    channel: Channel
    provider: Word
    sender: Sender
    settings: dict[str, str] = Field(default_factory=dict)
    credentials: dict[str, Reference]
    enabled: bool | None = None

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if found := faults(self.provider, self.channel, self.settings, self.credentials):
            raise ValueError("; ".join(found))
        return self


class DeclaredWorkspace(Strict):
    """A workspace with its channels. Of one that is connected, whatever is left out stays as it is."""

    id: WorkspaceId
    name: Word
    region: Literal["us", "eu", "au"] = "us"
    time_zone: TimeZone = "UTC"
    token: Reference
    default_admin_id: Word | None = None
    open_new_read: bool = True
    open_new_assign: bool = False
    keep_text_days: int = Field(default=30, ge=1, le=3650)
    keep_rest_months: int = Field(default=13, ge=2, le=120)
    channels: list[DeclaredChannel] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        once("channels: the name", [channel.name for channel in self.channels])
        return self

    @model_validator(mode="after")
    def _text_goes_first(self) -> Self:
        if {"keep_text_days", "keep_rest_months"} <= self.model_fields_set:  # else what is connected has a say
            refuse_longer_text(self.id, self.keep_text_days, self.keep_rest_months)
        return self


class Declared(Strict):
    """The whole file."""

    workspaces: list[DeclaredWorkspace]

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        once("workspaces: the id", [workspace.id for workspace in self.workspaces])
        channels = [channel for workspace in self.workspaces for channel in workspace.channels]
        once("channels: the id", [str(channel.id) for channel in channels if channel.id])
        return self
