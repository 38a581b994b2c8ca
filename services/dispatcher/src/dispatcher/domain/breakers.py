"""
A breaker: what a row of failures does to a channel, or to a provider's host.

    closed ──5 failures in a row, or the provider refuses the channel──▶ open ──retry_at──▶ one probe
      ▲                                                                   ▲                 │   │
      ╰─────────── ramp: 1, 2, 4 … 64 a second ◀── any definite answer ───┼─────────────────╯   │
                                                                          ╰── it failed, too ───╯
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dispatcher.domain.answers import Refused, Unclear

FAILURES_TO_OPEN = 5
RAMP_SECONDS = 6
"""2^6 = 64 a second: from there on the ramp is over."""

PROBE_SECONDS = 60.0
"""A probe that tells nothing for so long was lost with its worker; then another one may go."""

BLOCKED_SECONDS = 300.0
"""Between two probes of a channel that the provider refuses: somebody has to mend that."""

FIRST_SECONDS, LONGEST_SECONDS = 5.0, 300.0
"""The first and the longest pause of a breaker that opened because of failures; each is twice the one before."""


class Cause(StrEnum):
    """Why a breaker is open. blocked: the provider refuses the channel. failing: no definite answers."""

    BLOCKED = "blocked"
    FAILING = "failing"


@dataclass(frozen=True)
class Breaker:
    """
    Closed where `cause` is None.

    `failures` in a row; `openings` since it last was well for longer than a ramp; `retry_at`: when a probe may go;
    `probing_since`: one is under way; `ramp_from`: when it closed. `why` is the failure that opened it.
    """

    failures: int = 0
    openings: int = 0
    cause: Cause | None = None
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probing_since: datetime | None = None
    ramp_from: datetime | None = None
    why: Refused | Unclear | None = None


def look_again(breaker: Breaker, now: datetime) -> Breaker:
    """An open breaker lets a probe go at once: somebody says that the trouble was mended."""
    return breaker if breaker.cause is None else replace(breaker, retry_at=now, probing_since=None)


def failed(
    breaker: Breaker, cause: Cause, why: Refused | Unclear, now: datetime, enough: int = FAILURES_TO_OPEN
) -> Breaker:
    """One more failure; `enough` in a row open it, and a provider that refuses the channel does so at once."""
    failures = breaker.failures + 1
    if breaker.cause is not None:
        worse = cause is Cause.BLOCKED and breaker.cause is not Cause.BLOCKED
        if breaker.probing_since is None and not worse:
            return breaker  # it had left before the breaker opened, and says nothing new
    elif cause is not Cause.BLOCKED and failures < enough:
        return replace(breaker, failures=failures)
    openings = breaker.openings + 1
    pause = BLOCKED_SECONDS
    if cause is Cause.FAILING:
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(openings - 1, 10))
    return Breaker(
        failures=failures,
        openings=openings,
        cause=cause,
        opened_at=now,
        retry_at=now + timedelta(seconds=pause),
        why=why,
    )


def well(breaker: Breaker, now: datetime) -> Breaker:
    """A definite answer: the provider works."""
    if breaker.cause is not None:
        if breaker.probing_since is None:
            return breaker  # it had left before the breaker opened, and says nothing new
        return Breaker(openings=breaker.openings, ramp_from=now)
    if ramping(breaker, now):  # not well for long enough to forget how often it opened
        return replace(breaker, failures=0)
    return Breaker()


def not_probed(breaker: Breaker, now: datetime) -> Breaker:
    """The probe could not leave, for a reason that says nothing about this breaker."""
    if breaker.cause is None or breaker.probing_since is None:
        return breaker
    return replace(breaker, probing_since=None, retry_at=now)


def probed(breaker: Breaker, now: datetime) -> Breaker:
    """A message leaves; through an open breaker, it is the probe."""
    if breaker.cause is None:
        return breaker
    return replace(breaker, probing_since=now, retry_at=now + timedelta(seconds=PROBE_SECONDS))


def ramping(breaker: Breaker, now: datetime) -> bool:
    """Whether it closed only a moment ago."""
    return breaker.ramp_from is not None and now < breaker.ramp_from + timedelta(seconds=RAMP_SECONDS)
