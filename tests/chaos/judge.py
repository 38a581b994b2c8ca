"""The seven invariants, judged from the ledger, the database, the queues, the status events and the logs."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from tests.chaos import observed
from tests.chaos.observed import Logs, Row
from tests.chaos.run import Run, work_queues
from tests.chaos.world import LISTENER

Key = TypeVar("Key", bound=Hashable)

RANKS = {
    "queued": 0,
    "not_confirmed": 1,
    "sending": 2,
    "waiting": 2,  # the two may alternate
    "unknown": 3,
    "cancelled": 4,
    "expired": 5,
    "not_sent": 6,
    "sent": 7,
    "failed": 8,
    "delivered": 9,
    "read": 10,
}
"""The order in which statuses may follow one another, as docs/events.md has it."""

ARRIVED = frozenset({"sent", "delivered", "read"})
NOTHING_LEFT = frozenset({"failed", "expired", "cancelled", "not_confirmed"})


@dataclass
class Verdict:
    """What a fault came to: figures for its line, and what was broken, each beginning with its invariant."""

    messages: int = 0
    submissions: int = 0
    unknowns: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass
class Evidence:
    """Everything that there is to see after a fault."""

    ledger: Sequence[Row]
    history: Sequence[Row]
    timeline: Sequence[Row]
    jobs: Mapping[UUID, Row]
    events: Sequence[Row]
    left: Mapping[str, tuple[int, int]]
    """Messages that wait (-1: the queue is gone) and that consumers hold."""
    parked: Mapping[str, int]
    untold: int
    leaks: Sequence[str]

    @cached_property
    def rows(self) -> defaultdict[str, list[Row]]:
        """The history's rows by the customer's number."""
        return grouped(self.history, lambda row: str(row["recipient"]))

    @cached_property
    def copies(self) -> defaultdict[str, list[Row]]:
        """What providers accepted, by the customer's number."""
        return grouped([row for row in self.ledger if row["accepted"]], lambda row: "+" + row["to"].lstrip("+"))

    @cached_property
    def submissions(self) -> defaultdict[UUID | None, list[Row]]:
        """All submissions by their message's id."""
        return grouped(self.ledger, observed.message_of)

    @cached_property
    def told(self) -> defaultdict[str, list[Row]]:
        """What was heard of a message, by its id, in order."""
        return grouped([event["data"] for event in self.events], lambda data: str(data["message_id"]))


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> defaultdict[Key, list[Row]]:
    """Rows by a key; those of an unknown key are none."""
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def gather(run: Run, logs: Logs, tries: int = 4) -> Evidence:
    """
    Look at everything, and empty the parked queues and the listener's.

    `tries`: looks at what is on its way, a second apart: a copy that was delivered again may still come to its end.
    """
    names = work_queues()
    for _ in range(tries):
        [[untold]], held = (
            observed.query(run.world, ("SELECT count(*) FROM tracker.outgoing",)),
            observed.held(run.world),
        )
        waiting = observed.ready(run.world, *names, *(f"{name}.parked" for name in names), f"listener.{LISTENER}")
        left = {name: (waiting[name], held.get(name, 0)) for name in names if waiting[name] or held.get(name)}
        if not left and not untold["count"]:
            break
        time.sleep(1)
    history = run.rows()
    ids = [row["message_id"] for row in history]
    timeline, jobs = observed.query(
        run.world,
        ("SELECT * FROM tracker.entry WHERE message_id = ANY($1) ORDER BY recorded_at", ids),
        ("SELECT * FROM dispatch.job WHERE message_id = ANY($1)", ids),
    )
    parked = {name: waiting[f"{name}.parked"] for name in names if waiting[f"{name}.parked"]}
    for name in parked:
        observed.drain(run.world, f"{name}.parked")
    return Evidence(
        ledger=observed.ledger(run.world),
        history=history,
        timeline=timeline,
        jobs={row["message_id"]: row for row in jobs},
        events=observed.heard(run.world) if waiting[f"listener.{LISTENER}"] >= 0 or run.heard_everything else [],
        left=left,
        parked=parked,
        untold=untold["count"],
        leaks=logs.leaks(),
    )


def judge(run: Run, logs: Logs) -> Verdict:
    """All seven, and what the fault itself expected of unknown outcomes."""
    seen = gather(run, logs)
    unknown = {entry["message_id"] for entry in seen.timeline if entry["status"] == "unknown"}
    verdict = Verdict(len(run.messages), len(seen.ledger), len(unknown))
    for number, invariant in enumerate(INVARIANTS, start=1):
        verdict.broken += [f"I{number} {words}" for words in shortened(list(invariant(run, seen)))]
    if run.unsettled:
        verdict.broken.append(f"I2 not over in time: {run.unsettled}")
    least, most = run.unknowns
    if not least <= len(unknown) <= most:
        verdict.broken.append(f"unknowns: {least} to {most} were expected")
    return verdict


