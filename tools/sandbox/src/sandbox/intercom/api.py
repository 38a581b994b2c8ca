"""The fake Intercom as one application: token, rate headers, errors and behaviour around every endpoint."""

import asyncio
import hmac
import time
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.behaviour import Behaviours, IntercomBehaviour
from sandbox.intercom.answers import IntercomError, RateHeaders, error_list, not_found
from sandbox.intercom.contacts import Contacts
from sandbox.intercom.conversations import Conversations
from sandbox.intercom.desk import Desk
from sandbox.intercom.oauth import OAuth
from sandbox.intercom.workspace import Workspace

_EXHAUSTED_SECONDS = 10.0
_RATE_LIMITED = IntercomError(429, "rate_limit_exceeded", "Exceeded rate limit for this app")
_SERVER_ERROR = IntercomError(500, "server_error", "Internal server error")
_UNAUTHORIZED = IntercomError(401, "unauthorized", "Access Token Invalid")


class IntercomApi:
    """Mounted under /intercom; everything else in the sandbox reaches the workspace through the desk."""

    def __init__(self, desk: Desk, behaviours: Behaviours, token: str, oauth: OAuth) -> None:
        self._behaviours = behaviours
        self._token = token
        self._oauth = oauth
        self._rate = RateHeaders()
        self._desk = desk

    def build(self) -> web.Application:
        app = web.Application(middlewares=[self._around])
        for endpoints in (Workspace(self._desk), Contacts(self._desk), Conversations(self._desk), self._oauth):
            app.add_routes(endpoints.routes())
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = _path(request)
        if path == "/oauth":
            return await handler(request)
        if path != "/auth/eagle/token" and not self._authorised(request):
            return self._headed(error_list(_UNAUTHORIZED))
        behaviour = self._behaviours.take_intercom(_subject(request), time.time())
        if behaviour.remaining is not None:
            self._desk.stream.tell("behaviour", f"Intercom: {behaviour.mode} used once")
            self._desk.changed()
        return await self._behave(request, handler, behaviour)

    async def _behave(self, request: web.Request, handler: Handler, behaviour: IntercomBehaviour) -> web.StreamResponse:
        match behaviour.mode:
            case "down":
                if request.transport is not None:
                    request.transport.close()
                return web.Response()
            case "rate_limited":
                ends_at = self._behaviours.limit_ends_at
                exhausted = _EXHAUSTED_SECONDS if ends_at is None else ends_at - time.time()
                return self._headed(error_list(_RATE_LIMITED), exhausted)
            case "error":
                return self._headed(error_list(_SERVER_ERROR))
            case "error_after_doing":
                await self._answer(request, handler)
                return self._headed(error_list(_SERVER_ERROR))
            case "slow_after_doing":
                answer = await self._answer(request, handler)
                await asyncio.sleep(behaviour.delay_seconds)
                return self._headed(answer)
            case "slow":
                await asyncio.sleep(behaviour.delay_seconds)
                if request.transport is None:  # the caller gave up meanwhile: nothing of the body can be read any more
                    return web.Response()
        return self._headed(await self._answer(request, handler))

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except IntercomError as error:
            return error_list(error)
        except web.HTTPException as error:
            if error.status == 405:
                return error_list(IntercomError(405, "method_not_allowed", "Method Not Allowed"))
            return error_list(not_found("The requested resource was not found"))

    def _authorised(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            return False
        token = given.removeprefix("Bearer ")
        return hmac.compare_digest(token.encode(), self._token.encode()) or self._oauth.knows(token)

    def _headed(self, response: web.StreamResponse, exhausted_for: float | None = None) -> web.StreamResponse:
        version = "2.16"
        response.headers["Intercom-Version"] = version
        self._rate.put_on(response, exhausted_for)
        return response


def _path(request: web.Request) -> str:
    return request.path.removeprefix("/intercom")


def _subject(request: web.Request) -> Literal["contacts", "notes", "messages", "other"]:
    path = _path(request)
    if path.startswith("/contacts"):
        return "contacts"
    if path == "/messages":
        return "messages"
    return "notes" if path.endswith("/reply") else "other"
