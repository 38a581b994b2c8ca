"""
What there is much of on a connection, past the client: published messages, deliveries and confirms.

The client makes a dozen objects of each, hands them through three queues and starts a task per delivery: half of a
service's CPU time. All else stays its own: the handshake, heartbeats, channels, consumers, acknowledgements. Numbers
and layouts are those of AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.3 and 4.2).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, SupportsIndex, cast

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from pamqp import encode
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from yarl import URL

from proactive_contracts.codec import Properties

_FRAME = Struct(">BHI")
_END = b"\xce"
_AROUND = _FRAME.size + len(_END)
_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_BEAT = _FRAME.pack(_HEARTBEAT, 0, 0) + _END
_BEAT_SECONDS = 1.0

_PORTS = {"amqp": 5672, "amqps": 5671}

_BASIC = 60
_METHOD_ID = Struct(">HH")
_PUBLISH, _RETURN, _DELIVER, _ACK, _NACK = (_METHOD_ID.pack(_BASIC, number) for number in (40, 50, 60, 80, 120))
_TAG = Struct(">Q")
_ANSWER = Struct(">QB")
_CONTENT = Struct(">HHQH")
_SIZE = Struct(">Q")
_LENGTH = Struct(">I")
_CONTENT_TYPE, _HEADERS, _DELIVERY_MODE, _CORRELATION_ID = 1 << 15, 1 << 13, 1 << 12, 1 << 10
_MESSAGE_ID, _TIMESTAMP, _TYPE, _APP_ID = 1 << 7, 1 << 6, 1 << 5, 1 << 3
_PERSISTENT = b"\x02"


@dataclass(frozen=True)
class Message:
    """A delivery, or one that came back: what tells of it, its properties and its body, read when they are asked."""

    method: bytes = field(repr=False)
    header: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def consumer_tag(self) -> str:
        """Whom a delivery is for."""
        return self.method[5 : 5 + self.method[4]].decode()

    @property
    def delivery_tag(self) -> int:
        """What a delivery is settled by."""
        return int(_TAG.unpack_from(self.method, 5 + self.method[4])[0])

    @property
    def redelivered(self) -> bool:
        """Whether a delivery may have been handed out before."""
        return bool(self.method[self._after_tag] & 1)

    @property
    def routing_key(self) -> str:
        """The key that a delivery was published with."""
        exchange = self._after_tag + 1
        key = exchange + 1 + self.method[exchange]
        return self.method[key + 1 : key + 1 + self.method[key]].decode()

    @property
    def returned(self) -> str:
        """Where one that came back had been published to."""
        method = Basic.Return()
        method.unmarshal(self.method[_METHOD_ID.size :])
        return f"{method.routing_key!r} on {method.exchange!r}"

    @property
    def properties(self) -> Basic.Properties:
        """The properties, the headers among them."""
        header = ContentHeader()
        header.unmarshal(self.header)
        return header.properties

    @property
    def _after_tag(self) -> int:
        return 5 + self.method[4] + _TAG.size


class Tap:
    """
    Takes a channel's messages and confirms past the client.

    `on_message` is called for what is delivered or comes back; `on_answer` with a tag, whether it stands for all up to
    it, and whether the broker has them.
    """

    def __init__(
        self, on_message: Callable[[Message], None], on_answer: Callable[[int, bool, bool], None] | None = None
    ) -> None:
        self._on_message = on_message
        self._on_answer = on_answer
        self._method = b""
        self._header = b""
        self._parts: list[bytes] = []
        self._missing = 0

    def read(self, kind: int, payload: bytes) -> bool:
        """Take a frame; False where it is for the client."""
        if kind == _METHOD:
            return self._read_method(payload)
        if not self._method:
            return False
        if kind == _HEADER:
            self._header, self._missing = payload, _SIZE.unpack_from(payload, 4)[0]
        else:
            self._parts.append(payload)
            self._missing -= len(payload)
        if self._missing <= 0:
            message = Message(self._method, self._header, b"".join(self._parts))
            self._method, self._parts = b"", []
            self._on_message(message)
        return True

    def _read_method(self, payload: bytes) -> bool:
        method = payload[: _METHOD_ID.size]
        if method in {_DELIVER, _RETURN}:
            self._method = payload
            return True
        if method in {_ACK, _NACK} and self._on_answer is not None:
            tag, bits = _ANSWER.unpack_from(payload, _METHOD_ID.size)
            self._on_answer(tag, bool(bits & 1), method == _ACK)
            return True
        return False


class Wire(TransportFactory):
    """Connects for the client; what a tap takes of the bytes that come, the client never sees."""

    def __init__(self) -> None:
        self.taps: dict[int, Tap] = {}
        self._writer: _Writer | None = None

    async def create(
        self, url: URL, ssl_context_provider: Any = None, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As the client's own factories do it."""
        assert url.host is not None
        loop = asyncio.get_running_loop()
        reader = _Reader(self.taps)
        protocol = asyncio.StreamReaderProtocol(reader)
        tls = await ssl_context_provider.get_context() if url.scheme == "amqps" else None
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, url.host, url.port or _PORTS[url.scheme], ssl=tls, **options
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._writer = _Writer(asyncio.StreamWriter(transport, protocol, reader, loop))
        return reader, cast(asyncio.StreamWriter, self._writer)

    def publish(
        self,
        channel: int,
        exchange: str,
        key: str,
        body: bytes,
        properties: Properties,
        *,
        mandatory: bool,
        frame_max: int,
        cc: Sequence[str] = (),
    ) -> None:
        """
        Write a persistent message, to leave with all that is written in this turn of the event loop.

        Raises:
            ValueError: the exchange, the key or a property is longer than 255 bytes.
        """
        assert self._writer is not None, "channels are opened after the connection"
        method = _PUBLISH + b"\0\0" + _short(exchange) + _short(key) + bytes((mandatory,))
        frames = [_frame(_METHOD, channel, method), _frame(_HEADER, channel, _header(properties, cc, len(body)))]
        most = frame_max - _AROUND
        frames += [_frame(_BODY, channel, body[at : at + most]) for at in range(0, len(body), most)]
        self._writer.write(b"".join(frames))


