"""Whether a process is alive, whether it can do its work, and its metrics, on a port of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import disable_created_metrics
from prometheus_client.aiohttp import make_aiohttp_handler

from runtime.http import serve
from runtime.metrics import READY

Check = Callable[[], Awaitable[str | None]]

CHECK_SECONDS = 2.0


class Health:
    """Named checks, each None when all is well, else what is missing; never ready before `started`."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._phase: str | None = "starting"

    def add(self, name: str, check: Check) -> None:
        """Readiness needs this one as well."""
        self._checks[name] = check

    def started(self) -> None:
        """Every part is there, and from now on the checks decide."""
        self._phase = None

    def drain(self) -> None:
        """Not ready from now on: the process is about to stop."""
        self._phase = "stopping"

    async def missing(self) -> dict[str, str]:
        """What is missing, by the name of its check; empty when ready."""
        checks = dict(self._checks)
        results = await asyncio.gather(*(self._run(check) for check in checks.values()))
        found = {"process": self._phase, **dict(zip(checks, results, strict=True))}
        for name, trouble in found.items():
            READY.labels(name).set(trouble is None)
        return {name: trouble for name, trouble in found.items() if trouble is not None}

    async def _run(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await check()
        except TimeoutError:
            return f"no answer within {CHECK_SECONDS:g} s"
        except Exception as error:
            return f"{type(error).__name__}: {error}"


@asynccontextmanager
async def serve_ops(health: Health, host: str, port: int) -> AsyncIterator[int]:
    """Serve /healthz, /readyz and /metrics while the context lasts; yields the port."""
    disable_created_metrics()  # type: ignore[no-untyped-call]

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_request: web.Request) -> web.Response:
        missing = await health.missing()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    page = make_aiohttp_handler()

    async def metrics(request: web.Request) -> web.StreamResponse:
        await health.missing()
        return await page(request)

    app = web.Application()
    app.add_routes([web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", metrics)])
    async with serve(app, host, port) as bound:
        yield bound
