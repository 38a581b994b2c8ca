"""The database crashes, is full, is away, fails over; and a worker whose clock is wrong."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import asyncpg

from devstack import apt
from devstack.errors import BackendError
from dispatcher import failpoints
from tests.chaos import observed
from tests.chaos.matrix import NotApplicable, fault
from tests.chaos.replica import replica_of
from tests.chaos.run import Run
from tests.chaos.world import SMS, SMS_2, TRACKER

CONNECTIONS = 12
"""Of the whole server; its superuser's three are within them."""

AT_ONCE = 40
"""Calls that may be under way when the primary dies."""

A_TENTH = {
    SMS: {
        "PROACTIVE_CALL_SECONDS": "2",
        "PROACTIVE_LEASE_SECONDS": "6",
        "PROACTIVE_SCHEDULER_SECONDS": "0.1",
        "PROACTIVE_SETTLING_SECONDS": "1.5",
    },
    TRACKER: {"PROACTIVE_NOT_TAKEN_GRACE_SECONDS": "6", "PROACTIVE_SWEEP_SECONDS": "0.5"},
}
"""Every time that is a setting of a worker or of the tracker: its default, divided by ten."""


@fault("worker-clock-an-hour-off", row="34", seconds=40)
def clock_skew(run: Run) -> None:
    """The database's clock counts: nothing expires early, and no lease is taken away."""
    library = faketime()
    for offset in ("+1h", "-1h"):
        wrong = {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        run.world.start(SMS_2, wrong)
        run.provider("slow", delay_seconds=1)
        run.publish(20, seconds=120)
        run.settle()
        run.see(run.world.metric(SMS_2, "proactive_dispatcher_claims_total") > 0, "some of them sent by it", 0)
        run.see(off_by(run) > 3500, f"a clock that is off by {offset}", off_by(run))
        run.world.stop(SMS_2)


def off_by(run: Run) -> float:
    """How many seconds the second worker's clock is wrong, by what it wrote last."""
    [*_, last] = re.findall(r'"timestamp": "([^"]+)"', run.world.stack.process(SMS_2).log.read_text())
    return abs(datetime.fromisoformat(last).timestamp() - time.time())


def faketime() -> Path:
    """
    libfaketime, installed where that is ours to do.

    Raises:
        NotApplicable: it is not here.
    """
    if not (found := sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))) and apt.may_install():
        try:
            apt.install("libfaketime", report=lambda _line: None)
        except BackendError as error:
            raise NotApplicable(f"libfaketime cannot be installed: {str(error).splitlines()[0]}") from None
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise NotApplicable("libfaketime is not installed, and it is not ours to install it here")
    return found[0]


@fault("database-crash-before-claim", row="35", fast=True)
def crash_before_claim(run: Run) -> None:
    """Nothing is sent without a claim that was committed."""
    crash_at(run, failpoints.BEFORE_CLAIM)


@fault("database-crash-after-claim", row="35", fast=True)
def crash_after_claim(run: Run) -> None:
    """The call is made, and its outcome is kept until the database is back."""
    crash_at(run, failpoints.AFTER_CLAIM)


@fault("database-crash-after-call", row="35", fast=True)
def crash_after_call(run: Run) -> None:
    """The outcome is kept until the database is back."""
    crash_at(run, failpoints.AFTER_CALL)


@fault("database-crash-after-outcome", row="35")
def crash_after_outcome(run: Run) -> None:
    """The result is told, and noted as told when the database is back."""
    crash_at(run, failpoints.AFTER_OUTCOME)


def crash_at(run: Run, step: str) -> None:
    """The database crashes while a message is at this step."""
    run.expect_unknowns(0, 1)
    run.receipts_may_be_lost = True
    run.world.restart(SMS, {"PROACTIVE_FAILPOINTS": f"{step}:sleep:1"})
    run.publish()
    time.sleep(0.5)
    run.world.database.stop("immediate")
    if step == failpoints.BEFORE_CLAIM:
        time.sleep(2)
        run.see(not observed.ledger(run.world), "nothing sent without a claim", observed.ledger(run.world))
    run.world.database.start()


