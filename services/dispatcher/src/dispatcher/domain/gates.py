"""
Who may send now: rates, pauses, holds and breakers of a sender, and the breaker of the provider's host behind it.

A rate is a generic cell rate algorithm (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): `tat` is the moment
at which everything spent so far has been paid for. A message may go once all but a burst of that is paid, and what it
costs is owed afterwards, so that a long SMS leaves at the same time as a short one and delays what follows.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from dispatcher.domain import breakers
from dispatcher.domain.answers import Answer, ErrorClass, Refused, Unclear
from dispatcher.domain.breakers import FAILURES_TO_OPEN, FIRST_SECONDS, Breaker, Cause
from proactive_contracts.reasons import FailureReason

BURST_SECONDS = 0.1
"""How much of a second's rate may leave at once: at least one message."""

ALONE_FAILURES = 10
"""So many failures to connect in a row open a host's breaker, even if only one of its channels is in use."""

LEAST_PER_SECOND, MOST_PER_SECOND = 0.001, 10_000.0
"""The rates that may be set; as the table's CHECK has it, too."""

LONGEST_DEBT = timedelta(days=1)
"""Nobody waits longer for what was spent before."""

SHORTEST_HOLD, LONGEST_HOLD = 1.0, 900.0
"""Seconds of a provider's Retry-After that are believed."""


class Gate(StrEnum):
    """Why a sender's jobs wait, as far as people are told."""

    PAUSED = "paused"
    BLOCKED = "blocked"
    FAILING = "failing"
    HELD = "held"
    RATE = "rate"


@dataclass(frozen=True)
class Meter:
    """What was spent: `per_second` None is no limit."""

    per_second: float | None = None
    tat: datetime | None = None


@dataclass(frozen=True)
class Host:
    """One provider at one address, for all channels that go there; `failing` are those that could not reach it."""

    name: str = ""
    meter: Meter = field(default_factory=Meter)
    breaker: Breaker = field(default_factory=Breaker)
    failing: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Sender:
    """One connected channel. `paused_at`: an operator stopped it; `held_until`: the provider asked us to wait."""

    meter: Meter = field(default_factory=Meter)
    breaker: Breaker = field(default_factory=Breaker)
    paused_at: datetime | None = None
    paused_by: str | None = None
    held_until: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """A sender, the host behind it, and the moment at which they were so."""

    sender: Sender
    host: Host
    now: datetime


@dataclass(frozen=True)
class Wait:
    """Its rate is used up until `until`; nobody needs to be told."""

    until: datetime


@dataclass(frozen=True)
class Shut:
    """Nothing may leave, for a reason that people are told; `until` is when it is looked at again, where known."""

    gate: Gate
    why: Refused
    until: datetime | None


def admit(sender: Sender, host: Host, now: datetime) -> Wait | Shut | None:
    """Whether one message may leave now: None is yes."""
    if sender.paused_at is not None:
        return Shut(Gate.PAUSED, _PAUSED, None)
    for breaker in (sender.breaker, host.breaker):
        if breaker.cause is not None and (breaker.retry_at is None or now < breaker.retry_at):
            return shut_by(breaker)
    if sender.held_until is not None and now < sender.held_until:
        return Shut(Gate.HELD, _HELD, sender.held_until)
    free = max(_free_at(sender.meter, sender.breaker, now), _free_at(host.meter, host.breaker, now))
    return Wait(free) if now < free else None


def mended(sender: Sender, now: datetime) -> Sender:
    """Where the channel was connected anew, a probe may go, unless one is under way."""
    if sender.breaker.probing_since is not None:
        return sender
    return replace(sender, breaker=breakers.look_again(sender.breaker, now))


def shut_by(breaker: Breaker) -> Shut:
    """What an open breaker means for those that wait behind it."""
    said = breaker.why
    blocked = breaker.cause is Cause.BLOCKED
    error_class = ErrorClass.BLOCKED if blocked else ErrorClass.NOT_SENT
    reason = said.reason if isinstance(said, Refused) else FailureReason.PROVIDER_UNREACHABLE
    detail = "" if said is None else said.detail
    code = None if said is None else said.provider_code
    until = breaker.retry_at
    if breaker.probing_since is not None:  # what the probe comes to is known soon
        until = breaker.probing_since + timedelta(seconds=FIRST_SECONDS)
    return Shut(Gate.BLOCKED if blocked else Gate.FAILING, Refused(error_class, reason, detail, code), until)


def spend(sender: Sender, host: Host, cost: int, now: datetime) -> tuple[Sender, Host]:
    """One admitted message of `cost` segments leaves; through an open breaker it is the probe."""
    sender = replace(
        sender, meter=_spent(sender.meter, sender.breaker, cost, now), breaker=breakers.probed(sender.breaker, now)
    )
    host = replace(host, meter=_spent(host.meter, host.breaker, 1, now), breaker=breakers.probed(host.breaker, now))
    return sender, host


