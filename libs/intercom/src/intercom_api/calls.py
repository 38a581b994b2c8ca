"""One call to Intercom's REST API, and the one place where an answer becomes an error."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from intercom_api.errors import NoAnswer, NotFound, RateLimited, Refused, Unauthorized, Unreachable

API_VERSION = "2.16"
"""The version whose shapes we read; without the header Intercom answers in the app's default version."""

MAX_ANSWER = 1024 * 1024
"""Bytes of an answer that are read."""

WINDOW_SECONDS = 10.0
"""Intercom counts requests per ten seconds ("Rate limiting"); how long to wait where it does not say."""

LONGEST_WAIT_SECONDS = 60.0
"""A reset later than that is a clock that is wrong, here or there."""


@dataclass(frozen=True)
class Answer:
    """What came back: always a status below 500, and never 429."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Calls:
    """Makes the calls of one workspace; `token` is None before there is one. `timeout_seconds` bounds a call."""

    session: aiohttp.ClientSession
    base_url: str
    token: str | None
    timeout_seconds: float

    async def read(
        self,
        method: Literal["GET", "POST"],
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        max_answer: int = MAX_ANSWER,
    ) -> Answer:
        """
        Ask for something, 410 included in what is returned: a merged contact's answer says where it went.

        An idle connection that Intercom closed meanwhile costs nothing: a read is asked again once.
        """
        try:
            return await self._exchange(method, path, body, max_answer)
        except _Dropped:
            return await self._exchange(method, path, body, max_answer)

    async def write(self, path: str, body: Mapping[str, Any], method: Literal["POST", "PUT"] = "POST") -> Answer:
        """Write something once."""
        return await self._exchange(method, path, body, MAX_ANSWER)

    async def submit_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """POST a form once."""
        return await self._exchange("POST", path, None, MAX_ANSWER, fields)

    async def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        max_answer: int,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        call = f"{method} {path.partition('?')[0]}"
        try:
            async with self._request(method, path, body, form) as response:
                raw = await _read_capped(response, max_answer, call)
                status, headers = response.status, response.headers
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(f"{call}: no connection to {self.base_url} ({error})") from error
        except TimeoutError as error:
            raise NoAnswer(f"{call}: no answer within {self.timeout_seconds:g} s") from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise _Dropped(f"{call}: the connection was lost before an answer came ({error})") from error
        except aiohttp.ClientError as error:
            raise NoAnswer(f"{call}: the answer could not be read ({error})") from error
        return _classified(call, status, headers, raw)

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None, form: Mapping[str, str] | None
    ) -> "aiohttp.client._RequestContextManager":
        authorization = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        return self.session.request(
            method,
            f"{self.base_url}{path}",
            json=body,
            data=form,
            headers={**authorization, "Accept": "application/json", "Intercom-Version": API_VERSION},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=self.timeout_seconds, connect=self.timeout_seconds * 0.8),
        )


class _Dropped(NoAnswer):
    """The connection was lost before the first byte of an answer."""


async def _read_capped(response: aiohttp.ClientResponse, max_answer: int, call: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > max_answer:
            raise NoAnswer(f"{call}: the answer is longer than {max_answer} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _classified(call: str, status: int, headers: Mapping[str, str], raw: bytes) -> Answer:
    """
    The answer, or the error that it stands for.

    408 counts with 5xx: Intercom's `request_timeout` does not say how far it came.
    """
    body = _parsed(raw)
    code, detail = _first_error(body)
    if status == 429:
        raise RateLimited(f"{call}: 429 {code}".rstrip(), _retry_after(headers))
    if status >= 500 or status == 408:
        raise NoAnswer(" ".join(part for part in (f"{call}: {status}", code, detail) if part))
    if status in (401, 403):
        raise Unauthorized(call, status, code, detail)
    if status == 404:
        raise NotFound(call, status, code, detail)
    if status >= 300 and status != 410:
        raise Refused(call, status, code, detail)
    if body is None:
        raise NoAnswer(f"{call}: {status}, but the answer is no JSON object")
    return Answer(status, headers, body)


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _first_error(body: dict[str, Any] | None) -> tuple[str, str]:
    """The code and the sentence of the first entry of an error.list; empty where there is none."""
    errors = (body or {}).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return "", ""
    return str(first.get("code") or "")[:100], str(first.get("message") or "")[:300]


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds until X-RateLimit-Reset (seconds since 1970), clamped to between 1 and LONGEST_WAIT_SECONDS."""
    try:
        wait = float(headers["X-RateLimit-Reset"]) - time.time()
    except (KeyError, ValueError):
        wait = WINDOW_SECONDS
    # NaN and infinity pass float(); comparing this way round sends NaN to the lower bound.
    return min(max(1.0, wait), LONGEST_WAIT_SECONDS)
