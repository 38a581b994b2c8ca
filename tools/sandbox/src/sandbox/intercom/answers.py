"""Intercom's errors, and the headers that it puts on every answer."""

import time
import uuid
from dataclasses import dataclass

from aiohttp import web

# Intercom's page on rate limits: 10,000 a minute for a private app, spread over windows of 10 seconds.
_WINDOW_SECONDS = 10
_LIMIT = 10_000 * _WINDOW_SECONDS // 60


@dataclass(eq=False)
class IntercomError(Exception):
    """A refusal, answered as an error.list."""

    status: int
    code: str
    message: str
    field: str | None = None
    link: str | None = None


def not_found(message: str = "Resource Not Found") -> IntercomError:
    """404 in Intercom's words."""
    return IntercomError(404, "not_found", message)


def invalid(message: str, field: str | None = None, status: int = 400) -> IntercomError:
    """A parameter that Intercom does not take."""
    return IntercomError(status, "parameter_invalid", message, field)


def error_list(error: IntercomError) -> web.Response:
    """The error in the shape of the description."""
    item: dict[str, str] = {"code": error.code, "message": error.message}
    if error.field is not None:
        item["field"] = error.field
    body = {"type": "error.list", "request_id": str(uuid.uuid4()), "errors": [item]}
    headers = {"Link": error.link} if error.link else {}
    return web.json_response(body, status=error.status, headers=headers)


class RateHeaders:
    """Counts requests per window and says so on each answer; the limit itself is not enforced."""

    def __init__(self) -> None:
        self._window = 0
        self._used = 0

    def put_on(self, response: web.StreamResponse, exhausted_for: float | None = None) -> None:
        """Add X-RateLimit-*: nothing is left for `exhausted_for` seconds; Reset is in unix seconds."""
        now = time.time()
        window = int(now // _WINDOW_SECONDS)
        self._used = self._used + 1 if window == self._window else 1
        self._window = window
        left = 0 if exhausted_for is not None else max(_LIMIT - self._used, 0)
        reset = now + exhausted_for if exhausted_for is not None else (window + 1) * _WINDOW_SECONDS
        response.headers["X-RateLimit-Limit"] = str(_LIMIT)
        response.headers["X-RateLimit-Remaining"] = str(left)
        response.headers["X-RateLimit-Reset"] = str(-int(-reset // 1))
