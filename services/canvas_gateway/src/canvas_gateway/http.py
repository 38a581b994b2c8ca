"""The two addresses that Intercom calls for the panel: who it is first, then what it says, then the canvas."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from aiohttp import web
from pydantic import SecretStr, ValidationError

from canvas_gateway.canvas_kit.requests import Initialize, Submit
from canvas_gateway.canvas_kit.strict_json import MalformedJson, parse_object
from canvas_gateway.handlers.panel import Drawn, Panel
from canvas_gateway.metrics import REQUESTS, SECONDS, SUBMISSIONS
from intercom_api import signature_is_valid
from proactive_contracts.envelope import traceparent_of
from runtime.http import problem
from runtime.logs import about, get_logger

_READ_SECONDS = 10.0
"""How long a body may take to arrive; Intercom's are there at once."""

MAX_BODY = 2 * 1024 * 1024
"""
Bytes of a request that are read before it is known whose it is.

Intercom's textarea has no limit of its own: this takes 150,000 emoji, at 12 bytes each in JSON, beside the two times
64 KB of the panel that comes back with every click.
"""

_SIGNATURE = "X-Body-Signature"
_DIGEST = re.compile("[0-9a-fA-F]{64}")
"""Who sends one knows how Intercom signs; strangers who knock send none."""

Asked = TypeVar("Asked", bound=Initialize)

log = get_logger()


class CanvasEndpoints:
    """`POST /canvas/initialize` and `POST /canvas/submit`."""

    def __init__(self, panel: Panel, client_secrets: Sequence[SecretStr]) -> None:
        self._panel = panel
        self._client_secrets = client_secrets

    def application(self) -> web.Application:
        """What the public port serves; oauth adds what browsers see."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/canvas/initialize", self.initialize)
        app.router.add_post("/canvas/submit", self.submit)
        return app

    async def initialize(self, request: web.Request) -> web.Response:
        """The panel is opened."""
        return await self._answer("initialize", request, Initialize, self._panel.initialize)

    async def submit(self, request: web.Request) -> web.Response:
        """Something in the panel was clicked."""
        return await self._answer("submit", request, Submit, self._panel.submit)

    async def _answer(
        self,
        endpoint: str,
        request: web.Request,
        model: type[Asked],
        draw: Callable[[Asked], Awaitable[Drawn]],
    ) -> web.Response:
        started = time.perf_counter()
        try:
            asked = self._read(await _body(request), request, model)
            drawn = await draw(asked)
        except _Turned as turned:
            REQUESTS.labels(endpoint, turned.outcome).inc()
            log.warning("canvas_request_refused", endpoint=endpoint, outcome=turned.outcome)
            return turned.answer
        except Exception:
            REQUESTS.labels(endpoint, "error").inc()
            raise
        seconds = time.perf_counter() - started
        REQUESTS.labels(endpoint, drawn.outcome).inc()
        SECONDS.labels(endpoint).observe(seconds)
        _count_submission(drawn)
        _log(endpoint, asked, drawn, seconds)
        return web.json_response(drawn.answer)

    def _read(self, raw: bytes, request: web.Request, model: type[Asked]) -> Asked:
        """The request, once it is known to be Intercom's: nothing is parsed before that."""
        given = request.headers.getall(_SIGNATURE, [])
        if len(given) != 1 or not signature_is_valid(raw, given[0], self._client_secrets):
            signed = len(given) == 1 and _DIGEST.fullmatch(given[0])
            answer = problem(401, "Not authorised", "The signature is missing or not valid.")
            raise _Turned("unauthorized" if signed else "unsigned", answer)
        try:
            return model.model_validate(parse_object(raw))
        except MalformedJson as error:
            raise _malformed(str(error)) from None
        except ValidationError as error:
            raise _malformed(_explain(error)) from None


class _Turned(Exception):
    """Turned away before the panel saw it."""

    def __init__(self, outcome: str, answer: web.Response) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.answer = answer


async def _body(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Turned("encoded", problem(415, "Not supported", "Send the body without Content-Encoding."))
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _Turned("too_large", problem(413, "Too large", f"At most {MAX_BODY} bytes are read.")) from None
    except TimeoutError:
        raise _Turned("slow", problem(408, "Too slow", "The body did not arrive in time.")) from None


def _malformed(detail: str) -> _Turned:
    return _Turned("malformed", problem(400, "Not a canvas request", detail))


def _explain(error: ValidationError) -> str:
    """Each field and its rule, without its value."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in problems[:10])


def _count_submission(drawn: Drawn) -> None:
    submission = drawn.state.submission
    if submission is not None and drawn.outcome == drawn.state.screen.value:
        SUBMISSIONS.labels(submission.request.channel.value, drawn.outcome).inc()


def _log(endpoint: str, asked: Initialize, drawn: Drawn, seconds: float) -> None:
    submission = drawn.state.submission
    message_id = submission.request.message_id if submission else None
    trace = None if message_id is None else traceparent_of(asked.workspace_id, message_id)
    with about(asked.workspace_id, message_id, trace):
        log.info(
            "canvas_answered",
            endpoint=endpoint,
            outcome=drawn.outcome,
            conversation_id=asked.conversation.id,
            admin_id=asked.admin.id,
            event_id=str(submission.event_id) if submission else None,
            milliseconds=round(seconds * 1000),
        )
