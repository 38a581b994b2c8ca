"""A small real HTTP server in the place of Intercom, which answers as a test says."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeIntercom:
    """Answers as the test says and remembers what it was asked."""

    def __init__(self) -> None:
        self.base_url = ""
        self.reads_json = True
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self._answers: dict[str, list[Answer]] = {}

    def answers(self, call: str, *answers: Answer) -> None:
        """Answer `METHOD /path` with each of `answers` in turn, the last one from then on."""
        self._answers[call] = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path))
        self.headers.append(dict(request.headers))
        read = request.json if self.reads_json else request.text
        self.bodies.append(await read() if request.can_read_body else None)
        queue = self._answers.get(f"{request.method} {request.raw_path}")
        if not queue:
            return error(404, "not_found", "Resource Not Found")
        return await (queue.pop(0) if len(queue) > 1 else queue[0])(request)


def says(status: int, body: Any, **headers: str) -> Answer:
    """An answer with a JSON body; header names are written with underscores."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            body, status=status, headers={key.replace("_", "-"): value for key, value in headers.items()}
        )

    return answer


def error(status: int, code: str, message: str) -> web.Response:
    """An error as Intercom writes it."""
    return web.json_response({"type": "error.list", "errors": [{"code": code, "message": message}]}, status=status)


def refuses(status: int, code: str, message: str = "no") -> Answer:
    """An answer with Intercom's error.list."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return error(status, code, message)

    return answer


async def drops(request: web.Request) -> web.StreamResponse:
    """Close the connection after the request was read."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()