class _Reader(asyncio.StreamReader):
    """The client's reader: hears of every frame, and reads those that no tap takes."""

    def __init__(self, taps: dict[int, Tap]) -> None:
        super().__init__()
        self._taps = taps
        self._partial = b""
        self._beat_at = 0.0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        data = self._partial + bytes(data)
        rest: list[bytes] = []
        at, taken = 0, False
        while len(data) - at >= _AROUND:
            kind, channel, size = _FRAME.unpack_from(data, at)
            if kind not in {_METHOD, _HEADER, _BODY, _HEARTBEAT}:
                rest.append(data[at:])  # no AMQP, or not this version of it: the client says so
                at = len(data)
                break
            end = at + size + _AROUND
            if end > len(data):
                break
            tap = self._taps.get(channel)
            if tap is not None and tap.read(kind, data[at + _FRAME.size : end - len(_END)]):
                taken = True
            else:
                rest.append(data[at:end])
            at = end
        self._partial = data[at:]
        if taken and not rest:
            rest = self._beat()
        if rest:
            super().feed_data(b"".join(rest))

    def feed_eof(self) -> None:
        """Called twice: when the other side ends, and when the connection is gone."""
        partial, self._partial = self._partial, b""
        if partial:
            super().feed_data(partial)
        super().feed_eof()

    def _beat(self) -> list[bytes]:
        """The broker is alive, and sends no heartbeats while it sends anything else."""
        now = asyncio.get_running_loop().time()
        if now < self._beat_at + _BEAT_SECONDS:
            return []
        self._beat_at = now
        return [_BEAT]


class _Writer:
    """
    A StreamWriter that collects; whatever else is asked of it than to write goes to the one inside.

    The client writes frame by frame, and each of its writes is a call of the operating system.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._collected: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._collected:
            asyncio.get_running_loop().call_soon(self._flush)
        self._collected.append(data)

    async def drain(self) -> None:
        self._flush()
        await self._writer.drain()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def _flush(self) -> None:
        if self._collected:
            self._writer.write(b"".join(self._collected))
            self._collected.clear()


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


def _header(properties: Properties, cc: Sequence[str], size: int) -> bytes:
    flags = _CONTENT_TYPE | _DELIVERY_MODE | _MESSAGE_ID | _TIMESTAMP | _TYPE | _APP_ID
    table = correlation = b""
    if cc:
        table = encode.field_table({**properties.headers, "CC": list(cc)})
    elif properties.headers:
        table = _table(properties.headers)
    if table:
        flags |= _HEADERS
    if properties.correlation_id is not None:
        flags |= _CORRELATION_ID
        correlation = _short(properties.correlation_id)
    return b"".join(
        (
            _CONTENT.pack(_BASIC, 0, size, flags),
            _short(properties.content_type),
            table,
            _PERSISTENT,
            correlation,
            _short(properties.message_id),
            _TAG.pack(int(properties.timestamp.timestamp())),
            _short(properties.type),
            _short(properties.app_id),
        )
    )


def _table(headers: Mapping[str, str]) -> bytes:
    fields = b"".join(_short(name) + b"S" + _long(text.encode()) for name, text in headers.items())
    return _long(fields)


def _long(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _short(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"{text[:40]!r}… is longer than the 255 bytes that AMQP has for it")
    return bytes((len(data),)) + data
