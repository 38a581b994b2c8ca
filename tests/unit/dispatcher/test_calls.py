"""The one call, against small servers of our own: what counts as not sent, and what as perhaps sent."""

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dispatcher.domain.answers import Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import HttpRequest, HttpResponse
from dispatcher.providers.calls import MAX_ANSWER, GlobalAddresses, HttpCalls, provider_session
from proactive_contracts.reasons import FailureReason

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
BODY = b"To=%2B49&Body=Hello"
SOON = 1.0


class Server:
    """A server of bytes: `behave` has each request, read to its end; `requests` counts them."""

    def __init__(self, behave: Callable[[Writer], Awaitable[None]], reads: bool = True) -> None:
        self._behave = behave
        self._reads = reads
        self.requests: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            while True:
                if self._reads:
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.requests.append(head + await reader.readexactly(len(BODY)))
                await self._behave(writer)
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: Reader, writer: Writer) -> None:
        tasks.add(asyncio.create_task(server.serve(reader, writer)))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}/send"
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(text: bytes) -> Callable[[Writer], Awaitable[None]]:
    async def behave(writer: Writer) -> None:
        writer.write(text)
        await writer.drain()

    return behave


async def closing(writer: Writer) -> None:
    writer.close()


async def aborting(writer: Writer) -> None:
    writer.transport.abort()


async def silent(_writer: Writer) -> None:
    await asyncio.sleep(60)


async def endless(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def ten_megabytes(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
    for _ in range(160):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def dripping(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.02)


OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Kind: test\r\n\r\n{}"


async def call(url: str, *, seconds: float = 5, start_in: float = 60) -> HttpResponse | Answer:
    async with provider_session(seconds, 10) as session:
        return await HttpCalls(session).call(request_to(url), time.monotonic() + start_in)


def request_to(url: str) -> HttpRequest:
    return HttpRequest(url, {"Content-Type": "application/x-www-form-urlencoded", "X-Ours": "1"}, BODY)


def is_not_sent(answer: HttpResponse | Answer) -> bool:
    return isinstance(answer, Refused) and answer.error_class is ErrorClass.NOT_SENT


async def test_answer_comes_back_whole() -> None:
    server = Server(answering(OK))
    async with serving(server) as url:
        answer = await call(url)
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body, answer.headers["X-Kind"]) == (201, b"{}", "test")
    (request,) = server.requests
    assert request.startswith(b"POST /send HTTP/1.1\r\n")
    assert request.endswith(BODY)
    assert b"\r\nX-Ours: 1\r\n" in request


async def test_refused_connection_is_not_sent() -> None:
    async with serving(Server(answering(OK))) as url:
        pass
    assert is_not_sent(await call(url))


async def test_unknown_host_is_not_sent() -> None:
    assert is_not_sent(await call("https://nowhere.invalid/send"))


async def test_connection_that_never_comes_is_not_sent() -> None:
    """A listener whose queue is full lets nobody in."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        assert is_not_sent(await call(f"http://127.0.0.1:{full.getsockname()[1]}/send", seconds=SOON))


async def test_full_pool_is_not_sent() -> None:
    server = Server(silent)
    async with serving(server) as url, provider_session(SOON, 1) as session:
        calls = HttpCalls(session)
        first, second = await asyncio.gather(*(calls.call(request_to(url), time.monotonic() + 9) for _ in range(2)))
    assert isinstance(first, Unclear)
    assert is_not_sent(second)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "behave",
    [
        silent,
        closing,
        aborting,
        dripping,
        answering(b"garbage\r\n\r\n"),
        answering(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{}"),
    ],
)
async def test_trouble_after_the_bytes_went_out_is_unclear(behave: Callable[[Writer], Awaitable[None]]) -> None:
    server = Server(behave)
    async with serving(server) as url:
        assert isinstance(await call(url, seconds=SOON), Unclear)
    assert len(server.requests) == 1


@pytest.mark.parametrize("behave", [closing, aborting])
async def test_connection_closed_before_reading_is_never_taken_for_sent(
    behave: Callable[[Writer], Awaitable[None]],
) -> None:
    """Nobody can tell from here whether the other side read the bytes first: unclear, the safe side."""
    server = Server(behave, reads=False)
    async with serving(server) as url:
        answer = await call(url)
    assert isinstance(answer, Unclear) or is_not_sent(answer)


async def test_dropped_keep_alive_connection_gets_one_post_only() -> None:
    drop = asyncio.Event()

    async def once_then_drop(writer: Writer) -> None:
        if drop.is_set():
            writer.transport.abort()
        else:
            drop.set()
            writer.write(OK)

    server = Server(once_then_drop)
    async with serving(server) as url, provider_session(5, 10) as session:
        calls = HttpCalls(session)
        assert isinstance(await calls.call(request_to(url), time.monotonic() + 9), HttpResponse)
        assert isinstance(await calls.call(request_to(url), time.monotonic() + 9), Unclear)
    assert (len(server.requests), server.connections) == (2, 1)


async def test_redirect_is_not_followed() -> None:
    elsewhere = Server(answering(OK))
    async with serving(elsewhere) as target:
        moved = b"HTTP/1.1 307 Moved\r\nContent-Length: 0\r\nLocation: " + target.encode() + b"\r\n\r\n"
        async with serving(Server(answering(moved))) as url:
            answer = await call(url)
    assert isinstance(answer, HttpResponse)
    assert answer.status == 307
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "behave",
    [endless, ten_megabytes],
    ids=["never-ending", "10 MB"],
)
async def test_long_answer_is_cut(behave: Callable[[Writer], Awaitable[None]]) -> None:
    async with serving(Server(behave)) as url:
        tracemalloc.start()
        answer = await call(url)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(answer, HttpResponse)
    assert len(answer.body) == MAX_ANSWER
    assert most < 4 * 1024 * 1024


async def test_packed_answer_does_not_unpack_without_bound() -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with serving(Server(answering(head + packed))) as url:
        tracemalloc.start()
        answer = await call(url)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert isinstance(answer, HttpResponse | Unclear)
    assert most < 8 * 1024 * 1024


async def test_nothing_leaves_after_start_by() -> None:
    server = Server(answering(OK))
    async with serving(server) as url:
        answer = await call(url, start_in=-0.001)
        await asyncio.sleep(0.05)
    assert is_not_sent(answer)
    assert server.requests == []


async def test_nothing_leaves_late_on_a_kept_connection() -> None:
    server = Server(answering(OK))
    async with serving(server) as url, provider_session(5, 10) as session:
        calls = HttpCalls(session)
        assert isinstance(await calls.call(request_to(url), time.monotonic() + 9), HttpResponse)
        assert is_not_sent(await calls.call(request_to(url), time.monotonic() - 0.001))
        assert isinstance(await calls.call(request_to(url), time.monotonic() + 9), HttpResponse)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "url",
    ["http://api.example/send", "http://10.0.0.1/send", "ftp://127.0.0.1/", "127.0.0.1/send", "", "https://[::1", "x"],
)
async def test_address_that_is_not_secure_blocks_the_channel(url: str) -> None:
    answer = await call(url)
    assert isinstance(answer, Refused)
    assert (answer.error_class, answer.reason) == (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)
    assert not answer.asked


@pytest.mark.parametrize("url", ["https:///send", "https://a b/", "https://user:word@nowhere.invalid/"])
async def test_address_that_cannot_be_called_is_not_sent(url: str) -> None:
    assert is_not_sent(await call(url, seconds=1))


async def test_closed_session_is_not_sent() -> None:
    session = provider_session(1, 1)
    await session.close()
    assert is_not_sent(await HttpCalls(session).call(request_to("https://x.invalid/"), time.monotonic() + 9))


# --- addresses of inner networks ---


class Names(AbstractResolver):
    """Answers every name with `addresses`."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


INNER = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:10.0.0.1",
    "2002:a00:1::",
]


