"""What comes back: receipts at the webhooks, and the events that the tracker makes history of."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import asyncpg

from devstack.channels import SMS
from devstack.errors import DevstackError
from dispatcher.providers.twilio import sign
from runtime.lifecycle import loop_factory
from tests.bench.contestants import OURS
from tests.bench.feed import feeding
from tests.bench.filling import Say
from tests.bench.hammer import hammer, post
from tests.bench.rows import Row, figure
from tests.bench.running import percentile
from tests.bench.world import World

MESSAGES = 5_000
STATUSES = ("sent", "delivered", "read")
CONNECTIONS = 50
SEND_SECONDS = 300.0
READ_SECONDS = 300.0
TRACKER, WEBHOOKS = "status_tracker", "dispatcher-webhooks"

_Sent = Sequence[tuple[str, str]]


def receiving(world: World, say: Say, messages: int = MESSAGES) -> list[Row]:
    """Send so many, have each reported three times while the tracker is away, then have it read all of that."""
    say(f"receipts: {messages:,} messages are sent first")
    sent = _send(world, messages)
    world.start_service(WEBHOOKS)
    try:
        volleys = [hammer(world.stack.webhooks_url, _receipts(world, sent, one), CONNECTIONS) for one in STATUSES]
    finally:
        world.stop_service(WEBHOOKS)
    bad = {hit.status for volley in volleys for hit in volley.hits} - {200, 204}
    if bad:
        raise DevstackError(f"The webhooks answered {bad}.")
    say(f"tracker: it reads {len(STATUSES) * messages:,} receipts")
    return [
        Row("webhook receipts, one process", figure([one.per_second for one in volleys]), "/s", 2_000, 5_000),
        Row(
            f"webhook receipts over {CONNECTIONS} connections, p99",
            figure([percentile(one.milliseconds(), 0.99) for one in volleys]),
            "ms",
            50,
            20,
            less_is_better=True,
        ),
        Row("tracker events, one process", figure([_read(world, messages)]), "/s", 5_000, 10_000),
    ]


def _send(world: World, messages: int) -> _Sent:
    world.start(OURS)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_sent(world, messages))
    finally:
        world.stop(OURS)


async def _sent(world: World, messages: int) -> _Sent:
    async with feeding(world, OURS) as feed:
        ends = time.monotonic() + SEND_SECONDS
        async with feed.closed_loop():
            while feed.published < messages and time.monotonic() < ends:
                await asyncio.sleep(0.05)
        await feed.settle()
        connection = await asyncpg.connect(world.database_of(OURS))
        rows = await connection.fetch("SELECT message_id::text, provider_message_id FROM dispatch.job")
        await connection.close()
        return [(row[0], row[1]) for row in rows][:messages]


def _receipts(world: World, sent: _Sent, status: str) -> list[bytes]:
    """As Twilio sends them, signed."""
    secrets = world.stack.surroundings.secrets
    base = f"{world.stack.webhooks_url}/webhooks/twilio/{SMS.id}"
    account = {"ApiVersion": "2010-04-01", "AccountSid": secrets.twilio_account_sid, "From": SMS.sender}
    written = []
    for message_id, sid in sent:
        url = f"{base}?{urlencode({'mid': message_id})}"
        fields = {**account, "MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "To": "+4915100000001"}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": sign(secrets.twilio_auth_token, url, fields.items()),
        }
        written.append(post(url, urlencode(fields).encode(), headers))
    return written


def _read(world: World, messages: int) -> float:
    """Events per second, from the first tenth of the receipts to the last."""
    began = datetime.now(UTC)
    world.start_service(TRACKER)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_events_per_second(world, began, len(STATUSES) * messages))
    finally:
        world.stop_service(TRACKER)


async def _events_per_second(world: World, began: datetime, events: int) -> float:
    connection = await asyncpg.connect(world.database_of(OURS))
    ends = time.monotonic() + READ_SECONDS
    seen: list[tuple[float, int]] = []
    try:
        while not seen or seen[-1][1] < 0.9 * events:
            if time.monotonic() > ends:
                raise DevstackError(f"The tracker read {seen[-1][1]} of {events} events in {READ_SECONDS:.0f} s.")
            count = await connection.fetchval("SELECT count(*) FROM tracker.entry WHERE recorded_at >= $1", began)
            if count >= 0.1 * events:
                seen.append((time.monotonic(), count))
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    (first_at, first), (last_at, last) = seen[0], seen[-1]
    return (last - first) / (last_at - first_at) if last_at > first_at else float(events)
