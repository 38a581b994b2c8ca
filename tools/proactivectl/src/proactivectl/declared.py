"""The file that `proactivectl apply` reads: which workspaces and channels there shall be."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from directory.providers import faults
from directory.workspaces import refuse_longer_text
from proactive_contracts.values import Channel, Word, WorkspaceId
from proactivectl import phones
from proactivectl.failures import WrongUsage
from proactivectl.secret_references import Reference


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if available_timezones():
            raise ValueError("no such time zone; write an IANA name such as Europe/Athens") from None
    return name


WHOLE = "the file"
"""Where a problem is that belongs to no key."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
Sender = Annotated[Word, AfterValidator(phones.sender)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredChannel(_Strict):
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


class DeclaredWorkspace(_Strict):
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
        _once("channels: the name", [channel.name for channel in self.channels])
        return self

    @model_validator(mode="after")
    def _text_goes_first(self) -> Self:
        if {"keep_text_days", "keep_rest_months"} <= self.model_fields_set:  # else what is connected has a say
            refuse_longer_text(self.id, self.keep_text_days, self.keep_rest_months)
        return self


class Declared(_Strict):
    """The whole file."""

    workspaces: list[DeclaredWorkspace]

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        _once("workspaces: the id", [workspace.id for workspace in self.workspaces])
        channels = [channel for workspace in self.workspaces for channel in workspace.channels]
        _once("channels: the id", [str(channel.id) for channel in channels if channel.id])
        return self


class Secrets:
    """The secrets that a file refers to, read once, before anything is changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Reference, str] = {}

    def read(self, reference: Reference) -> None:
        """Read one. Raises ValueError where it is not there."""
        self._read[reference] = reference.resolve(self._folder)

    def __getitem__(self, reference: Reference) -> str:
        return self._read[reference]


def load(path: Path) -> tuple[Declared, Secrets]:
    """
    Read the file at `path` (`-`: standard input) and every secret that it refers to.

    Raises:
        WrongUsage: with every problem and its place in the file; secrets are never shown.
    """
    try:
        content = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WrongUsage(f"{path} cannot be read ({reason})", "Name another with: --file PATH") from None
    try:
        declared = Declared.model_validate(_parsed(content))
    except yaml.YAMLError as error:
        raise _refused(path, [_yaml_problem(error)]) from None
    except ValidationError as error:
        raise _refused(path, explain(error)) from None
    secrets = Secrets(Path() if str(path) == "-" else path.parent)
    missing = list(_unreadable(declared, secrets))
    if missing:
        raise _refused(path, missing)
    return declared, secrets


def explain(error: ValidationError) -> list[str]:
    """One line a problem: its place as it stands in the file, and what is wrong, without the value."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return [_explain(problem["loc"], problem["type"], problem["msg"]) for problem in problems]


def _explain(place: tuple[int | str, ...], kind: str, words: str) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    if kind == "extra_forbidden":
        words = f"unknown key; known here: {', '.join(_known_at(place[:-1]))}"
    elif kind == "missing":
        words = "is missing"
    elif kind == "string_type":
        words = "has to be a text; put it in quotes"
    elif kind in ("model_type", "dict_type"):
        words = "has to hold keys and values"
    words = words.removeprefix("Value error, ")
    for should in ("Input should", "String should"):
        words = words.replace(should, "has to")
    return f"{where or WHOLE}: {words}"


def _known_at(place: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at a place in the file."""
    model: Any = Declared
    for step in place:
        if isinstance(step, str) and step in getattr(model, "model_fields", {}):
            model = model.model_fields[step].annotation
            inner = [kind for kind in get_args(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
            model = inner[-1] if inner else model
    return sorted(model.model_fields)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
    return f"{where}: not YAML: {getattr(error, 'problem', None) or error}"


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that is written twice, where YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parsed(content: str) -> Any:
    return yaml.load(content, Loader=_OnceLoader)  # noqa: S506  a SafeLoader


def _unreadable(declared: Declared, secrets: Secrets) -> Iterator[str]:
    for place, reference in _references(declared):
        try:
            secrets.read(reference)
        except ValueError as error:
            yield f"{place}: {error}"


def _references(declared: Declared) -> Iterator[tuple[str, Reference]]:
    for row, workspace in enumerate(declared.workspaces):
        yield f"workspaces[{row}].token", workspace.token
        for column, channel in enumerate(workspace.channels):
            for name, reference in channel.credentials.items():
                yield f"workspaces[{row}].channels[{column}].credentials.{name}", reference


def _refused(path: Path, problems: list[str]) -> WrongUsage:
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    name = "standard input" if str(path) == "-" else path
    return WrongUsage(f"{name} has {count}", "Nothing was changed; correct the file and apply it again:", problems)


def _once(what: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]} is used twice")
