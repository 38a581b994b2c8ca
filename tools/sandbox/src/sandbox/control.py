"""The sandbox's own HTTP: what tests, the demonstration and the page use to look inside and to switch."""

import json
import time
from dataclasses import dataclass
from typing import Annotated, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.behaviour import IntercomBehaviour, ProviderBehaviour
from sandbox.errors import ControlError, NotThereError
from sandbox.intercom import shapes
from sandbox.intercom.answers import IntercomError
from sandbox.ledger import phone_json, submission_json
from sandbox.panel import PanelOpening, PanelSubmit
from sandbox.playground import Playground, modes_of
from sandbox.providers.ports import Provider

Model = TypeVar("Model", bound=BaseModel)


class ReceiptOrder(BaseModel):
    """One receipt to send now."""

    model_config = ConfigDict(extra="forbid")

    status: str
    error_code: int | None = None


class PhoneReply(BaseModel):
    """What the customer writes back; `sender` is the customer's number, `from` in JSON."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    channel: str
    sender: Annotated[str, Field(alias="from", min_length=1)]
    to: Annotated[str, Field(min_length=1)]
    text: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Control:
    """The endpoints under /sandbox/."""

    playground: Playground

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/world", self._world),
            web.get("/sandbox/ledger", self._ledger),
            web.get("/sandbox/phone", self._phone),
            web.get("/sandbox/conversations", self._conversations),
            web.get("/sandbox/conversations/{conversation_id}", self._conversation),
            web.get("/sandbox/behaviour/{name}", self._behaviour),
            web.put("/sandbox/behaviour/{name}", self._switch),
            web.post("/sandbox/reset", self._reset),
            web.post("/sandbox/panel/initialize", self._panel_initialize),
            web.post("/sandbox/panel/submit", self._panel_submit),
            web.post("/sandbox/phone/reply", self._reply),
            web.post("/sandbox/{provider}/messages/{message_id}/receipt", self._receipt),
            web.get("/sandbox/stream", self.playground.stream.handle),
        ]

    async def _world(self, request: web.Request) -> web.Response:
        return web.json_response(self.playground.describe())

    async def _ledger(self, request: web.Request) -> web.Response:
        provider, to = request.query.get("provider"), request.query.get("to")
        if provider is not None:
            self._provider(provider)
        # A plus sign that was not escaped in the address arrives as a blank.
        number = "+" + to[1:] if to and to.startswith(" ") else to
        rows = self.playground.state.ledger.select(provider, number)
        return web.json_response({"submissions": [submission_json(row) for row in rows]})

    async def _phone(self, request: web.Request) -> web.Response:
        return web.json_response({"messages": phone_json(self.playground.state.ledger)})

    async def _conversations(self, request: web.Request) -> web.Response:
        return web.json_response({"conversations": self.playground.conversations()})

    async def _conversation(self, request: web.Request) -> web.Response:
        desk = self.playground.desk
        try:
            conversation = desk.conversation(request.match_info["conversation_id"])
        except IntercomError:
            raise NotThereError(f"there is no conversation {request.match_info['conversation_id']}") from None
        return web.json_response(shapes.conversation(conversation, desk.world))

    async def _behaviour(self, request: web.Request) -> web.Response:
        return web.json_response(self._named_behaviour(request.match_info["name"]).model_dump())

    async def _switch(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        behaviours = self.playground.state.behaviours
        if name == "intercom":
            behaviours.switch_intercom(await _read(request, IntercomBehaviour), time.time())
        else:
            behaviours.providers[name] = await self._readable_behaviour(self._provider(name), request)
        current = self._named_behaviour(name)
        self.playground.tell("behaviour", f"{name}: behaviour set to {current.mode}")
        return web.json_response(current.model_dump())

    async def _reset(self, request: web.Request) -> web.Response:
        await self.playground.reset()
        return web.json_response({"reset": True})

    async def _panel_initialize(self, request: web.Request) -> web.Response:
        answer = await self.playground.panel.open(await _read(request, PanelOpening))
        return web.json_response(answer.as_json(), status=answer.http_status)

    async def _panel_submit(self, request: web.Request) -> web.Response:
        submit = await _read(request, PanelSubmit)
        answer = await self.playground.panel.submit(submit)
        self.playground.stream.tell("panel", f"panel: {submit.component_id} answered {answer.status or 'not at all'}")
        return web.json_response(answer.as_json(), status=answer.http_status)

    async def _reply(self, request: web.Request) -> web.Response:
        reply = await _read(request, PhoneReply)
        providers = self.playground.providers.values()
        provider = next((one for one in providers if one.channel == reply.channel), None)
        if provider is None:
            channels = ", ".join(one.channel for one in providers)
            raise ControlError(f"channel {reply.channel!r} is not played: use one of {channels}", "channel")
        callback = provider.sign_reply(reply.sender, reply.to, reply.text)
        delivery = await self.playground.receipts.post(callback)
        return web.json_response({"taken": delivery.taken, "answer_status": delivery.answer_status})

    async def _receipt(self, request: web.Request) -> web.Response:
        provider = self._provider(request.match_info["provider"])
        message_id = request.match_info["message_id"]
        submission = self.playground.state.ledger.find(provider.name, message_id)
        if submission is None:
            raise NotThereError(f"{provider.label} has accepted no message {message_id}")
        order = await _read(request, ReceiptOrder)
        if order.status not in provider.receipt_statuses:
            known = ", ".join(sorted(provider.receipt_statuses))
            raise ControlError(f"status {order.status!r} is none of {provider.label}'s: {known}", "status")
        delivery = await self.playground.receipts.send(
            submission, order.status, order.error_code, provider.sign_receipt
        )
        return web.json_response(
            {"taken": delivery.taken, "answer_status": delivery.answer_status}
            if delivery
            else {"taken": False, "answer_status": None}
        )

    async def _readable_behaviour(self, provider: Provider, request: web.Request) -> ProviderBehaviour:
        behaviour = await _read(request, ProviderBehaviour)
        modes = modes_of(provider)
        if behaviour.mode not in modes:
            raise ControlError(f"mode {behaviour.mode!r} is none of {provider.label}'s: {', '.join(modes)}", "mode")
        return behaviour

    def _named_behaviour(self, name: str) -> IntercomBehaviour | ProviderBehaviour:
        if name == "intercom":
            return self.playground.state.behaviours.intercom
        return self.playground.state.behaviours.provider(self._provider(name).name)

    def _provider(self, name: str) -> Provider:
        provider = self.playground.providers.get(name)
        if provider is None:
            known = ", ".join(self.playground.providers)
            raise NotThereError(f"there is no provider {name!r}: use one of {known}", "provider")
        return provider


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers a refused control request with its reason and the field to change."""
    try:
        return await handler(request)
    except ControlError as refused:
        body = {"error": str(refused), "field": refused.field}
        return web.json_response(body, status=refused.status)


async def _read(request: web.Request, model: type[Model]) -> Model:
    try:
        # Strictly JSON: a text that is no JSON is the caller's mistake, named as such.
        body = json.loads(await request.read())
        json.dumps(body, ensure_ascii=False).encode()
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ControlError(f"{field or 'body'}: {first['msg']}", field or "body") from None
    except UnicodeEncodeError:
        # JSON can write it, and nobody can send it on.
        raise ControlError("the body holds half a character: a lone surrogate", "body") from None
    except ValueError:
        raise ControlError("the body is no JSON", "body") from None
