"""Comparing bindings through RabbitMQ's management plugin."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web

from proactive_contracts.topology import Binding, listener
from proactivectl.failures import Failure
from proactivectl.management import alarms, binding_differences, broker_time
from proactivectl.queues import Queued, over_management
from runtime import clock

WANTED = listener("crm")


class FakePlugin:
    """Lists `bindings`, or answers `status`."""

    def __init__(self) -> None:
        self.bindings: list[dict[str, Any]] = []
        self.status = 200
        self.asked: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.json_response(self.bindings, status=self.status)


def entry(binding: Binding) -> dict[str, Any]:
    return {
        "source": binding.exchange,
        "destination": binding.queue,
        "destination_type": "queue",
        "routing_key": binding.key,
    }


@pytest.fixture
async def plugin() -> AsyncIterator[FakePlugin]:
    fake = FakePlugin()
    app = web.Application()
    app.router.add_get("/{path:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://operator:p%40ss@127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


async def test_bindings_as_they_should_be_are_no_difference(plugin: FakePlugin) -> None:
    default = {"source": "", "destination": "listener.crm", "destination_type": "queue", "routing_key": "listener.crm"}
    plugin.bindings = [entry(WANTED.bindings[0]), default, entry(Binding("another", "proactive.events", "#"))]

    assert await binding_differences(plugin.url, "amqp://h:5672/my%2Fhost", WANTED) == []
    assert plugin.asked[0].raw_path == "/api/bindings/my%2Fhost"
    assert plugin.asked[0].headers["Authorization"] == encode_basic_auth("operator", "p@ss")


async def test_missing_and_unexpected_bindings_are_named(plugin: FakePlugin) -> None:
    plugin.bindings = [entry(Binding("listener.crm", "proactive.events", "#"))]

    found = await binding_differences(plugin.url, "amqp://h:5672/", WANTED)

    assert found == [
        "missing binding of queue listener.crm to status.*.*.* on exchange proactive.events",
        "unexpected binding of queue listener.crm to # on exchange proactive.events",
    ]
    assert plugin.asked[0].raw_path == "/api/bindings/%2F"


async def test_plugin_that_refuses_is_named_without_its_password(plugin: FakePlugin) -> None:
    plugin.status = 401

    with pytest.raises(Failure, match="answered 401") as raised:
        await binding_differences(plugin.url, "amqp://h:5672/", WANTED)

    assert "ss@" not in raised.value.line


async def test_plugin_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match=r"127\.0\.0\.1:1 does not answer"):
        await binding_differences("http://127.0.0.1:1", "amqp://h:5672/", WANTED)


async def test_queues_are_counted_with_their_rates_where_they_have_any(plugin: FakePlugin) -> None:
    rates = {"publish_details": {"rate": 2.5}, "ack_details": {"rate": 1}}
    plugin.bindings = [
        {"name": "busy", "messages_ready": 5, "messages_unacknowledged": 2, "consumers": 3, "message_stats": rates},
        {"name": "idle"},
    ]

    assert await over_management(plugin.url, "amqp://h:5672/my%2Fhost") == {
        "busy": Queued(5, 3, 2, 2.5, 1.0),
        "idle": Queued(0, 0, 0, 0.0, 0.0),
    }
    assert plugin.asked[0].raw_path == "/api/queues/my%2Fhost"


async def test_nodes_that_take_no_messages_are_named(plugin: FakePlugin) -> None:
    plugin.bindings = [
        {"name": "a", "running": True, "mem_alarm": True, "disk_free_alarm": False},
        {"name": "b", "running": False},
        {"name": "c", "running": True, "mem_alarm": False, "disk_free_alarm": True},
    ]

    found = await alarms(plugin.url)
    assert found == ["node b does not run", "node a is out of memory", "node c is out of disk"]


async def test_broker_tells_its_time(plugin: FakePlugin) -> None:
    assert abs(await broker_time(plugin.url) - clock.now()) < timedelta(seconds=5)
