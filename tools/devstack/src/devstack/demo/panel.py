"""The panel as the Inbox drives it: Canvas Kit requests, signed over their raw body, and the screens that answer."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from devstack.channels import WORKSPACE
from devstack.demo.calls import Answer, call, call_and_leave
from devstack.demo.checks import Unexpected
from devstack.demo.screen import Screen


@dataclass(frozen=True)
class Teammate:
    """Somebody of the workspace who looks at the panel."""

    id: str
    name: str
    email: str


MARIA = Teammate("814860", "Maria Lopez", "maria.lopez@example.com")
TOM = Teammate("814861", "Tom Becker", "tom.becker@example.com")


@dataclass(frozen=True)
class Person:
    """A contact in Intercom, and the conversation in which the panel stands."""

    id: str
    role: str
    name: str
    conversation_id: str
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class App:
    """Where Intercom calls us, and the secret that it signs with."""

    gateway_url: str
    client_secret: str
    workspace_id: str = WORKSPACE

    def post(self, what: str, body: bytes, signature: str | None = None) -> Answer:
        """POST one canvas request; another signature than the right one may be given."""
        return call("POST", f"{self.gateway_url}/canvas/{what}", body, self.headers(body, signature))

    def post_unsigned(self, what: str, body: bytes) -> Answer:
        """POST one canvas request without a signature."""
        return call("POST", f"{self.gateway_url}/canvas/{what}", body, {"Content-Type": "application/json"})

    def post_and_leave(self, what: str, body: bytes) -> None:
        """POST one canvas request and go before it is answered."""
        call_and_leave(f"{self.gateway_url}/canvas/{what}", body, self.headers(body))

    def headers(self, body: bytes, signature: str | None = None) -> dict[str, str]:
        """With X-Body-Signature: hexadecimal HMAC-SHA256 of the raw body."""
        right = hmac.new(self.client_secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Body-Signature": signature or right}


class Panel:
    """
    One teammate's panel beside one conversation.

    `screen` is what it shows now; buttons, rows and inputs go by what the agent reads on them.
    """

    def __init__(self, app: App, person: Person, teammate: Teammate = MARIA) -> None:
        self.app = app
        self.person = person
        self.teammate = teammate
        self._typed: dict[str, str] = {}
        self._screen: Screen | None = None

    @property
    def screen(self) -> Screen:
        """What it shows now."""
        assert self._screen is not None, "the panel is not open yet"
        return self._screen

    def open(self) -> Screen:
        """The teammate comes to the conversation."""
        return self._show(screen_of(self.app.post("initialize", encode(self.common()))))

    def fill(self, label: str, text: str) -> None:
        """Type into an input; what stood there is gone."""
        self._typed[self.screen.input_id(label)] = text

    def press(self, what: str) -> Screen:
        """Click a button or a row: by label, title or id."""
        return self._show(screen_of(self.app.post("submit", self.request(what))))

    def choose(self, select_id: str, option_id: str) -> Screen:
        """Click one choice of a single-select that is submitted at once."""
        self._typed[select_id] = option_id
        return self.press(select_id)

    def select(self, label: str, option: str) -> None:
        """Choose in a dropdown, by its label and the option's words; it is sent with the next click."""
        dropdown_id, option_id = self.screen.option(label, option)
        self._typed[dropdown_id] = option_id

    def press_at_once(self, what: str, times: int) -> list[Screen]:
        """The same click several times at the same moment; the panel shows the last answer."""
        body = self.request(what)
        with ThreadPoolExecutor(times) as pool:
            answers = list(pool.map(lambda _: self.app.post("submit", body), range(times)))
        screens = [screen_of(answer) for answer in answers]
        self._show(screens[-1])
        return screens

    def press_and_lose_the_answer(self, what: str) -> None:
        """Click; the answer never arrives, so that the panel goes on showing what it showed."""
        self.app.post_and_leave("submit", self.request(what))

    def beside(
        self, *, person: Person | None = None, teammate: Teammate | None = None, screen: Screen | None = None
    ) -> "Panel":
        """A second tab that shows the same screen with the same words typed; or what somebody made of it."""
        twin = Panel(self.app, person or self.person, teammate or self.teammate)
        twin._screen, twin._typed = screen or self._screen, dict(self._typed)
        return twin

    def request(self, what: str) -> bytes:
        """The submit request of a click, as it goes over the wire."""
        submit = {
            **self.common(),
            "current_canvas": self.screen.canvas,
            "input_values": self.screen.values() | self._typed,
            "component_id": self.screen.clickable(what),
        }
        return encode(submit)

    def common(self) -> dict[str, Any]:
        """What initialize and submit share."""
        contact = {name: value for name, value in asdict(self.person).items() if name != "conversation_id"}
        return {
            "workspace_id": self.app.workspace_id,
            "workspace_region": "US",
            "admin": {"type": "admin", **asdict(self.teammate)},
            "conversation": {"type": "conversation", "id": self.person.conversation_id},
            "contact": {"type": "contact", **contact},
        }

    def _show(self, screen: Screen) -> Screen:
        self._screen, self._typed = screen, {}
        return screen


def encode(request: Mapping[str, Any]) -> bytes:
    """A request as bytes, without blanks and with letters as they are: the signature is over exactly these."""
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def screen_of(answer: Answer) -> Screen:
    """
    The screen in an answer.

    Raises:
        Unexpected: it is no canvas.
    """
    if answer.status != 200:
        raise Unexpected("a canvas", answer)
    canvas = answer.json().get("canvas")
    if not isinstance(canvas, dict) or "content" not in canvas:
        raise Unexpected("a canvas", answer)
    return Screen(canvas)
