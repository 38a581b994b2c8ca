"""Files that people write for proactivectl: YAML with references to secrets, every problem told at once."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from proactivectl.failures import WrongUsage
from proactivectl.secret_references import Reference

WHOLE = "the file"
"""Where a problem is that belongs to no key."""


class Strict(BaseModel):
    """A part of such a file: what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Strict)


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


def load(path: Path, model: type[Model]) -> tuple[Model, Secrets]:
    """
    Read the file at `path` (`-`: standard input) and every secret that it refers to.

    Raises:
        WrongUsage: with every problem and its place in the file; secrets are never shown.
    """
    try:
        content = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WrongUsage(f"{path} cannot be read ({reason})", "Name another.") from None
    try:
        read = model.model_validate(_parsed(content))
    except yaml.YAMLError as error:
        raise _refused(path, [_yaml_problem(error)]) from None
    except ValidationError as error:
        raise _refused(path, explain(error, model)) from None
    secrets = Secrets(Path() if str(path) == "-" else path.parent)
    missing = list(_unreadable(read, secrets))
    if missing:
        raise _refused(path, missing)
    return read, secrets


def explain(error: ValidationError, model: type[BaseModel] = Strict) -> list[str]:
    """One line a problem: its place as it stands in the file, and what is wrong, without the value."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return [_explain(problem["loc"], problem["type"], problem["msg"], model) for problem in problems]


def _explain(place: tuple[int | str, ...], kind: str, words: str, root: type[BaseModel]) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    if kind == "extra_forbidden":
        words = f"unknown key; known here: {', '.join(_known_at(root, place[:-1]))}"
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


def _known_at(root: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of the model at a place in the file."""
    model: Any = root
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


def _unreadable(read: BaseModel, secrets: Secrets) -> Iterator[str]:
    for place, reference in _references(read, ""):
        try:
            secrets.read(reference)
        except ValueError as error:
            yield f"{place}: {error}"


def _references(part: object, place: str) -> Iterator[tuple[str, Reference]]:
    """Wherever the file refers to a secret."""
    if isinstance(part, Reference):
        yield place, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _references(getattr(part, name), f"{place}.{name}".lstrip("."))
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _references(value, f"{place}.{name}")
    elif isinstance(part, list | tuple):
        for row, value in enumerate(part):
            yield from _references(value, f"{place}[{row}]")


def _refused(path: Path, problems: list[str]) -> WrongUsage:
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    name = "standard input" if str(path) == "-" else path
    return WrongUsage(f"{name} has {count}", "Nothing was changed; correct the file and apply it again:", problems)


def once(what: str, values: Sequence[str]) -> None:
    """Raises ValueError where a value is there twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]} is used twice")
