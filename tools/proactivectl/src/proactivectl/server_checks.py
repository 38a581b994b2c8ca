"""What doctor looks at on the broker and in the database."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import aio_pika
import aiormq

from directory import Channels
from directory.recent import SECONDS as UNSEEN_SECONDS
from proactive_contracts.requests import MAX_SKEW
from proactive_contracts.topology import HISTORY_QUEUE, REQUESTS, send_queue, topology
from proactive_contracts.values import Channel, Lane
from proactivectl import keys
from proactivectl.environment import amqp_url, broker_failures, database, place_of
from proactivectl.failures import Failure
from proactivectl.findings import Finding, not_checked, ok, warning, wrong
from proactivectl.management import alarms, binding_differences, broker_time
from proactivectl.output import count
from proactivectl.parking import parked_queues
from proactivectl.queues import over_amqp
from proactivectl.setup import is_installed, wanted_topology
from runtime import clock, migrations
from runtime.amqp import topology as declared
from runtime.amqp.connection import Connection, connect
from runtime.migrations import MigrationChanged, Source

MANAGEMENT = "PROACTIVE_MANAGEMENT_URL"

BLOCKED_SECONDS, CLOSE_SECONDS = 3.0, 1.0
"""A broker that is out of memory or disk reads nothing more from whoever published; both end before the check does."""


LEAST_BROKER = (3, 10)
"""Its quorum queues park with a confirm (x-dead-letter-strategy: at-least-once), without which parking could lose."""

CLOCK_TOLERANCE = timedelta(seconds=UNSEEN_SECONDS)
"""
How far clocks may be apart before somebody is told.

For as long, a change may be unseen by other processes anyway, and an erasure or a reply judges by time no finer. Beyond
proactive_contracts.requests.MAX_SKEW, events of a machine that is ahead are refused.
"""

_GRANT = "Run as the database's owner: proactivectl migrate --accounts accounts.yaml"
_ALLOW = "Run as the broker's administrator: proactivectl topology apply --accounts accounts.yaml"
_APPLY = "Run: proactivectl topology apply"
_ALARMS = "Until that is over, nothing can be sent. See on it: rabbitmq-diagnostics alarms"


@asynccontextmanager
async def _broker() -> AsyncIterator[Connection]:
    url = amqp_url()
    with broker_failures(url):
        connection = await connect(url, "proactivectl doctor")
        try:
            yield connection
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.close()


async def broker() -> Sequence[Finding]:
    """It answers, lets us in, and is new enough."""
    async with _broker() as connection:
        assert connection.transport is not None
        told = connection.transport.connection.server_properties
    version = str(told.get("version"))
    found = f"RabbitMQ {version} at {place_of(amqp_url())}"
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < LEAST_BROKER:
        needed = ".".join(map(str, LEAST_BROKER))
        return [wrong(f"{found} is too old: parked messages could be lost", f"Update RabbitMQ to {needed} or newer.")]
    return [ok(found)]


async def management() -> Sequence[Finding]:
    """The plugin answers, and lets us in."""
    url = os.environ[MANAGEMENT]
    await broker_time(url)
    return [ok(f"answers at {place_of(url)}")]


async def broker_alarms() -> Sequence[Finding]:
    """Every node runs and takes messages."""
    found = await alarms(os.environ[MANAGEMENT])
    return [wrong(one, _ALARMS) for one in found] or [ok("every node takes messages")]


async def queues() -> Sequence[Finding]:
    """Exchanges and queues, listeners' queues included where the database tells them."""
    try:
        wanted = await wanted_topology()
    except Failure:
        wanted = topology()
    url = amqp_url()
    with broker_failures(url):
        absent = await declared.missing(url, wanted)
    there = f"{count(len(wanted.exchanges), 'exchange')} and {count(len(wanted.queues), 'queue')} are there"
    return [wrong(f"missing {one}", _APPLY) for one in absent] or [ok(there)]


async def bindings() -> Sequence[Finding]:
    """What leads to the queues, as the management plugin lists it."""
    found = await binding_differences(os.environ[MANAGEMENT], amqp_url(), await wanted_topology())
    unbind = "Remove it on the queue's page of the management plugin, unless somebody put it there on purpose."
    lines = [wrong(one, _APPLY) if one.startswith("missing") else warning(one, unbind) for one in found]
    return lines or [ok("every queue gets what it should")]


