"""The proxy of compose.yaml, run by nginx itself: who gets through, how much, and what it logs."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from canvas_gateway.http import MAX_BODY
from devstack.prometheus_tools import not_checked, tool
from devstack.state import State, root_of_checkout
from dispatcher.webhooks import MAX_CALLBACK

DEPLOY = root_of_checkout() / "deploy"
PROXY = (DEPLOY / "proxy" / "nginx.conf").read_text()
UPSTREAMS = {"canvas-gateway:8080", "dispatcher-webhooks:8080"}


def test_upstreams_are_services_at_the_ports_that_they_listen_on() -> None:
    found = set(re.findall(r"set \$service ([\w:-]+);", PROXY))
    assert found == UPSTREAMS
    services: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name, _, port in (upstream.partition(":") for upstream in found):
        assert services[name]["environment"]["PROACTIVE_PORT"] == port


@contextmanager
def nginx(configuration: str, folder: Path) -> Iterator[Path]:
    """Run it; yields its log."""
    program = tool("nginx")
    if program is None:
        pytest.skip(not_checked("deploy/proxy", "nginx"))
    file, log = folder / "nginx.conf", folder / "log"
    file.write_text(
        f"user root root;\n{configuration}"
    )  # pytest's folders are closed to others; nobody but root heeds it
    with log.open("w") as said:
        running = subprocess.Popen([program, "-e", "stderr", "-p", folder, "-c", file], stdout=said, stderr=said)
        try:
            yield log
        finally:
            running.terminate()
            running.wait(10)


@pytest.fixture
async def upstream() -> AsyncIterator[int]:
    """It tells what reached it."""

    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs, "bytes": len(await request.read())})

    app = web.Application(client_max_size=2 * MAX_CALLBACK)
    app.router.add_route("*", "/{path:.*}", tell)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_only_what_the_outside_calls_gets_through_and_its_secrets_are_not_logged(
    tmp_path: Path, upstream: int
) -> None:
    (tmp_path / "ports").mkdir()
    port = State(tmp_path / "ports").ports(["proxy"])["proxy"]
    here = re.sub("|".join(UPSTREAMS), f"127.0.0.1:{upstream}", PROXY)
    here = here.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(
        "worker_processes auto", "worker_processes 1"
    )
    with nginx(here, tmp_path) as log:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

            async def status(path: str, size: int = 0) -> int:
                async with session.post(path, data=BytesIO(b"x" * size)) as answer:
                    if answer.status == 200:
                        assert await answer.json() == {"path": path, "bytes": size}
                    return answer.status

            await until_it_listens(session)
            assert await status("/canvas/submit", MAX_BODY) == 200
            assert await status("/canvas/submit", MAX_BODY + 1) == 413
            assert await status("/webhooks/infobip/1?secret=abc", MAX_CALLBACK) == 200
            assert await status("/webhooks/infobip/1?secret=abc", MAX_CALLBACK + 1) == 413
            assert await status("/intercom/callback?code=abc") == 200
            for inside in ("/", "/metrics", "/v1/channels", "/canvas/%2e%2e/metrics"):
                assert await status(inside) == 404, inside
        said = log.read_text()
    assert "POST /webhooks/infobip/1 200" in said
    assert "abc" not in said


async def until_it_listens(session: aiohttp.ClientSession) -> None:
    for _ in range(100):
        try:
            async with session.get("/"):
                return
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)
