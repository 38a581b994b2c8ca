"""Short names for the components that our screens are made of; every text loses its markup here, in one place."""

from collections.abc import Iterable
from typing import Literal

from canvas_gateway.canvas_kit.components import (
    Button,
    DataTable,
    Dropdown,
    FieldValue,
    Input,
    Item,
    Option,
    Spacer,
    SubmitAction,
    Text,
    Textarea,
    UrlAction,
)
from canvas_gateway.canvas_kit.plain import clipped, without_markup

_SUBMIT = SubmitAction()
_LONGEST_TEXT = 2_000
"""Characters of one paragraph: more would not be read, and ten of them stay far below Intercom's 64 KB."""


def header(words: str) -> Text:
    """The title of a screen."""
    return _text(words, "header")


def paragraph(words: str) -> Text:
    """What is meant to be read."""
    return _text(words, "paragraph")


def muted(words: str) -> Text:
    """What may be read: advice, and what is not there."""
    return _text(words, "muted")


def error(words: str) -> Text:
    """What went wrong, standing alone."""
    return _text(words, "error")


def together(*lines: Text) -> list[Text]:
    """Lines that say one thing: without the distance between them that Intercom leaves below each text."""
    close = [line.model_copy(update={"bottom_margin": "none"}) for line in lines[:-1]]
    return [*close, *lines[-1:]]


def primary(id: str, label: str) -> Button:  # noqa: A002  Canvas Kit's word
    """The button that goes on; never on the first canvas."""
    return Button(id=id, label=label, action=_SUBMIT, style="primary")


def secondary(id: str, label: str) -> Button:  # noqa: A002  Canvas Kit's word
    """A button beside or instead of the primary one."""
    return Button(id=id, label=label, action=_SUBMIT, style="secondary")


def link(id: str, label: str) -> Button:  # noqa: A002  Canvas Kit's word
    """Back, Done, Finish and what leads aside."""
    return Button(id=id, label=label, action=_SUBMIT, style="link")


def leave(id: str, label: str, url: str) -> Button:  # noqa: A002  Canvas Kit's word
    """A link to a page, which opens in a new tab."""
    return Button(id=id, label=label, action=UrlAction(url=url), style="link")


def line_input(id: str, label: str, value: str, *, refused: bool = False, example: str | None = None) -> Input:  # noqa: A002
    """One line to type in, red where its content was refused."""
    state: Literal["failed"] | None = "failed" if refused else None
    return Input(id=id, label=label, value=value or None, save_state=state, placeholder=example)


def dropdown(id: str, label: str, choices: Iterable[tuple[str, str]], chosen: str) -> Dropdown:  # noqa: A002
    """Two to ten choices, as id and words, of which one is taken; it needs a button beside it."""
    options = tuple(Option(id=choice, text=words) for choice, words in choices)
    return Dropdown(id=id, label=label, options=options, value=chosen)


def textarea(id: str, label: str, value: str, *, refused: bool = False) -> Textarea:  # noqa: A002  Canvas Kit's word
    """Several lines to type in, marked where their content was refused."""
    return Textarea(id=id, label=label, value=value or None, error=True if refused else None)


def row(
    id: str,  # noqa: A002  Canvas Kit's word
    title: str,
    subtitle: str | None = None,
    tertiary: str | None = None,
    *,
    disabled: bool = False,
) -> Item:
    """One row of a list that is submitted on a click, or that cannot be chosen."""
    return Item(
        id=id,
        title=title,
        subtitle=subtitle or None,
        tertiary_text=tertiary or None,
        disabled=True if disabled else None,
        action=None if disabled else _SUBMIT,
    )


def table(rows: Iterable[tuple[str, str]]) -> DataTable:
    """Names and values; what has no value is left out."""
    return DataTable(items=tuple(FieldValue(field=name, value=value) for name, value in rows if value))


def gap() -> Spacer:
    """The small space above Back and Done."""
    return Spacer(size="xs")


def _text(words: str, style: Literal["header", "paragraph", "muted", "error"]) -> Text:
    return Text(text=without_markup(clipped(words, _LONGEST_TEXT)), style=style, align="left")