async def broker_permissions() -> Sequence[Finding]:
    """What proactivectl does on the broker: messages that reach no queue, and a look into one parked queue."""
    async with _broker() as connection:
        try:
            async with asyncio.timeout(BLOCKED_SECONDS):
                may_not = await _may_not(connection)
        except TimeoutError:
            return [wrong("the broker takes no messages: it is out of memory or of disk", _ALARMS)]
    return [wrong(f"this account may not {one}", _ALLOW) for one in may_not] or [ok("this account may do its work")]


async def _may_not(connection: Connection) -> list[str]:
    denied = []
    if not await _may_publish(connection, REQUESTS, "control.doctor"):
        denied.append(f"publish to {REQUESTS}, for send and message cancel")
    if not await _may_publish(connection, "", f"proactivectl.doctor.{uuid4()}"):
        denied.append("publish to the default exchange, for parked replay")
    if not await _may_read(connection, parked_queues()[0]):
        denied.append("read parked queues, for parked list")
    return denied


async def _may_publish(connection: Connection, exchange: str, key: str) -> bool:
    """Nothing is bound to `key`: the message comes back."""
    channel = await connection.channel(on_return_raises=True)
    try:
        where = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await where.publish(aio_pika.Message(b""), key, mandatory=True)
    except aiormq.exceptions.ChannelAccessRefused:
        return False
    except (aiormq.exceptions.DeliveryError, aiormq.exceptions.ChannelNotFoundEntity):
        pass  # permissions are looked at first; whether the exchange is there is another check's
    return True


async def _may_read(connection: Connection, queue: str) -> bool:
    """What is taken goes back when the connection is closed."""
    channel = await connection.channel()
    try:
        await (await channel.get_queue(queue, ensure=False)).get(fail=False)
    except aiormq.exceptions.ChannelAccessRefused:
        return False
    except aiormq.exceptions.ChannelNotFoundEntity:
        pass  # another check's, as well
    return True


async def readers() -> Sequence[Finding]:
    """Somebody reads each queue that a connected channel needs, and the history's."""
    async with database() as connection:
        kinds = sorted({one.channel for one in await Channels(connection, None).list() if one.enabled})
    needed = {send_queue(kind, lane): kind for kind in kinds for lane in Lane}
    async with _broker() as amqp:
        found = await over_amqp(amqp, [*needed, HISTORY_QUEUE])
    idle = [name for name, queued in found.items() if not queued.readers]
    return [wrong(f"nobody reads {name}", _start(needed.get(name))) for name in idle] or [
        ok(f"somebody reads each of {count(len(found), 'queue')}")
    ]


def _start(kind: Channel | None) -> str:
    return f"Start a worker: dispatcher worker --channel {kind}" if kind else "Start status_tracker."


async def parked_messages() -> Sequence[Finding]:
    """Nothing lies aside."""
    async with _broker() as connection:
        found = await over_amqp(connection, parked_queues())
    there = [f"{queued.ready} in {name}" for name, queued in found.items() if queued.ready]
    if there:
        return [warning(f"parked: {', '.join(there)}", "See why: proactivectl parked list")]
    return [ok("nothing is parked")] if found else [not_checked("there is no parked queue", _APPLY)]


async def postgres() -> Sequence[Finding]:
    """It answers, lets us in, and takes writes."""
    async with database() as connection:
        version = await connection.fetchval("SHOW server_version")
        read_only = await connection.fetchval("SHOW transaction_read_only")
    found = f"PostgreSQL {version} at {place_of(os.environ['DATABASE_URL'])}"
    if read_only == "on":
        advice = "Point DATABASE_URL of every process to the primary, or have the database fail over."
        return [wrong(f"{found} takes no writes: it is a standby, or set to read only", advice)]
    return [ok(found)]


