"""The panel for tests: the demo's driver, with every canvas held against Canvas Kit's reference."""

import itertools
from dataclasses import dataclass

from devstack.demo.calls import Answer
from devstack.demo.panel import App
from devstack.demo.scene import Scene
from devstack.stack import Stack
from sandbox.canvas_rules import canvas_problems

MARK = "zq-ref-"
"""Stands in every text of the tests, so that one search through the logs finds all of them."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class CheckedApp(App):
    """Intercom's side, as strict as the reference that the sandbox's rules were written from."""

    def post(self, what: str, body: bytes, signature: str | None = None) -> Answer:
        """POST one canvas request; what comes back as a canvas must be one."""
        answer = super().post(what, body, signature)
        if answer.status == 200:
            canvas = answer.json()["canvas"]
            problems = list(canvas_problems(canvas))
            assert not problems, problems
            primary = [part for part in canvas["content"]["components"] if part.get("style") == "primary"]
            assert not (what == "initialize" and primary), "the first canvas has a primary button"
        return answer


class CheckedScene(Scene):
    """The demo's scene with checked canvases."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.app = CheckedApp(self.app.gateway_url, self.app.client_secret)


def new_text(about: str = "Your parcel is here.") -> str:
    """A text that no other message has."""
    return f"{about} ({MARK}{next(_numbers)})"
