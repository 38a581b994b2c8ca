"""The one place where a provider is called: one POST, bounded, never repeated, never redirected; a GET to look up."""

import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from dispatcher.domain.answers import Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import HttpRequest, HttpResponse
from proactive_contracts.reasons import FailureReason
from runtime.http import client_session

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; providers answer with a few hundred."""

MAX_LIST = 1024 * 1024
"""Bytes of a list of messages that are read."""

CONNECT_SECONDS = 5.0

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_NOT_PUBLIC = Refused(
    ErrorClass.BLOCKED,
    FailureReason.CHANNEL_SETUP,
    "The channel's base_url must be a public https:// address (plain http is for loopback addresses only).",
    asked=False,
)

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass
class _Progress:
    start_by: float
    bytes_out: bool = False


class _TooLate(Exception):
    """The connection was there after `start_by`: the lease, or the message's time, might be over."""


class NotGlobal(OSError):
    """The host's name leads to an address of an inner network, where no provider is."""


class GlobalAddresses(AbstractResolver):
    """
    Resolves names to addresses of the public internet only, and loopback's own name to itself.

    The connection is made to the very address that was checked, so a name that changes its mind gains nothing.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`; those that are not global are left out."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [one for one in found if host in _LOOPBACK or _is_global(one["host"])]
        if not allowed:
            raise NotGlobal(f"{host} has no public address")
        return allowed

    async def close(self) -> None:
        """Release what the resolver holds."""
        await self._resolver.close()


class HttpCalls:
    """Calls providers with one shared pool of connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, request: HttpRequest, start_by: float) -> HttpResponse | Answer:
        """
        Once, unless it is later than `start_by` (monotonic seconds) when the connection is there.

        An error before any byte of the request went out is Refused(not_sent); any error after it is Unclear.
        """
        if not _may_be_called(request.url):
            return _NOT_PUBLIC
        progress = _Progress(start_by)
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=request.body or None,
                headers=dict(request.headers),
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                body = await _read(response, MAX_LIST if request.method == "GET" else MAX_ANSWER)
                return HttpResponse(response.status, dict(response.headers), body)
        except _TooLate:
            detail = "The sender was too slow to start safely. Nothing was sent."
            return Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, detail, own_delay=True, asked=False)
        except Exception as error:  # whatever it was: what it means hangs on bytes_out alone
            return _interrupted(error, progress.bytes_out)


def provider_session(
    call_seconds: float, most_calls: int, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """A client that notes, per request, whether bytes went out; `call_seconds` bounds one whole call."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_before_bytes_go_out)
    connect = min(CONNECT_SECONDS, call_seconds)
    return client_session(call_seconds, connect, [trace], limit=most_calls, resolver=resolver or GlobalAddresses())


async def _before_bytes_go_out(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
    """Despite its name, aiohttp's signal comes right before the first write to the connection."""
    progress: _Progress = context.trace_request_ctx
    if time.monotonic() >= progress.start_by:
        raise _TooLate
    progress.bytes_out = True


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """At most so many bytes: a cut answer does not parse, which makes it unclear."""
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        chunks += chunk
        if len(chunks) >= most:
            break
    return bytes(chunks[:most])


def _interrupted(error: Exception, bytes_out: bool) -> Answer:
    if isinstance(getattr(error, "os_error", None), NotGlobal):
        return _NOT_PUBLIC
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
    """https, or plain http to loopback. An address must be a public one; names are left to GlobalAddresses."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if host in _LOOPBACK:
        return parts.scheme in {"http", "https"}
    return parts.scheme == "https" and (_address(host) is None or _is_global(host))


def _is_global(host: str) -> bool:
    found = _address(host)
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None) or found
    return inner is not None and inner.is_global and not inner.is_multicast


def _address(host: str) -> _Address | None:
    """None for a name. Numbers in older notations (2852039166, 127.1) are none either; aiohttp refuses those."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
