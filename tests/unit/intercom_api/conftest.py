"""A fake Intercom, and a client that speaks with it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from intercom_api import Intercom
from tests.unit.intercom_api.fake_intercom import FakeIntercom


@pytest.fixture
async def fake() -> AsyncIterator[FakeIntercom]:
    server = FakeIntercom()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trust_env=False) as client:
        yield client


@pytest.fixture
def intercom(fake: FakeIntercom, session: aiohttp.ClientSession) -> Intercom:
    return Intercom(session, fake.base_url, "token-of-test", timeout_seconds=1)
