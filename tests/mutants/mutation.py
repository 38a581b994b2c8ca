"""One deliberate mistake in a copy of the sources, and the tests that must notice it."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class NotApplicable(Exception):
    """The code that a mutation takes out is not there as it says: the mutation must follow the code."""


@dataclass(frozen=True)
class Edit:
    """In `file`, `old` (which stands there exactly once) becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """
    What is taken out, and what should turn red.

    `tests`: files or node ids of pytest; the fewer and the quicker the better. `servers`: whether they need a broker
    or a database.
    """

    name: str
    takes_out: str
    edits: Sequence[Edit]
    tests: Sequence[str]
    servers: bool = True


def apply(mutation: Mutation, root: Path) -> Mapping[Path, str]:
    """
    The texts that the mutated files would have.

    Raises:
        NotApplicable: a pattern does not stand there exactly once, or the outcome is no Python any more.
    """
    texts: dict[Path, str] = {}
    for edit in mutation.edits:
        path = root / edit.file
        if not path.is_file():
            raise NotApplicable(f"{edit.file} is not there")
        text = texts.get(path, path.read_text())
        found = text.count(edit.old)
        if found != 1:
            raise NotApplicable(f"{edit.file} holds {edit.old.strip().splitlines()[0]!r}… {found} times, not once")
        texts[path] = text.replace(edit.old, edit.new)
    for path, text in texts.items():
        if path.suffix == ".py":
            _must_parse(path.relative_to(root), text)
    return texts


def _must_parse(path: Path, text: str) -> None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise NotApplicable(f"{path} is no Python any more: line {error.lineno}, {error.msg}") from None
