"""Calls the app's panel as Intercom's Inbox does: builds the Canvas Kit request, signs it, sends it."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal

import aiohttp
from pydantic import BaseModel, ConfigDict

from sandbox.canvas_rules import canvas_problems
from sandbox.errors import ControlError, NotThereError
from sandbox.intercom import shapes
from sandbox.intercom.desk import Desk

# Undocumented by Intercom; reports speak of about 10 s.
_CALL_SECONDS = 12


class PanelOpening(BaseModel):
    """A teammate opens the panel beside a conversation; no contact means the conversation's own."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str
    admin_id: str
    contact_id: str | None = None


class PanelSubmit(PanelOpening):
    """A teammate presses something in the panel."""

    component_id: str
    input_values: dict[str, str | list[str]] = {}
    current_canvas: dict[str, object]


@dataclass(frozen=True)
class PanelAnswer:
    """
    What came back: the gateway's HTTP status, and its canvas or why there is none.

    `problems` are what Intercom's Canvas Kit reference does not allow in that canvas.
    """

    http_status: int
    status: int | None
    canvas: dict[str, object] | None = None
    error: str | None = None
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As the page and the demonstration read it."""
        body: dict[str, object] = {"status": self.status, "canvas": self.canvas}
        if self.error is not None:
            body["error"] = self.error
        if self.problems:
            body["problems"] = list(self.problems)
        return body


def sign(secret: str, body: bytes) -> str:
    """X-Body-Signature: hex HMAC-SHA256 of the raw body with the app's client secret."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Panel:
    """The Inbox's side of the conversation with the app."""

    def __init__(self, session: aiohttp.ClientSession, desk: Desk, gateway_url: str, secret: str) -> None:
        self._session = session
        self._desk = desk
        self._gateway_url = gateway_url
        self._secret = secret

    async def open(self, opening: PanelOpening) -> PanelAnswer:
        """Initialize."""
        return await self._call("initialize", self._common(opening))

    async def submit(self, submit: PanelSubmit) -> PanelAnswer:
        """Submit what was pressed, with the canvas that it was pressed on."""
        request = {
            **self._common(submit),
            "current_canvas": submit.current_canvas,
            "input_values": submit.input_values,
            "component_id": submit.component_id,
        }
        return await self._call("submit", request)

    def _common(self, opening: PanelOpening) -> dict[str, object]:
        world = self._desk.world
        conversation = world.conversations.get(opening.conversation_id)
        if conversation is None:
            raise NotThereError(f"there is no conversation {opening.conversation_id}", "conversation_id")
        if opening.admin_id not in world.admins:
            raise ControlError(f"there is no teammate {opening.admin_id}", "admin_id")
        contact_id = opening.contact_id or conversation.contact_id
        if contact_id not in world.contacts:
            raise ControlError(f"there is no contact {contact_id}", "contact_id")
        return {
            "workspace_id": self._desk.workspace_id,
            "workspace_region": "US",
            "admin": shapes.canvas_admin(world.admins[opening.admin_id]),
            "conversation": shapes.canvas_conversation(conversation, world),
            "contact": shapes.contact(world.contacts[contact_id], self._desk.workspace_id),
        }

    async def _call(self, what: Literal["initialize", "submit"], request: dict[str, object]) -> PanelAnswer:
        body = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "X-Body-Signature": sign(self._secret, body)}
        timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
        url = f"{self._gateway_url}/canvas/{what}"
        try:
            async with self._session.post(url, data=body, headers=headers, timeout=timeout) as response:
                return _read(response.status, await response.read())
        except TimeoutError:
            return PanelAnswer(504, None, error=f"The app did not answer within {_CALL_SECONDS} s.")
        except aiohttp.ClientError as error:
            return PanelAnswer(502, None, error=f"The app could not be reached at {url}: {error}")


def _read(status: int, body: bytes) -> PanelAnswer:
    if status != 200:
        reason = body[:300].decode(errors="replace")
        return PanelAnswer(200, status, error=f"The app answered {status} instead of a canvas: {reason}")
    try:
        answer = json.loads(body)
        canvas = answer["canvas"]
        components = canvas["content"]["components"]
    except (ValueError, TypeError, KeyError):
        return PanelAnswer(200, status, error="The app answered 200, but not with a canvas.")
    if not isinstance(components, list):
        return PanelAnswer(200, status, error="The app's canvas has no list of components.")
    return PanelAnswer(200, status, canvas=canvas, problems=tuple(canvas_problems(canvas)))
