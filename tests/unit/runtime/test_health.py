"""Ready means that every check is content; alive means that the process answers."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from runtime import health
from runtime.health import Health, serve_ops
from runtime.http import client_session


async def fine() -> str | None:
    return None


async def absent() -> str | None:
    return "queue dispatcher.sms.interactive"


async def broken() -> str | None:
    raise OSError("connection refused")


def make_health() -> Health:
    started = Health()
    started.started()
    return started


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with client_session(5) as session:
        yield session


async def test_nothing_is_missing_when_every_check_is_content() -> None:
    checked = make_health()
    assert await checked.missing() == {}
    checked.add("database", fine)
    assert await checked.missing() == {}


async def test_what_is_missing_is_told_by_its_name() -> None:
    checked = make_health()
    checked.add("database", fine)
    checked.add("topology", absent)
    checked.add("broker", broken)
    assert await checked.missing() == {
        "topology": "queue dispatcher.sms.interactive",
        "broker": "OSError: connection refused",
    }


async def test_check_that_hangs_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)

    async def hang() -> str | None:
        await asyncio.sleep(3_600)
        return None

    checked = make_health()
    checked.add("database", hang)
    checked.add("broker", fine)
    assert await checked.missing() == {"database": "no answer within 0.05 s"}


async def test_process_that_still_starts_is_not_ready() -> None:
    checked = Health()
    checked.add("database", fine)
    assert await checked.missing() == {"process": "starting"}
    checked.started()
    assert await checked.missing() == {}


async def test_draining_process_is_not_ready() -> None:
    checked = make_health()
    checked.add("database", fine)
    checked.drain()
    assert await checked.missing() == {"process": "stopping"}


async def test_ops_port_serves_health_readiness_and_metrics(client: aiohttp.ClientSession) -> None:
    checked = make_health()
    checked.add("database", fine)
    async with serve_ops(checked, "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}"
        async with client.get(f"{base}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"alive": True})
        async with client.get(f"{base}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "missing": {}})
        async with client.get(f"{base}/metrics") as answer:
            assert answer.status == 200
            assert "python_info" in await answer.text()
        checked.drain()
        async with client.get(f"{base}/readyz") as answer:
            assert (answer.status, await answer.json()) == (503, {"ready": False, "missing": {"process": "stopping"}})
        async with client.get(f"{base}/metrics") as answer:
            assert 'proactive_ready{check="process"} 0.0' in await answer.text()
        async with client.get(f"{base}/healthz") as answer:
            assert answer.status == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{base}/healthz")