def at_most(sender: Sender, host: Host, now: datetime) -> int | None:
    """How many messages could be admitted now, at most; None where nothing limits them."""
    if admit(sender, host, now) is not None:
        return 0
    if sender.breaker.cause is not None or host.breaker.cause is not None:
        return 1
    counts = [
        int((now - _free_at(meter, breaker, now)) / timedelta(seconds=1 / rate)) + 1
        for meter, breaker in ((sender.meter, sender.breaker), (host.meter, host.breaker))
        if (rate := _rate(meter, breaker, now)) is not None
    ]
    return min(counts, default=None)


def metered(sender: Sender, host: Host, now: datetime) -> bool:
    """Whether a message that leaves has to be noted, under a lock, for others to see."""
    return any(
        breaker.cause is not None or _rate(meter, breaker, now) is not None
        for meter, breaker in ((sender.meter, sender.breaker), (host.meter, host.breaker))
    )


def sender_after(sender: Sender, answer: Answer, now: datetime) -> Sender:
    """What an answer of the provider says about the channel that it came through."""
    match answer:
        case Refused(error_class=ErrorClass.BLOCKED):
            return replace(sender, breaker=breakers.failed(sender.breaker, Cause.BLOCKED, answer, now))
        case Unclear() | Refused(error_class=ErrorClass.REFUSED_TEMPORARILY):
            return replace(sender, breaker=breakers.failed(sender.breaker, Cause.FAILING, answer, now))
        case Refused(error_class=ErrorClass.NOT_SENT):  # the host's matter; a probe that could not leave is over
            return replace(sender, breaker=breakers.not_probed(sender.breaker, now))
        case Refused(error_class=ErrorClass.THROTTLED, recipient_only=False):
            seconds = min(max(SHORTEST_HOLD, answer.retry_after_seconds or 0), LONGEST_HOLD)
            until = now + timedelta(seconds=seconds)
            held = until if sender.held_until is None else max(until, sender.held_until)
            return replace(sender, breaker=breakers.well(sender.breaker, now), held_until=held)
    return replace(sender, breaker=breakers.well(sender.breaker, now))


def host_after(host: Host, channel_id: UUID, channels: int, answer: Answer, now: datetime) -> Host:
    """
    What an answer says about the provider's host; `channels` is how many of ours go there.

    Whatever was answered, it was reached. That a connection is refused may be one channel's own trouble, so it takes
    two of them, or the only one, or many in a row.
    """
    if not (isinstance(answer, Refused) and answer.error_class is ErrorClass.NOT_SENT):
        return replace(host, breaker=breakers.well(host.breaker, now), failing=frozenset())
    failing = host.failing | {channel_id}
    enough = FAILURES_TO_OPEN if len(failing) > 1 or channels <= 1 else ALONE_FAILURES
    return replace(host, breaker=breakers.failed(host.breaker, Cause.FAILING, answer, now, enough), failing=failing)


def unwell(sender: Sender, host: Host) -> bool:
    """Whether a good answer would change anything."""
    return any(one.cause is not None or one.failures or one.openings for one in (sender.breaker, host.breaker))


def _rate(meter: Meter, breaker: Breaker, now: datetime) -> float | None:
    """Messages a second: the limit, and less while it ramps up."""
    if not breakers.ramping(breaker, now):
        return meter.per_second
    assert breaker.ramp_from is not None
    ramp = float(2 ** max(0.0, (now - breaker.ramp_from).total_seconds()))
    return ramp if meter.per_second is None else min(ramp, meter.per_second)


def _free_at(meter: Meter, breaker: Breaker, now: datetime) -> datetime:
    """When the next message may go; in the past by as much as more than one may go now."""
    rate = _rate(meter, breaker, now)
    if rate is None:
        return now
    burst = max(1.0, rate * BURST_SECONDS)
    return _paid_at(meter, now) - timedelta(seconds=(burst - 1) / rate)


def _spent(meter: Meter, breaker: Breaker, cost: int, now: datetime) -> Meter:
    rate = _rate(meter, breaker, now)
    if rate is None:
        return meter
    owed = _paid_at(meter, now) - now + timedelta(seconds=min(cost / rate, LONGEST_DEBT.total_seconds()))
    return replace(meter, tat=now + min(owed, LONGEST_DEBT))


def _paid_at(meter: Meter, now: datetime) -> datetime:
    return now if meter.tat is None else max(meter.tat, now)


_PAUSED = Refused(
    ErrorClass.NOT_SENT, FailureReason.CHANNEL_PAUSED, "Nothing leaves through this channel until it is resumed."
)
_HELD = Refused(ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY, "The provider asked us to wait.")
