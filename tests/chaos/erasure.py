"""Texts and persons that are removed while messages are being sent."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from tests.chaos import observed
from tests.chaos.matrix import fault
from tests.chaos.run import Run
from tests.chaos.traffic import Message
from tests.chaos.world import TRACKER, WEBHOOKS
from tests.support.bus import WORKSPACE
from tests.support.remains import rows_with

SECONDS = 120


@fault("erasure-during-sends", row="45", seconds=60)
def erased(run: Run) -> None:
    """What flies is sent once, what waits is stopped, all others are sent, and nothing of the persons is left."""
    world = run.world
    [sent] = run.publish(1)
    run.await_status(sent, "delivered")
    later = (datetime.now(UTC) + timedelta(seconds=300)).isoformat()
    [waiting] = run.publish(1, not_before=later)
    run.await_job(waiting, "waiting")
    run.provider("slow", delay_seconds=2)
    [flying] = run.publish(1)
    run.await_submission(flying)
    persons = (sent, waiting, flying)
    with run.load(10, most=200):
        for _ in range(2):  # killed in the middle, and once more
            erasing = [erase(run, message) for message in persons]
            time.sleep(1.5)
            for process in erasing:
                process.kill()
                process.wait()
        erasing = [erase(run, message) for message in persons]
        ended = [process.wait(SECONDS) for process in erasing]
    run.see(ended == [0, 0, 0], "three persons erased", ended)
    run.provider("normal")
    for message in persons:
        message.rows = 0  # the history does not know whose they are
    statuses = {message.id: status_of(run, message) for message in persons}
    run.see(statuses[waiting.id] == "cancelled", "what waited is cancelled", statuses)
    run.wait(lambda: {status_of(run, sent), status_of(run, flying)} == {"delivered"}, "what was sent is delivered")
    run.see(not run.submissions(waiting), "nothing sent of what waited", run.submissions(waiting))
    see_nothing_of(run, *(words for message in persons for words in (message.number[1:], message.text)))
    acts = json.loads(world.stack.proactivectl("audit", "list", "--action", "person.erase", "--json"))["acts"]
    run.see([act["outcome"] for act in acts[:3]] != [None] * 3, "three erasures that ended", acts[:3])


@fault("retention-during-sends", row="45", seconds=60)
def kept_long_enough(run: Run) -> None:
    """Old texts go, and neither a message that is under way nor what became of one."""
    old = run.publish(20)
    for message in old:
        run.await_status(message, "delivered")
    later = (datetime.now(UTC) + timedelta(seconds=300)).isoformat()
    run.may_end("waiting", "queued")
    [waiting] = run.publish(1, not_before=later)
    run.await_job(waiting, "waiting")
    run.may_end("delivered")
    grow_old(run, *old, waiting)
    for name in (WEBHOOKS, TRACKER):
        run.world.restart(name, {"PROACTIVE_RETENTION_SECONDS": "0.5"})
    with run.load(10, most=100):
        run.wait(lambda: not left_of(run, *(message.text for message in old)), "the old texts gone", 30)
    see_nothing_of(run, *(message.text for message in old))
    run.see(bool(left_of(run, waiting.text)), "the text of what waits", left_of(run, waiting.text))
    run.put(*old)  # asked for once more: known by their digests
    run.await_job(waiting, "waiting")


def erase(run: Run, message: Message) -> "subprocess.Popen[bytes]":
    """An operator erases whom it went to."""
    command = ("erase", "--phone", message.number, "--workspace", WORKSPACE, "--wait", "60", "--yes")
    return subprocess.Popen(
        [sys.executable, "-m", "proactivectl", *command],
        env=run.world.stack.env_of("proactivectl"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def status_of(run: Run, message: Message) -> str:
    """What the history says of a message, whoever it went to."""
    [rows] = observed.query(run.world, ("SELECT status FROM tracker.message WHERE message_id = $1", message.id))
    return str(rows[0]["status"])


def grow_old(run: Run, *messages: Message) -> None:
    """As if they had been asked for forty days ago."""
    ids, age = [message.id for message in messages], "- interval '40 days'"
    observed.query(
        run.world,
        (f"UPDATE dispatch.job SET since = since {age} WHERE message_id = ANY($1)", ids),
        (f"UPDATE tracker.message SET requested_at = requested_at {age} WHERE message_id = ANY($1)", ids),
    )


def left_of(run: Run, *words: str) -> list[str]:
    """Tables that hold one of these."""
    return rows_with(run.world.database_url, *words)


def see_nothing_of(run: Run, *words: str) -> None:
    """No row of ours holds one of these."""
    found = left_of(run, *words)
    run.see(not found, "nothing of them in the database", found)
