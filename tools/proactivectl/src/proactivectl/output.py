"""What is printed: words and tables for people, or with --json one document for programs. Errors go to stderr."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proactivectl.failures import Failure

_UNBOUNDED = 1000
"""Columns of a line that no terminal shows: nothing is cut off or folded in a file or a pipe."""


class _Mode:
    json = False


def use_json(asked: bool) -> bool:
    """Print one JSON document from now on, instead of words."""
    _Mode.json = asked or _Mode.json
    return asked


def is_json() -> bool:
    """Whether programs read it."""
    return _Mode.json


def reset() -> None:
    """Print words again."""
    _Mode.json = False


AsJson = Annotated[
    bool,
    typer.Option("--json", callback=use_json, is_eager=True, help="Print one JSON document instead of words."),
]
"""The option that every command has."""


def count(number: int, thing: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def show(document: Any, in_words: Callable[[], None]) -> None:
    """The result of a command, once per run."""
    if _Mode.json:
        print(json.dumps(document, default=str, indent=2))
    else:
        in_words()


def say(words: str, style: str = "") -> None:
    """One line for people; silent with --json."""
    if not _Mode.json:
        console().print(shown(words, style))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Rows under their columns, or the sentence `empty`."""
    if not rows:
        say(empty)
    if rows and not _Mode.json:
        console().print(grid(columns, rows))


def grid(columns: Sequence[str], rows: Sequence[Sequence[object]], gap: int = 3) -> Table:
    """Rows under their columns, `gap` blanks apart, to be printed."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(shown(cell) for cell in row))
    return made


def complain(failure: Failure) -> None:
    """A failure: on stderr in words, and with --json on stdout as well, as `{"error": …}`."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), shown(failure.line)))
    for detail in failure.details:
        console.print(shown(f"  {detail}"))
    if _Mode.json:
        error = {"what": failure.what, "advice": failure.advice, "details": failure.details}
        print(json.dumps({"error": error}, indent=2))


def console() -> Console:
    """As wide as the terminal; colours in a terminal only."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)


def shown(cell: object, style: str = "") -> Text:
    """Without what would move a terminal's cursor: names and details come from outside. A Text is shown as it is."""
    if isinstance(cell, Text):
        return cell
    words = "–" if cell is None or cell == "" else str(cell)
    return Text("".join(letter if letter.isprintable() else " " for letter in words), style=style)
