"""The one place where a provider is called: a single POST, bounded, never repeated, never redirected."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from dispatcher.domain.answers import Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import HttpRequest, HttpResponse
from proactive_contracts.reasons import FailureReason
from runtime.http import client_session

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; providers answer with a few hundred."""

CONNECT_SECONDS = 5.0

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class _Progress:
    start_by: float
    bytes_out: bool = False


class _TooLate(Exception):
    """The connection was there after `start_by`: the lease, or the message's time, might be over."""


class HttpCalls:
    """Calls providers with one shared pool of connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, request: HttpRequest, start_by: float) -> HttpResponse | Answer:
        """
        POST once, unless it is later than `start_by` (monotonic seconds) when the connection is there.

        An error before any byte of the request went out is Refused(not_sent); any error after it is Unclear.
        """
        if not _may_be_called(request.url):
            return Refused(
                ErrorClass.BLOCKED,
                FailureReason.CHANNEL_SETUP,
                "The channel's base_url must start with https:// (plain http is for loopback addresses only).",
                asked=False,
            )
        progress = _Progress(start_by)
        try:
            async with self._session.post(
                request.url,
                data=request.body,
                headers=dict(request.headers),
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                body = await _read(response)
                return HttpResponse(response.status, dict(response.headers), body)
        except _TooLate:
            detail = "The sender was too slow to start safely. Nothing was sent."
            return Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, detail, asked=False)
        except Exception as error:  # whatever it was: what it means hangs on bytes_out alone
            return _interrupted(error, progress.bytes_out)


def provider_session(call_seconds: float, most_calls: int) -> aiohttp.ClientSession:
    """A client that notes, per request, whether bytes went out; `call_seconds` bounds one whole call."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_before_bytes_go_out)
    return client_session(call_seconds, min(CONNECT_SECONDS, call_seconds), [trace], limit=most_calls)


async def _before_bytes_go_out(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
    """Despite its name, aiohttp's signal comes right before the first write to the connection."""
    progress: _Progress = context.trace_request_ctx
    if time.monotonic() >= progress.start_by:
        raise _TooLate
    progress.bytes_out = True


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """At most MAX_ANSWER bytes: a cut answer does not parse, which makes it unclear."""
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        chunks += chunk
        if len(chunks) >= MAX_ANSWER:
            break
    return bytes(chunks[:MAX_ANSWER])


def _interrupted(error: Exception, bytes_out: bool) -> Answer:
    what = "did not answer in time" if isinstance(error, TimeoutError) else f"broke off ({type(error).__name__})"
    if bytes_out:
        return Unclear(f"The provider {what} after the request had gone out.")
    return Refused(
        ErrorClass.NOT_SENT,
        FailureReason.PROVIDER_UNREACHABLE,
        f"The provider could not be reached ({type(error).__name__}). Nothing was sent.",
        asked=False,
    )


def _may_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        return False
