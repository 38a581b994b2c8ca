"""A running sandbox on a free port, and a server that stands for the business's side."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.app import create_app
from tests.unit.sandbox.harness import Client, MakeSandbox, Receiver, Sandbox, make_settings


@pytest.fixture
async def resources() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def receiver(resources: AsyncExitStack) -> Receiver:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    server = TestServer(app)
    await server.start_server()
    resources.push_async_callback(server.close)
    receiver.url = str(server.make_url("")).rstrip("/")
    return receiver


@pytest.fixture
def make_sandbox(resources: AsyncExitStack) -> MakeSandbox:
    async def make(**settings: Any) -> Sandbox:
        server = TestServer(await create_app(make_settings(**settings)))
        client: Client = TestClient(server)
        await client.start_server()
        resources.push_async_callback(client.close)
        return Sandbox(client)

    return make


@pytest.fixture
async def sandbox(make_sandbox: MakeSandbox) -> Sandbox:
    return await make_sandbox()
