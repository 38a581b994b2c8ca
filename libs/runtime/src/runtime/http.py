"""HTTP on both sides with the same manners: bounded, no surprises, errors as problem+json (RFC 9457)."""

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.typedefs import Middleware
from pydantic import SecretStr

from runtime import tracing
from runtime.logs import get_logger
from runtime.metrics import HTTP_SECONDS

MAX_BODY = 256 * 1024
"""Bytes of a request's body that our servers read."""

_SHUTDOWN_SECONDS = 8.0

log = get_logger()


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve `app` while the context lasts; yields the port, which is a free one where 0 was asked for."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, keepalive_timeout=75)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def client_session(
    total_seconds: float,
    connect_seconds: float = 5,
    trace: Sequence[aiohttp.TraceConfig] = (),
    limit: int = 100,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """
    A client with time limits, a name (Proactive/<version>), no cookies, and nothing from the environment.

    Pass `allow_redirects=False` with every call. aiohttp repeats GET, PUT and DELETE by itself when a kept-alive
    connection drops, POST never.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds, sock_connect=connect_seconds),
        headers={"User-Agent": f"Proactive/{version('proactive-runtime')}"},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[*trace, *tracing.of_calls()],
    )


def problem(status: int, title: str, detail: str, kind: str = "about:blank") -> web.Response:
    """An error as RFC 9457 has it; `kind` is its type, where a client has to tell it from others."""
    return web.json_response(
        {"type": kind, "title": title, "status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
    )


def require_bearer(
    tokens: Sequence[SecretStr],
    open_paths: Collection[str] = (),
    lesser: Callable[[web.Request], Sequence[SecretStr]] = lambda _request: (),
) -> Middleware:
    """Answer 401 unless the request carries one of `tokens`, or of `lesser(request)`; `open_paths` need none."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        offered = given.strip().encode(errors="surrogateescape")  # aiohttp's form for bytes that are no UTF-8
        known = [*tokens, *lesser(request)]
        matches = [hmac.compare_digest(offered, token.get_secret_value().encode()) for token in known]
        if request.path in open_paths or (scheme.lower() == "bearer" and any(matches)):
            return await handler(request)
        answer = problem(401, "Not authorised", "Send the header `Authorization: Bearer <service token>`.")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    return check


def measured(server: str) -> Middleware:
    """Time every answer, under the server's name; the first of its middlewares, so that refusals count as well."""

    @web.middleware
    async def measure(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        try:
            answer = await handler(request)
            status = answer.status
            return answer
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource else "none"
            HTTP_SECONDS.labels(server, route, status).observe(time.perf_counter() - began)

    return measure


@web.middleware
async def errors_as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error of an API is a problem document; nothing of ours leaks through a 500."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(error.status, error.reason, error.text or error.reason)
    except Exception:
        log.exception("request_failed", path=request.path, method=request.method)
        return problem(500, "Internal error", "The request failed on our side; it was logged. Try again.")