def one_copy(run: Run, seen: Evidence) -> Iterator[str]:
    """I1: at most one accepted submission per message id, and nothing that nobody asked for."""
    allowed = {message.id: message.copies for message in run.messages}
    for message_id, rows in seen.submissions.items():
        count = sum(row["accepted"] for row in rows)
        if count > allowed.get(message_id, 1):
            yield f"{message_id} was taken {count} times"
    for message in run.messages:
        copies = seen.copies[message.number]
        if len(copies) > message.copies:
            yield f"the customer of {message.id} gets {len(copies)} copies"
        if any(row["text"] != message.text for row in copies):
            yield f"the customer of {message.id} gets another text"
    if strangers := set(seen.copies) - {message.number for message in run.messages}:
        yield f"{len(strangers)} customers of nobody's messages"


def visible_and_true(run: Run, seen: Evidence) -> Iterator[str]:
    """I2: every request that was confirmed or sent is there, in a status in which it may end, and the ledger agrees."""
    for message in run.messages:
        rows = seen.rows[message.number]
        if (message.confirmed or seen.copies[message.number]) and not rows and message.rows:
            yield f"{message.id} was confirmed or sent, and is not in the history"
        if len(rows) > message.rows:
            yield f"{len(rows)} messages were made of one: {[row['status'] for row in rows]}"
        for row in rows:
            if row["status"] not in message.ends:
                yield f"{row['message_id']} is {row['status']}, not {' or '.join(sorted(message.ends))}"
            yield from _lie(row, seen)


def _lie(row: Row, seen: Evidence) -> Iterator[str]:
    copies = [one for one in seen.submissions[row["message_id"]] if one["accepted"]]
    if row["status"] in ARRIVED and not copies:
        yield f"{row['message_id']} is {row['status']}, and no provider took it"
    if row["status"] in NOTHING_LEFT and any(one["reaches_phone"] for one in copies):
        yield f"{row['message_id']} is {row['status']}, and the customer gets it"


def receipts_count(run: Run, seen: Evidence) -> Iterator[str]:
    """I3: what the provider reported as delivered is delivered."""
    status = {row["message_id"]: row["status"] for row in seen.history}
    for message_id, row in [(message_id, row) for message_id, rows in seen.submissions.items() for row in rows]:
        if (
            row["status"] in {"delivered", "read"}
            and message_id in status
            and status[message_id] not in ARRIVED - {"sent"}
        ):
            yield f"{message_id} has the receipt {row['status']} and is {status[message_id]}"


def never_down(run: Run, seen: Evidence) -> Iterator[str]:
    """I4: each status event goes on from the one before it, and up."""
    for row in seen.history:
        before: str | None = None
        for event in seen.told[str(row["message_id"])]:
            status, previous = event["status"], event.get("previous")
            if run.heard_everything and previous != before:
                yield f"{row['message_id']}: {status} follows {before}, and says {previous}"
            if before is not None and RANKS[status] < RANKS[before]:
                yield f"{row['message_id']}: from {before} down to {status}"
            before = status
        if run.heard_everything and before != row["status"]:
            yield f"{row['message_id']}: the last status told is {before}, the history says {row['status']}"


def no_leak(run: Run, seen: Evidence) -> Iterator[str]:
    """I5: neither numbers nor texts nor secrets."""
    yield from seen.leaks


def applied_once(run: Run, seen: Evidence) -> Iterator[str]:
    """I6: no event stands twice in a timeline, no change was told twice, and no attempt called twice."""
    said = Counter((entry["message_id"], entry["event"], entry["event_id"]) for entry in seen.timeline)
    yield from (f"{what[0]}: {what[1]} stands {count} times" for what, count in said.items() if count > 1)
    receipts = Counter(
        (entry["message_id"], entry["status"], entry["provider_message_id"], entry["provider_code"])
        for entry in seen.timeline
        if entry["source"] == "receipt"
    )
    yield from (f"{what[0]}: receipt {what[1]} stands {count} times" for what, count in receipts.items() if count > 1)
    for row in seen.history:
        told = len(seen.told[str(row["message_id"])])
        if run.heard_everything and told != row["revision"]:
            yield f"{row['message_id']}: {told} status events for {row['revision']} changes"
    twice = {message.id for message in run.messages if message.copies > 1}
    for message_id, job in seen.jobs.items():
        count = len(seen.submissions[message_id])
        if message_id not in twice and count > job["attempt"]:
            yield f"{message_id}: {count} submissions of {job['attempt']} attempts"


def queues_as_expected(run: Run, seen: Evidence) -> Iterator[str]:
    """I7: nothing left in a queue, nothing untold, and parked what was to be."""
    if seen.left:
        yield f"left in queues: {dict(seen.left)}"
    if seen.untold:
        yield f"{seen.untold} status events are not told"
    expected = {name: count for name, count in run.parked.items() if count}
    if seen.parked != expected:
        yield f"parked: {dict(seen.parked) or 'nothing'}, expected: {expected or 'nothing'}"


INVARIANTS = (one_copy, visible_and_true, receipts_count, never_down, no_leak, applied_once, queues_as_expected)


def shortened(words: Sequence[str], most: int = 4) -> Iterable[str]:
    """The first few, and how many more."""
    yield from words[:most]
    if len(words) > most:
        yield f"… and {len(words) - most} more"
