"""What goes past the AMQP client is read and written as the client would, however the bytes come."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from proactive_contracts.codec import Properties
from runtime.amqp.wire import Message, Tap, Wire, _Reader, _Writer

TAPPED, OTHER = 1, 2
SENT_AT = datetime(2026, 11, 23, 9, 14, 7, tzinfo=UTC)


class Heard:
    """A tapped channel's reader, and what came of the bytes that it was fed."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[tuple[int, bool, bool]] = []
        self.reader = _Reader({TAPPED: Tap(self.messages.append, lambda *answer: self.answers.append(answer))})

    def feed(self, data: bytes, cuts: Sequence[int] = ()) -> None:
        places = [0, *sorted(cuts), len(data)]
        for begin, end in pairwise(places):
            self.reader.feed_data(data[begin:end])

    async def rest(self) -> bytes:
        """What the client reads, in the end."""
        self.reader.feed_eof()
        return await self.reader.read()


def delivered(channel: int, tag: int, body: bytes, most: int = 10) -> bytes:
    told = Basic.Deliver(consumer_tag="work", delivery_tag=tag, redelivered=tag % 2 == 0, exchange="e", routing_key="k")
    return _with_content(channel, told, body, most)


def returned(channel: int, body: bytes) -> bytes:
    told = Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="e", routing_key="k")
    return _with_content(channel, told, body)


def _with_content(channel: int, told: Basic.Deliver | Basic.Return, body: bytes, most: int = 10) -> bytes:
    properties = Basic.Properties(message_id="m1", headers={"x-delivery-count": 3})
    parts = [ContentBody(body[at : at + most]) for at in range(0, len(body), most)]
    return b"".join(frame.marshal(one, channel) for one in (told, ContentHeader(0, len(body), properties), *parts))


def answer(channel: int, told: Basic.Ack | Basic.Nack) -> bytes:
    return frame.marshal(told, channel)


@given(st.data())
async def test_tapped_channel_gets_its_messages_and_the_client_all_else_wherever_the_bytes_are_cut(
    data: st.DataObject,
) -> None:
    heard = Heard()
    closed = frame.marshal(Channel.Close(200, "bye", 0, 0), TAPPED)
    others = delivered(OTHER, 9, b"not for the tap") + answer(OTHER, Basic.Ack(5, False))
    stream = (
        delivered(TAPPED, 1, b"")
        + others
        + answer(TAPPED, Basic.Ack(7, multiple=True))
        + delivered(TAPPED, 2, b"longer than one frame of ten bytes")
        + answer(TAPPED, Basic.Nack(8, multiple=False, requeue=False))
        + returned(TAPPED, b"came back")
        + closed
    )
    heard.feed(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    assert [message.body for message in heard.messages] == [b"", b"longer than one frame of ten bytes", b"came back"]
    first, second, back = heard.messages
    assert [(one.consumer_tag, one.delivery_tag, one.redelivered) for one in (first, second)] == [
        ("work", 1, False),
        ("work", 2, True),
    ]
    assert (second.routing_key, second.properties.headers) == ("k", {"x-delivery-count": 3})
    assert back.properties.message_id == "m1"
    assert heard.answers == [(7, True, True), (8, False, False)]
    beat = frame.marshal(Heartbeat(), 0)
    assert (await heard.rest()).replace(beat, b"") == others + closed


async def test_client_hears_now_and_then_that_the_broker_lives_while_a_tap_takes_all() -> None:
    heard = Heard()
    for tag in range(100):
        heard.feed(delivered(TAPPED, tag, b"x"))
    assert await heard.rest() == frame.marshal(Heartbeat(), 0)


@pytest.mark.parametrize("greeting", [b"AMQP\0\0\x09\x01", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_what_is_no_frame_reaches_the_client_at_once(greeting: bytes) -> None:
    heard = Heard()
    heard.feed(greeting)
    assert await asyncio.wait_for(heard.reader.read(len(greeting)), 1) == greeting


async def test_half_a_frame_reaches_the_client_when_the_connection_ends() -> None:
    heard = Heard()
    half = delivered(TAPPED, 1, b"x")[:11]
    heard.feed(half)
    assert await heard.rest() == half
    heard.reader.feed_eof()  # the connection is gone as well
    assert heard.reader.at_eof()


class Socket:
    """In place of a StreamWriter."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)


async def published(body: bytes, properties: Properties, *, cc: Sequence[str] = (), frame_max: int = 4096) -> bytes:
    wire, socket = Wire(), Socket()
    wire._writer = _Writer(socket)  # type: ignore[arg-type]
    for _ in range(2):
        wire.publish(TAPPED, "e", "k", body, properties, mandatory=True, frame_max=frame_max, cc=cc)
    await asyncio.sleep(0)
    assert len(socket.writes) == 1, "what one turn of the loop writes leaves in one piece"
    return socket.writes[0][: len(socket.writes[0]) // 2]


@pytest.mark.parametrize("correlation", ["correlated", None])
@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-ä"}], ids=["plain", "traced"])
@pytest.mark.parametrize("cc", [(), ("panel.1", "panel.2")], ids=["one", "further"])
@pytest.mark.parametrize("size", [0, 1, 88, 89, 1000])
async def test_published_message_is_what_the_client_would_write(
    correlation: str | None, headers: dict[str, str], cc: Sequence[str], size: int
) -> None:
    body, most = b"x" * size, 88
    properties = Properties("m1", "type.v1", correlation, SENT_AT, "tests", headers=headers)
    expected = Basic.Properties(
        content_type="application/cloudevents+json",
        delivery_mode=2,
        message_id="m1",
        message_type="type.v1",
        correlation_id=correlation,
        timestamp=SENT_AT,
        app_id="tests",
        headers=headers | ({"CC": list(cc)} if cc else {}) or None,
    )
    parts = [ContentBody(body[at : at + most]) for at in range(0, size, most)]
    publish = Basic.Publish(exchange="e", routing_key="k", mandatory=True)
    begun = frame.marshal(publish, TAPPED) + frame.marshal(ContentHeader(0, size, expected), TAPPED)
    written = begun + b"".join(frame.marshal(part, TAPPED) for part in parts)
    assert await published(body, properties, cc=cc, frame_max=most + 8) == written


async def test_what_amqp_cannot_hold_is_refused_with_its_beginning() -> None:
    with pytest.raises(ValueError, match=r"'m{40}'… is longer than the 255 bytes"):
        await published(b"", Properties("m" * 256, "t", None, SENT_AT, "tests"))
