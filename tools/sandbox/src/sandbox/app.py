"""Puts the sandbox together; the only place that knows every part."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web

from sandbox.bus import Bus
from sandbox.control import Control, refusals
from sandbox.intake import Intake
from sandbox.intercom.api import IntercomApi
from sandbox.intercom.desk import Desk
from sandbox.intercom.oauth import OAuth
from sandbox.panel import Panel
from sandbox.playground import Playground, fresh_state
from sandbox.providers.registry import build_providers
from sandbox.receipts import Receipts
from sandbox.settings import Settings
from sandbox.snapshot import Saver, load
from sandbox.stream import Stream

_PAGE = Path(__file__).parent / "page"
# Nothing but our own files runs; images may come from anywhere a canvas says.
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_LARGEST_BODY_BYTES = 2**20


async def create_app(settings: Settings) -> web.Application:
    """
    The application; its background work starts and stops with it.

    Raises:
        SnapshotError: the state file is unreadable.
    """
    state = (load(settings.state_file) if settings.state_file else None) or fresh_state()
    stream = Stream()
    bus = Bus(settings.amqp_url, stream)
    saver = Saver(settings.state_file, lambda: state)
    session = aiohttp.ClientSession()
    receipts = Receipts(session, stream, saver.changed)
    desk = Desk(state.world, settings.workspace_id, stream, saver.changed)
    intake = Intake(state.ledger, state.behaviours, receipts, stream, saver.changed)
    providers = build_providers(settings, intake)
    playground = Playground(
        state=state,
        desk=desk,
        stream=stream,
        saver=saver,
        receipts=receipts,
        panel=Panel(session, desk, settings.gateway_url, settings.client_secret),
        providers=providers,
    )

    oauth = OAuth(desk, state.grants, settings.oauth, settings.client_secret)

    async def background(_: web.Application) -> AsyncIterator[None]:
        async with session:
            saver.start()
            bus.start()
            yield
            await bus.stop()
            await receipts.stop()
        await saver.stop()

    async def let_pages_go(_: web.Application) -> None:
        stream.close()

    app = web.Application(middlewares=[refusals], client_max_size=_LARGEST_BODY_BYTES)
    app.cleanup_ctx.append(background)
    app.on_shutdown.append(let_pages_go)
    app.add_routes([web.get("/", _index), web.get("/page/{file}", _page_file)])
    app.add_routes(Control(playground).routes())
    for provider in providers.values():
        app.add_routes(provider.routes())
    app.add_subapp("/intercom", IntercomApi(desk, state.behaviours, settings.intercom_token, oauth).build())
    return app


async def _index(request: web.Request) -> web.FileResponse:
    return web.FileResponse(_PAGE / "index.html", headers=_PAGE_HEADERS)


async def _page_file(request: web.Request) -> web.FileResponse:
    known = {path.name: path for path in _PAGE.iterdir()}
    path = known.get(request.match_info["file"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers=_PAGE_HEADERS)
