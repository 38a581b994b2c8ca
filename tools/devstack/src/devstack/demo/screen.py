"""What an agent sees and can click: one canvas of the panel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devstack.demo.checks import Unexpected

Component = Mapping[str, Any]

_TYPED_INTO = ("input", "textarea")
_CHOSEN_FROM = ("dropdown", "single-select")


@dataclass(frozen=True)
class Screen:
    """One canvas. Words are looked for as an agent would: in texts, labels, rows and tables."""

    canvas: Mapping[str, Any]

    @property
    def components(self) -> Sequence[Component]:
        """From top to bottom."""
        components: Sequence[Component] = self.canvas["content"]["components"]
        return components

    def texts(self) -> list[str]:
        """Everything that can be read."""
        return [text for component in self.components for text in _texts_of(component) if text]

    def buttons(self) -> list[str]:
        """The labels of the buttons."""
        return [str(component["label"]) for component in self._of("button")]

    def rows(self) -> list[Component]:
        """The rows of the lists."""
        return [item for component in self._of("list") for item in component["items"]]

    def row(self, *words: str) -> str:
        """
        The id of the first row that has all these words.

        Raises:
            Unexpected: there is none.
        """
        for row in self.rows():
            if all(any(word in text for text in _texts_of(row) if text) for word in words):
                return str(row["id"])
        raise Unexpected(f"a row with {' and '.join(words)}", self)

    def shows(self, words: str) -> bool:
        """Whether these words stand somewhere."""
        return any(words in text for text in self.texts())

    def says(self, sentence: str) -> bool:
        """Whether this sentence stands alone."""
        return sentence in self.texts()

    def value(self, label: str) -> str:
        """What stands in an input, by its label."""
        return str(self.component(self.input_id(label)).get("value") or "")

    def values(self) -> dict[str, str]:
        """What stands in every input, and what is chosen, by id: Intercom sends all of it."""
        inputs = self._of(*_TYPED_INTO, *_CHOSEN_FROM)
        return {str(component["id"]): str(component.get("value") or "") for component in inputs}

    def input_id(self, label: str) -> str:
        """
        The id of an input, by its label.

        Raises:
            Unexpected: there is none.
        """
        for component in self._of(*_TYPED_INTO):
            if component.get("label") == label:
                return str(component["id"])
        raise Unexpected(f"an input {label!r}", self)

    def option(self, label: str, words: str) -> tuple[str, str]:
        """
        The ids of a dropdown and of one of its options, by what stands on them.

        Raises:
            Unexpected: there is none.
        """
        for dropdown in self._of("dropdown"):
            for option in dropdown["options"]:
                if (dropdown.get("label"), option["text"]) == (label, words):
                    return str(dropdown["id"]), str(option["id"])
        raise Unexpected(f"a dropdown {label!r} with {words!r}", self)

    def component(self, component_id: str) -> Component:
        """One component by its id."""
        return next(component for component in self.components if component.get("id") == component_id)

    def clickable(self, what: str) -> str:
        """
        The id behind a button's label, a row's title, or an id.

        Raises:
            Unexpected: nothing that can be clicked has that name.
        """
        things = [*self._of("button", "single-select"), *self.rows()]
        for thing in things:
            named = what in (thing["id"], thing.get("label"), thing.get("title"))
            if named and thing.get("action") and not thing.get("disabled"):
                return str(thing["id"])
        raise Unexpected(f"something to click called {what!r}", self)

    def __str__(self) -> str:
        return " | ".join(self.texts())

    def _of(self, *kinds: str) -> Iterator[Component]:
        return (component for component in self.components if component["type"] in kinds)


def _texts_of(component: Component) -> Iterator[str | None]:
    for name in ("text", "label", "title", "subtitle", "tertiary_text"):
        yield component.get(name)
    if component["type"] == "data-table":
        for row in component["items"]:
            yield f"{row['field']}: {row['value']}"
    for part in (*component.get("options", ()), *component.get("option", ())):
        yield part.get("text")
    if component["type"] == "list":
        for item in component["items"]:
            yield from _texts_of(item)
