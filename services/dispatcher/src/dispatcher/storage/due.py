"""
Which jobs a worker moves on now: sender by sender, where there is room, people's before services'.

What is chosen is locked, and what it costs its sender is spent, in the caller's transaction. Nothing is reserved for
later: a job that waits for its turn is not touched, so whoever comes next chooses among all that wait then.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from dispatcher import metrics
from dispatcher.domain import gates
from dispatcher.domain.gates import Host, Sender, Shut, Wait
from dispatcher.domain.resends import SAYS_SENT, status_of
from dispatcher.domain.segments import segments
from dispatcher.domain.states import HeldBack, RepeatsSent, State
from dispatcher.ports import Room
from dispatcher.storage import gate_statements as sql
from dispatcher.storage.rows import Key, columns_of_keys
from dispatcher.storage.senders import host_of, save_hosts, save_senders, sender_of, standing_of
from dispatcher.storage.statements import RENEW
from dispatcher.storage.steps import SHARED
from dispatcher.storage.telling import tell
from proactive_contracts.results import Earlier
from proactive_contracts.values import Channel, Lane
from runtime.logs import get_logger
from runtime.postgres import Connection

OTHERS = 50
"""Jobs that need no turn are taken so many at a time: expired, lapsed, resolving, untold."""

QUEUED_SECONDS, SHUT_SECONDS = 0.5, 5.0
"""What is to be called again under its id is looked at again after this, where its sender is not to send now."""

TAKEN_SECONDS = 0.02
"""A sender whose lock another replica holds is looked at again after this."""

log = get_logger()


@dataclass(frozen=True)
class Chosen:
    """
    Locked rows: `rows` go on, `held` are told why they must wait, `repeating` that what they repeat was sent.

    `next_seconds`: when there may be more; `hungry`: channels that have more now, and no room for it in this worker;
    `unwell`: those that go on through a breaker, whose answers say whether it closes.
    """

    rows: Sequence[asyncpg.Record]
    held: Sequence[tuple[asyncpg.Record, HeldBack]] = ()
    repeating: Sequence[tuple[asyncpg.Record, RepeatsSent]] = ()
    next_seconds: float | None = None
    hungry: frozenset[UUID] = frozenset()
    unwell: frozenset[UUID] = frozenset()


@dataclass
class _Turn:
    """A sender that has due jobs, as it is while they are chosen."""

    channel_id: UUID
    host: str
    sender: Sender
    mended: bool
    locked: bool = False
    ready: bool = True
    """Whether its row is locked here, or needs no lock."""
    taken: int = 0
    left: bool = True
    """Whether more of its jobs may be due than were found."""
    shut: Shut | None = None


@dataclass
class _Round:
    """What one choice goes by; `hosts` are shared among senders."""

    now: datetime
    hosts: dict[str, Host] = field(default_factory=dict)
    locked_hosts: set[str] = field(default_factory=set)
    turns: dict[UUID, _Turn] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)

    def host(self, turn: _Turn) -> Host:
        return self.hosts[turn.host]

    @contextmanager
    def only(self, channel_id: UUID) -> Iterator[None]:
        """Whatever is wrong with one sender leaves out that one, and no other."""
        try:
            yield
        except Exception:
            log.exception("sender_left_out", channel_id=str(channel_id))
            self.turns.pop(channel_id, None)

    def admission(self, turn: _Turn) -> Wait | Shut | None:
        return gates.admit(turn.sender, self.host(turn), self.now)

    @property
    def shut(self) -> dict[UUID, Shut]:
        return {turn.channel_id: turn.shut for turn in self.turns.values() if turn.shut is not None}

    @property
    def queued(self) -> list[UUID]:
        return [turn.channel_id for turn in self.turns.values() if turn.shut is None]

    @property
    def next_seconds(self) -> float | None:
        return max(0.0, (min(self.moments) - self.now).total_seconds()) if self.moments else None


async def choose(
    connection: Connection, channel: Channel, room: Room, called_again: Collection[str] = frozenset()
) -> Chosen:
    """
    Lock what is to move on, as far as there is room; other replicas pass it by.

    `called_again`: providers that find out what became of a message by another call, which the gates let go as well.
    """
    if not room.others:
        return await _choose_calls(connection, channel, room)
    found = await connection.fetch(sql.OTHERS, channel.value, OTHERS)
    others, unwell = await _admitted(connection, channel, found, called_again)
    chosen = Chosen([])
    try:
        async with connection.transaction():
            chosen = await _choose_calls(connection, channel, room)
    except SHARED:
        raise
    except Exception:  # what needs no turn must not wait until this is mended
        log.exception("turns_left_out")
    more = len(found) >= OTHERS
    return replace(
        chosen,
        rows=[*others, *chosen.rows],
        next_seconds=0.0 if more else chosen.next_seconds,
        unwell=chosen.unwell | unwell,
    )


async def _choose_calls(connection: Connection, channel: Channel, room: Room) -> Chosen:
    state = await _look_around(connection, channel)
    if state is None:
        return Chosen([])
    await _lock(connection, state)
    calls = await _pick(connection, channel, state, room)
    for row in calls:
        metrics.passed_gate(channel, Lane(row["lane"]), (row["now"] - row["due_at"]).total_seconds())
    telling = await tell(connection, state.shut, state.queued if room.tell_queued else [], calls)
    repeating = await _repeating_sent(connection, channel, calls) if room.tell_queued else {}
    held = [(row, why) for row, why in telling.held if _key(row) not in repeating]
    if telling.more:
        state.moments.append(state.now)
    return Chosen(
        calls,
        held,
        list(repeating.values()),
        next_seconds=state.next_seconds,
        hungry=frozenset(
            turn.channel_id
            for turn in state.turns.values()
            if turn.ready and turn.left and state.admission(turn) is None
        ),
        unwell=frozenset(
            turn.channel_id
            for turn in state.turns.values()
            if turn.taken and gates.unwell(turn.sender, state.host(turn))
        ),
    )


async def _admitted(
    connection: Connection, channel: Channel, rows: Sequence[asyncpg.Record], called_again: Collection[str]
) -> tuple[Sequence[asyncpg.Record], frozenset[UUID]]:
    """
    Without what would be called again now, and may not: it stays what it is, and is looked at again soon.

    And which channels are called through a breaker.
    """
    again = [
        row
        for row in rows
        if row["state"] == State.RESOLVING
        and row["provider"] in called_again
        and row["not_after"] > row["now"]
        and row["stopped_by"] is None
    ]
    if not again:
        return rows, frozenset()
    found = await connection.fetch(sql.LOCK_IN_ORDER, list({row["channel_id"] for row in again}))
    known = {row["channel_id"]: row for row in found}
    host_rows = await connection.fetch(sql.LOCK_HOSTS_IN_ORDER, list({row["host"] for row in found}))
    host_of_name = {row["name"]: row for row in host_rows}
    going: dict[UUID, Sender] = {}
    hosts: dict[str, Host] = {}
    put_off: dict[Key, float] = {}
    for row in again:
        if row["channel_id"] not in known:
            continue
        name = known[row["channel_id"]]["host"]
        try:
            sender = going.get(row["channel_id"]) or sender_of(known[row["channel_id"]])
            host = hosts.get(name) or host_of(name, host_of_name[name])
            answer = gates.admit(sender, host, found[-1]["now"])
            if answer is None:
                cost = _cost(row["request"], channel)
                going[row["channel_id"]], hosts[name] = gates.spend(sender, host, cost, found[-1]["now"])
        except Exception:
            log.exception("sender_left_out", channel_id=str(row["channel_id"]))
            put_off[_key(row)] = SHUT_SECONDS
            continue
        if answer is not None:
            put_off[_key(row)] = SHUT_SECONDS if isinstance(answer, Shut) else QUEUED_SECONDS
    await save_senders(connection, going)
    await save_hosts(connection, hosts.values())
    for seconds in set(put_off.values()):
        keys = [key for key, wanted in put_off.items() if wanted == seconds]
        await connection.execute(RENEW, *columns_of_keys(keys), seconds)
    unwell = frozenset(one for one, sender in going.items() if gates.unwell(sender, hosts[known[one]["host"]]))
    return [row for row in rows if _key(row) not in put_off], unwell


async def _repeating_sent(
    connection: Connection, channel: Channel, going: Sequence[asyncpg.Record]
) -> dict[Key, tuple[asyncpg.Record, RepeatsSent]]:
    """Re-sends that are refused before their turn, shut gate or not; those that are `going` are judged anyway."""
    rows = await connection.fetch(sql.REPEATS_SENT, channel.value, OTHERS, SAYS_SENT)
    leaving = {_key(row) for row in going}
    return {_key(row): (row, RepeatsSent(_earlier(row))) for row in rows if _key(row) not in leaving}


def _earlier(row: asyncpg.Record) -> Earlier:
    status = status_of(State(row["earlier_state"]), row["earlier_receipt"])
    return Earlier(status=status, since=row["earlier_since"])


def _key(row: asyncpg.Record) -> Key:
    return row["workspace_id"], row["message_id"]


async def _look_around(connection: Connection, channel: Channel) -> _Round | None:
    """The senders that have due jobs; None where there is none."""
    rows = await connection.fetch(sql.WAITING, channel.value)
    state = None
    for row in rows:
        due_at = min((at for at in (row["agents_due_at"], row["bulk_due_at"]) if at is not None), default=None)
        if due_at is None:
            continue
        state = state or _Round(row["now"])
        if due_at > state.now:
            state.moments.append(due_at)
            continue
        with state.only(row["channel_id"]):
            standing = standing_of(row)
            sender = gates.mended(standing.sender, state.now) if row["mended"] else standing.sender
            state.hosts.setdefault(standing.host.name, standing.host)
            turn = _Turn(row["channel_id"], standing.host.name, sender, row["mended"])
            state.turns[turn.channel_id] = turn
            state.admission(turn)
    return state


async def _lock(connection: Connection, state: _Round) -> None:
    """Have the rows of senders and hosts where what leaves has to be counted; who finds them taken passes them by."""
    admitted = [turn for turn in state.turns.values() if state.admission(turn) is None]
    metered = [turn for turn in admitted if gates.metered(turn.sender, state.host(turn), state.now)]
    if not metered:
        return
    rows = await connection.fetch(sql.LOCK_SENDERS, [turn.channel_id for turn in metered])
    fresh = {row["channel_id"]: row for row in rows}
    state.now = max([state.now, *(row["now"] for row in rows)])
    for turn in metered:
        turn.ready = turn.locked = turn.channel_id in fresh
        if not turn.ready:
            continue
        with state.only(turn.channel_id):
            opened_at, turn.sender = turn.sender.breaker.opened_at, sender_of(fresh[turn.channel_id])
            if turn.mended and turn.sender.breaker.opened_at == opened_at:
                turn.sender = gates.mended(turn.sender, state.now)
            state.admission(turn)
    metered = [turn for turn in metered if turn.channel_id in state.turns]
    names = {turn.host for turn in metered if turn.ready and gates.metered(Sender(), state.host(turn), state.now)}
    if names:
        found = {row["name"]: row for row in await connection.fetch(sql.LOCK_HOSTS, list(names))}
        state.hosts |= {name: host_of(name, row) for name, row in found.items()}
        state.locked_hosts |= set(found)
        for turn in metered:
            turn.ready = turn.ready and (turn.host not in names or turn.host in found)


async def _pick(connection: Connection, channel: Channel, state: _Round, room: Room) -> list[asyncpg.Record]:
    """The jobs that go now, and what they cost spent."""
    wanted: list[tuple[UUID, int, int, int]] = []
    for turn in list(state.turns.values()):
        if not turn.ready:
            state.moments.append(state.now + timedelta(seconds=TAKEN_SECONDS))
            continue
        limit: int | None = 0
        with state.only(turn.channel_id):
            limit = gates.at_most(turn.sender, state.host(turn), state.now)
        if limit == 0:
            continue
        most = room.slots if limit is None else min(limit, room.slots)
        agents, bulk = (min(most, room.of(turn.channel_id, lane)) for lane in (Lane.INTERACTIVE, Lane.BULK))
        if agents or bulk:
            wanted.append((turn.channel_id, most, agents, bulk))
    rows = await connection.fetch(sql.PICK, channel.value, *map(list, zip(*wanted, strict=True))) if wanted else []
    for channel_id, most, agents, bulk in wanted:
        found = [row["lane"] for row in rows if row["channel_id"] == channel_id]
        people = found.count(Lane.INTERACTIVE)
        state.turns[channel_id].left = people >= agents or len(found) - people >= min(bulk, most - people)
    going = _go(state, _in_turn(rows), room.slots, channel)
    taken = [turn for turn in state.turns.values() if turn.taken]
    await save_senders(connection, {turn.channel_id: turn.sender for turn in taken if turn.locked})
    await save_hosts(connection, [state.hosts[name] for name in {turn.host for turn in taken} & state.locked_hosts])
    for turn in list(state.turns.values()):
        with state.only(turn.channel_id):
            _look_ahead(state, turn)
    return going


def _in_turn(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """People's jobs first, and one of each sender after the other."""
    places: dict[tuple[str, UUID], int] = {}
    keyed = []
    for row in rows:  # each sender's are in order
        queue = (row["lane"], row["channel_id"])
        places[queue] = places.get(queue, -1) + 1
        keyed.append(((row["lane"] == Lane.BULK, places[queue]), row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def _go(state: _Round, rows: Iterable[asyncpg.Record], slots: int, channel: Channel) -> list[asyncpg.Record]:
    going: list[asyncpg.Record] = []
    for row in rows:
        turn = state.turns.get(row["channel_id"])
        if len(going) >= slots:
            break
        if turn is None:
            continue
        with state.only(turn.channel_id):
            if state.admission(turn) is not None:
                continue
            cost = _cost(row["request"], channel)
            turn.sender, state.hosts[turn.host] = gates.spend(turn.sender, state.host(turn), cost, state.now)
            turn.taken += 1
            going.append(row)
    return going


def _cost(request: Mapping[str, Any] | None, channel: Channel) -> int:
    if channel is not Channel.SMS or request is None:
        return 1
    content = request.get("content")
    text = content.get("text") if isinstance(content, Mapping) else None
    return segments(text) if isinstance(text, str) else 1


def _look_ahead(state: _Round, turn: _Turn) -> None:
    """When this sender is to be looked at again, where more of its jobs may be due."""
    match state.admission(turn):
        case Shut() as shut:
            turn.shut = shut
            if shut.until is not None:
                state.moments.append(max(shut.until, state.now + timedelta(seconds=TAKEN_SECONDS)))
        case Wait(until):
            state.moments.append(until)