_MISSING_RIGHTS = """
SELECT DISTINCT format('%s.%s', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed
WHERE c.relkind = 'r' AND (n.nspname = 'directory' OR c.relname = 'migration' AND n.nspname = ANY($1))
    AND (c.relname <> 'migration' OR needed = 'SELECT') AND (c.relname <> 'audit' OR needed <> 'DELETE')
    AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE WHEN c.relname = 'audit' AND needed = 'UPDATE'
        THEN has_column_privilege(c.oid, 'outcome', needed) ELSE has_table_privilege(c.oid, needed) END)
ORDER BY 1
"""


async def database_permissions(sources: Sequence[Source]) -> Sequence[Finding]:
    """What proactivectl does in the database: the directory is its own, of the rest it sees which release it is."""
    async with database() as connection:
        rows = await connection.fetch(_MISSING_RIGHTS, [source.schema for source in sources])
    if rows:
        return [wrong(f"this account lacks rights on {', '.join(row[0] for row in rows)}", _GRANT)]
    return [ok("this account may do its work")]


async def schema(source: Source) -> Sequence[Finding]:
    """The newest migration that was applied against the newest that this release has."""
    if not is_installed(source):
        return [not_checked(f"{source.package} is not installed beside this proactivectl")]
    async with database() as connection:
        there = await migrations.applied(connection, source.schema)
        try:
            waiting = await migrations.pending(connection, [source])
        except MigrationChanged as error:
            return [wrong(str(error), "Use the release that applied it, or put the file back as it was.")]
    newest, ours = max(there, default="no migration"), migrations.found(source)
    if waiting:
        found = f"at {newest}, and this release needs {waiting[-1].name}"
        return [wrong(found, "Run as the database's owner: proactivectl migrate")]
    if strange := sorted(set(there) - {migration.name for migration in ours}):
        found = f"at {strange[-1]}, which is newer than this release's {ours[-1].name}"
        return [warning(found, "Use the proactivectl of the release that migrated it; then every service as well.")]
    return [ok(f"at {newest}, as this release has it")]


async def database_clock() -> Sequence[Finding]:
    """This machine against PostgreSQL, whose clock is the services'."""
    async with database() as connection:
        began = clock.now()
        theirs = await connection.fetchval("SELECT clock_timestamp()")
        ours = began + (clock.now() - began) / 2
    return [skewed(ours - theirs, "PostgreSQL's")]


async def broker_clock() -> Sequence[Finding]:
    """This machine against the broker, to the second."""
    theirs = await broker_time(os.environ[MANAGEMENT]) + timedelta(seconds=0.5)
    return [skewed(clock.now() - theirs, "the broker's")]


def skewed(ahead: timedelta, whose: str) -> Finding:
    """What a clock's being off comes to; `ahead` is how far this machine's is before `whose`."""
    seconds = abs(ahead.total_seconds())
    found = f"this machine's clock is {seconds:.1f} s {'behind' if ahead < timedelta() else 'ahead of'} {whose}"
    advice = "Have NTP set both clocks. See on each machine: timedatectl"
    if abs(ahead) > MAX_SKEW:
        return wrong(f"{found}; events from such a machine are refused", advice)
    if abs(ahead) > CLOCK_TOLERANCE:
        return warning(found, advice)
    return ok(f"{seconds:.1f} s apart from this machine's")


async def connected() -> Sequence[Finding]:
    """Whoever may send."""
    async with database() as connection:
        channels = await Channels(connection, None).list()
    if not channels:
        return [warning("no channel is connected", "Connect one: proactivectl apply -f channels.yaml")]
    off = [one for one in channels if not one.enabled]
    return [
        warning(
            f"{one.name} ({one.workspace_id}) is disabled", f"If it should send: proactivectl channel enable {one.id}"
        )
        for one in off
    ] or [ok(f"{count(len(channels), 'channel')} connected, none is disabled")]


async def sealed() -> Sequence[Finding]:
    """Every token and every credential can be opened."""
    found = await keys.states()
    lost = [one for one, state in found if state == keys.UNREADABLE]
    if lost:
        advice = "Add the key that sealed it to the variable, or connect it again. See: proactivectl keys list"
        return [wrong(f"the secret of {one.kind} {one.title} cannot be opened", advice) for one in lost]
    older = sum(state == keys.OLDER for _, state in found)
    note = f", {older} of them with an older key (proactivectl keys rotate)" if older else ""
    return [ok(f"{count(len(found), 'secret')} can be opened{note}")]