@fault("database-crash-under-load", row="35", seconds=60)
def crash_under_load(run: Run) -> None:
    """Nothing is lost and nothing is sent twice, at whatever moment it comes."""
    run.receipts_may_be_lost = True
    run.expect_unknowns(0, 20)
    with run.load(30):
        time.sleep(1)
        run.world.database.stop("immediate")
        time.sleep(0.5)
        run.world.database.start()
        time.sleep(2)


@fault("database-connections-used-up", row="36", seconds=60)
def connections_used_up(run: Run) -> None:
    """Whoever gets no connection waits; nothing is dropped."""
    run.receipts_may_be_lost = True
    run.expect_unknowns(0, 5)
    with few_connections(run, CONNECTIONS), hogging(run, CONNECTIONS - 5), run.load(30, most=150):
        time.sleep(6)


@contextmanager
def few_connections(run: Run, most: int) -> Iterator[None]:
    """The server takes no more connections than this."""
    database = run.world.database
    [server] = database.processes
    before = list(server.command)
    server.command += ["-c", f"max_connections={most}"]
    try:
        database.restart()
        yield
    finally:
        server.command[:] = before
        database.restart()


@contextmanager
def hogging(run: Run, count: int) -> Iterator[None]:
    """Somebody else holds so many of the server's connections, as far as it has them."""
    enough = threading.Event()

    async def hold() -> None:
        async with AsyncExitStack() as held:
            got = 0
            while not enough.is_set():
                await asyncio.sleep(0.05)
                with suppress(asyncpg.TooManyConnectionsError):
                    if got < count:
                        connection = await asyncpg.connect(run.world.database_url)
                        held.push_async_callback(connection.close)
                        got += 1

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(asyncio.run, hold())
        try:
            yield
        finally:
            enough.set()
            holding.result()


@fault("database-away-for-ten-minutes", row="+4", seconds=120)
def away(run: Run) -> None:
    """
    (A minute, with a tenth of every time that is a setting.) Nothing is parked, nothing is lost.

    What was under way may be unknown for a while. Not scaled is what is no setting: the pauses that grow while the
    database is away, and reach their longest within the minute (a consumer's 30 s after 51 s, the tracker's loops' 10 s
    and what is insisted on, 5 s, much sooner). Nor are the requests' own time and what RabbitMQ grants a delivery, 30
    minutes: ten minutes reach neither of the defaults, nor does a minute here.
    """
    run.receipts_may_be_lost = True
    run.expect_unknowns(0, AT_ONCE)
    for service, times in A_TENTH.items():
        run.world.restart(service, times)
    with run.load(6):
        time.sleep(1)
        run.world.database.stop("immediate")
        time.sleep(60)
        log = run.world.stack.process(SMS).log.read_text()
        run.see('"seconds": 30.0' in log, "a consumer in its longest pause", log[-300:])
        run.world.database.start()
        time.sleep(1)


@fault("database-fails-over-synchronous", row="37", seconds=60)
def synchronous(run: Run) -> None:
    """A synchronous replica has every claim: no duplicate, nothing lost."""
    run.receipts_may_be_lost = True
    run.expect_unknowns(0, AT_ONCE)
    with replica_of(run.world, synchronous=True) as replica, run.load(20):
        time.sleep(2)
        replica.take_over()
        time.sleep(2)
        run.settle()


@fault("database-fails-over-asynchronous", row="37", seconds=60)
def asynchronous(run: Run) -> None:
    """The documented hole, shown: a replica that lagged does not know the claim, and the copy is sent once more."""
    world = run.world
    run.receipts("none")
    run.may_end("sent", "unknown")
    run.expect_unknowns(0, 1)
    with replica_of(world, synchronous=False) as replica:
        run.publish(2)
        run.settle()
        replica.lag()
        run.provider("slow", delay_seconds=1, receipts="none")
        world.broker_of(SMS).stall("to_server")
        [message] = run.publish()
        message.copies, message.confirmed = 2, False
        run.await_submission(message)
        run.wait(lambda: bool(run.rows([message])), "the history knows it")
        replica.take_over()
        message.rows = 0  # the replica's history has never heard whom it was for
        world.kill(SMS)
        world.start(SMS)
        run.await_submission(message, 2)
        run.settle()
