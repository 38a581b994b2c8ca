"""Every screen of the panel in its worst states, drawn by the sandbox's page at its true width."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Route

from canvas_gateway.canvas_kit.canvas import answer
from devstack.inbox_page import InboxPage
from tests.contract.test_canvas_screens import CANVASES
from tests.support.contrast import contrast
from tests.support.sandbox import running_sandbox

Theme = Literal["light", "dark"]

FIRST_CANVAS_PIXELS = 400
"""Intercom's limit for the canvas that a panel opens with."""

TALL_PIXELS = 2500
"""So high that nothing of a long screen has to be scrolled to."""

_BUILD = {"type", "style", "align", "size", "width", "disabled", "bottom_margin", "components", "items", "options"}
"""What two components have in common that differ in their words only."""

HEIGHT = """card => {
    const below = parseFloat(getComputedStyle(card).paddingBottom);
    return Math.max(...[...card.children].map(child => child.getBoundingClientRect().bottom))
        + below - card.getBoundingClientRect().top;
}"""

# What reaches out of the card to either side; what is wider than its own box and not cut off there.
TOO_WIDE = """card => {
    const frame = card.getBoundingClientRect();
    const named = node => `${node.tagName.toLowerCase()}.${node.className} "${node.textContent.slice(0, 40)}"`;
    const reaches = node => {
        const box = node.getBoundingClientRect();
        return box.width > 0 && (box.right > frame.right + 1 || box.left < frame.left - 1);
    };
    const bursts = node => !node.matches("input, textarea, select")
        && getComputedStyle(node).overflowX === "visible" && node.scrollWidth > node.clientWidth + 1
        && getComputedStyle(node).display !== "inline";
    return [...card.querySelectorAll("*")].filter(node => reaches(node) || bursts(node)).map(named);
}"""


class Gallery:
    """One page that shows whatever canvas it is given, as if the gateway had answered it."""

    def __init__(self, inbox: InboxPage) -> None:
        self._inbox = inbox
        self._canvas: Mapping[str, Any] = {"content": {"components": []}}
        inbox.page.route("**/sandbox/panel/initialize", self._answer)

    def show(self, canvas: Mapping[str, Any]) -> None:
        """Open the panel with this canvas."""
        self._canvas = canvas
        self._inbox.press("Open again")

    def ask(self, question: str) -> Any:
        """What a function of the card's element gives."""
        return self._inbox.card.evaluate(question)

    def faint(self, theme: Theme) -> list[str]:
        """What is hard to read in this theme, in which the page stays."""
        self._inbox.page.emulate_media(color_scheme=theme)
        return contrast(self._inbox.page).faint

    def photograph(self, path: Path) -> None:
        """Keep the card alone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._inbox.card.screenshot(path=path, animations="disabled")

    def _answer(self, route: Route) -> None:
        body = json.dumps({"status": 200, "canvas": self._canvas})
        route.fulfill(status=200, content_type="application/json", body=body)


@pytest.fixture(scope="module")
def gallery(browser: Browser) -> Iterator[Gallery]:
    """One page for all screens."""
    with running_sandbox() as url:
        context = browser.new_context(viewport={"width": 1280, "height": TALL_PIXELS}, reduced_motion="reduce")
        inbox = InboxPage(context.new_page(), url)
        made = Gallery(inbox)
        inbox.page.goto(f"{url}/")
        inbox.settle()
        yield made
        context.close()


def _built(component: Any) -> Any:
    """How a screen is put together, whatever it says."""
    if isinstance(component, Mapping):
        return tuple((key, _built(value)) for key, value in sorted(component.items()) if key in _BUILD)
    return tuple(map(_built, component)) if isinstance(component, list) else str(component)[:20]


def _worst() -> list[str]:
    """Of the screens that are built alike those with the most words and the longest one; every Home, for its height."""
    alike: dict[Any, list[str]] = defaultdict(list)
    said = {name: json.dumps(answer(components, {})["canvas"]) for name, (_, components) in CANVASES.items()}
    for name, (screen, components) in CANVASES.items():
        alike[screen, _built(answer(components, {})["canvas"]["content"]["components"])].append(name)
    longest_word = {name: max(map(len, re.split(r"[\s\"]+", text))) for name, text in said.items()}
    most = {max(names, key=lambda name: len(said[name])) for names in alike.values()}
    longest = {max(names, key=lambda name: longest_word[name]) for names in alike.values()}
    return [name for name, (screen, _) in CANVASES.items() if name in most | longest or screen == "home"]


@pytest.mark.parametrize("name", _worst())
def test_screen_fits_the_panel(gallery: Gallery, screenshots: Path, name: str) -> None:
    screen, components = CANVASES[name]
    gallery.show(answer(components, {})["canvas"])
    file = re.sub(r"[^\w-]+", "-", name)
    gallery.photograph(screenshots / f"{file}.png")
    assert gallery.ask(TOO_WIDE) == []
    assert [gallery.faint("dark"), gallery.faint("light")] == [[], []]
    if screen == "home":
        assert gallery.ask(HEIGHT) <= FIRST_CANVAS_PIXELS