@pytest.mark.parametrize("address", INNER)
async def test_name_of_an_inner_address_is_never_connected_to(address: str) -> None:
    async with provider_session(2, 1, GlobalAddresses(Names(address))) as session:
        answered = await HttpCalls(session).call(request_to("https://provider.example/send"), time.monotonic() + 9)
    assert isinstance(answered, Refused)
    assert (answered.error_class, answered.reason) == (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)


async def test_only_the_public_addresses_of_a_name_are_used() -> None:
    found = await GlobalAddresses(Names("10.0.0.1", "93.184.215.14", "::1", "2606:2800:21f::1")).resolve("x.example")
    assert [one["host"] for one in found] == ["93.184.215.14", "2606:2800:21f::1"]


async def test_loopbacks_own_name_is_left_to_itself() -> None:
    found = await GlobalAddresses(Names("127.0.0.1")).resolve("localhost")
    assert [one["host"] for one in found] == ["127.0.0.1"]


@pytest.mark.parametrize(
    "host",
    [*(f"[{one}]" if ":" in one else one for one in INNER[1:] if one != "::1"), "2852039166", "0xa9fea9fe", "10.1"],
)
async def test_inner_address_in_place_of_a_name_is_never_called(host: str) -> None:
    answered = await call(f"https://{host}/send")
    assert isinstance(answered, Refused)
    assert answered.error_class in {ErrorClass.BLOCKED, ErrorClass.NOT_SENT}


# --- looking up ---


async def test_look_up_is_a_get_without_a_body() -> None:
    heads: list[bytes] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening, provider_session(2, 1) as session:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/list?To=%2B49"
        answered = await HttpCalls(session).call(HttpRequest(url, {}, method="GET"), time.monotonic() + 9)
    assert isinstance(answered, HttpResponse)
    assert heads[0].startswith(b"GET /list?To=%2B49 HTTP/1.1")
    assert b"content-length" not in heads[0].lower()


async def test_wrong_certificate_is_not_sent(tmp_path: Path) -> None:
    server = Server(answering(OK))
    async with serving(server, self_signed(tmp_path)) as url:
        assert is_not_sent(await call(url))
    assert server.requests == []


async def test_cancelled_call_stays_cancelled() -> None:
    async with serving(Server(silent)) as url:
        calling = asyncio.create_task(call(url))
        await asyncio.sleep(0.1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling


def test_session_keeps_our_manners() -> None:
    async def look() -> None:
        async with provider_session(20, 7) as session:
            assert not session.trust_env
            assert isinstance(session.cookie_jar, aiohttp.DummyCookieJar)
            assert session.timeout.total == 20
            assert session.connector is not None
            assert session.connector.limit == 7

    asyncio.run(look())


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
