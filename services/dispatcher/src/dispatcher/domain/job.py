"""
What happens next to a job: one pure decision, made under the lock of its row.

    (request) ──▶ waiting ◀──────────╮        not before its time, its sender's turn, or what it re-sends
        │          │ │ │ ╰▶ expired  │        not_after has passed, nothing was sent
        │          │ │ ╰──▶ cancelled│        somebody stopped it before it left
        │          │ ╰────▶ failed   │        a re-send whose first message was sent after all; its channel is blocked
        │          ▼                 │
        ╰─────▶ sending ─────────────┤        refused for now, and there is time for another try
                │  │ ├─▶ failed, expired      refused; could not leave in time
                │  │ ╰─▶ cancelled   │        refused for now, and somebody had stopped it meanwhile
                │  │                 │
                │  ╰──▶ resolving ───╯        no definite answer, or the lease lapsed; the provider offers a way to
                │        │ │ ╰─▶ failed, …    find out. Every attempt turned out to be refused: judged as usual
                │        │ ╰───▶ unknown      it offers none, or found nothing: SendUnknown, a person decides
                ▼        ▼         │ │ ╰────▶ failed, expired   every attempt was refused, told late
              accepted ◀───────────╯ ╰──────▶ not_sent          a person's verdict; it may still become accepted

Every state but failed, cancelled and expired becomes accepted by an acceptance of any attempt, a look-up or a receipt.
`doubts`, the attempts whose outcome is not known, are empty in waiting, sending, failed, cancelled and expired, and
never in resolving and unknown: what may have been sent is never called failed, and never called again except under
an id that the provider knows already. What was told as unknown is never called again at all: a person may have
re-sent it. Nor is what somebody stopped while it was being sent or found out: looks and receipts go on.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.domain.delays import LOOKING_SECONDS, RESEND_LOOK_SECONDS, look_delay, most_looks, retry_delay
from dispatcher.domain.resends import refuse_resend, subject_fields, under_way
from dispatcher.domain.states import (
    Act,
    Answered,
    CancelAsked,
    Capabilities,
    Happening,
    HeldBack,
    Job,
    LeaseLapsed,
    LookedUp,
    ReceiptCame,
    RepeatsSent,
    State,
    Step,
    TimeCame,
    VerdictGiven,
)
from proactive_contracts.results import (
    Earlier,
    SendAccepted,
    SendCancelled,
    SendDeferred,
    SendExpired,
    SendFailed,
    SendResolved,
    SendStarted,
    SendUnknown,
)
from proactive_contracts.values import Lane, RequestedBy, Subject

REFUSED_FOR_GOOD = frozenset({State.FAILED, State.CANCELLED, State.EXPIRED})
"""Nothing was sent, by all that is known: not even an acceptance changes these."""

_COUNTED = frozenset({ErrorClass.NOT_SENT, ErrorClass.REFUSED_TEMPORARILY})

_LAPSED = Unclear("The sender stopped in the middle of sending, so it is not known whether the provider got it.")
_DUPLICATE = Unclear("The provider says that it knows this message already, which no attempt of ours explains.")


def decide(job: Job, happening: Happening, can: Capabilities, now: datetime, chance: float) -> Step | None:
    """
    What `job` becomes by what happened; None where nothing changes, and what was told last stays true.

    `can`: what the provider that it went through offers. `chance`, in [0, 1), spreads retries apart.
    """
    match happening:
        case Answered():
            return _answered(job, happening, can, now, chance)
        case TimeCame():
            return _time_came(job, happening, can, now)
        case RepeatsSent(earlier):
            return _refuse_resend(job, [earlier]) if job.state is State.WAITING else None
        case LeaseLapsed():
            return _unclear(job, job.attempt, _LAPSED, can, now, chance) if job.state is State.SENDING else None
        case HeldBack(why, until):
            return _hold_back(job, why, until, can, now)
        case CancelAsked(by):
            return _cancel(job, by)
        case VerdictGiven():
            return _verdict(job, happening)
        case ReceiptCame(provider, provider_message_id):
            return _accept(job, provider, Accepted(provider_message_id))
        case LookedUp():
            return _looked_up(job, happening, can, now, chance)


def _answered(job: Job, answered: Answered, can: Capabilities, now: datetime, chance: float) -> Step | None:
    match answered.answer:
        case Accepted(duplicate=True) if not any(doubt < answered.attempt for doubt in job.doubts):
            return _unexplained(job, answered.attempt, can)
        case Accepted() as taken:
            return _accept(job, can.provider, taken)
        case Refused() as refused:
            return _refused(job, answered.attempt, refused, can, now, chance)
        case Unclear() as unclear:
            return _unclear(job, answered.attempt, unclear, can, now, chance)


def _accept(job: Job, provider: str | None, taken: Accepted) -> Step | None:
    """The provider took it; where only a person had said so, this is told as well."""
    if job.state in REFUSED_FOR_GOOD or (job.state is State.ACCEPTED and job.provider_message_id):
        return None
    accepted = SendAccepted(
        **_about(job),
        provider=provider or job.provider or "unknown",
        provider_message_id=taken.provider_message_id,
        segments=taken.segments,
    )
    step = _to(job, State.ACCEPTED, doubts=(), unclear=None, result=accepted)
    return replace(step, provider_message_id=taken.provider_message_id)


def _refused(job: Job, attempt: int, refused: Refused, can: Capabilities, now: datetime, chance: float) -> Step | None:
    """That attempt sent nothing: what is left is judged only where no other attempt is in doubt or under way."""
    if job.state is State.SENDING and attempt == job.attempt:
        return _judge(job, refused, can, now, chance)
    if attempt not in job.doubts or job.state not in {State.RESOLVING, State.UNKNOWN}:
        return None
    cleared = replace(job, doubts=tuple(one for one in job.doubts if one != attempt))
    if cleared.doubts:
        if job.state is State.RESOLVING and attempt == job.attempt:
            return _look_later(cleared, can, now, chance, refused.retry_after_seconds or 0)
        return _to(cleared, job.state, due_at=job.due_at)
    if job.state is State.RESOLVING:
        return _judge(cleared, refused, can, now, chance)
    late = refused.error_class is ErrorClass.NOT_SENT and now >= job.not_after
    return _expire(cleared) if late else _fail(cleared, refused, can)


def _judge(job: Job, refused: Refused, can: Capabilities, now: datetime, chance: float) -> Step:
    """Every attempt was refused, the last one like this: once more, or the end."""
    if refused.error_class is ErrorClass.NOT_SENT and now >= job.not_after:
        return _expire(job)
    if refused.error_class in _COUNTED:
        job = replace(job, tries=job.tries + 1)
    delay = retry_delay(refused, job.tries, job.attempt, chance)
    if delay is None:
        return _fail(job, refused, can)
    return _put_off(job, refused, now + timedelta(seconds=delay), can)


def _hold_back(job: Job, why: Refused, until: datetime, can: Capabilities, now: datetime) -> Step | None:
    if job.state is not State.WAITING:
        return None
    if now >= job.not_after:
        return _expire(job)
    step = _put_off(job, why, until, can)
    return replace(step, due_at=job.due_at) if step.state is State.WAITING else step  # the gate keeps it, not the time


def _put_off(job: Job, why: Refused, until: datetime, can: Capabilities) -> Step:
    """Wait, and say so; what is blocked, or would come too late, fails now: nobody has to wait for it."""
    blocked = why.error_class is ErrorClass.BLOCKED and job.lane is Lane.INTERACTIVE
    if blocked or until >= job.not_after:
        return _fail(job, why, can)
    if job.stopped_by is not None:
        return _stop(job, job.stopped_by)
    told = _about(job) | _words(why, can) | {"reason": why.reason, "due_at": until, "not_after": job.not_after}
    return _to(job, State.WAITING, looks=0, unclear=None, due_at=until, result=SendDeferred(**told))


def _unclear(job: Job, attempt: int, unclear: Unclear, can: Capabilities, now: datetime, chance: float) -> Step | None:
    """The newest attempt may have sent it."""
    if attempt != job.attempt:
        return None
    if job.state is State.RESOLVING:
        return _look_later(job, can, now, chance) if attempt in job.doubts else None
    if job.state is not State.SENDING:
        return None
    doubtful = replace(job, doubts=(attempt,), looks=0, unclear=unclear)
    if not (can.same_id_again or can.look_up or can.receipts_echo):
        return _give_up(doubtful, can)
    due_at = now + timedelta(seconds=look_delay(can, 0, chance))
    return _to(doubtful, State.RESOLVING, due_at=due_at, result=SendStarted(**_about(job)))


def _unexplained(job: Job, attempt: int, can: Capabilities) -> Step | None:
    """A duplicate of no attempt that may have been sent: to ask again would confirm it by itself."""
    if attempt != job.attempt or job.state not in {State.SENDING, State.RESOLVING}:
        return None
    return _give_up(replace(job, doubts=(attempt,), unclear=_DUPLICATE), can)


def _look_later(job: Job, can: Capabilities, now: datetime, chance: float, at_least: float = 0) -> Step:
    if job.looks >= most_looks(can):
        return _give_up(job, can)
    seconds = max(look_delay(can, job.looks, chance), min(at_least, 900))
    return _to(job, State.RESOLVING, due_at=now + timedelta(seconds=seconds))


def _looked_up(job: Job, looked: LookedUp, can: Capabilities, now: datetime, chance: float) -> Step | None:
    if looked.found is not None:
        return _accept(job, can.provider, looked.found) if job.doubts else None
    if job.state is not State.RESOLVING or looked.look != job.looks:
        return None
    counts_from = min(job.not_after, (job.called_at or now) + timedelta(seconds=LOOKING_SECONDS))
    if not looked.answered and now < counts_from:
        return _look_later(replace(job, looks=job.looks - 1), can, now, chance)
    return _look_later(job, can, now, chance)


def _time_came(job: Job, came: TimeCame, can: Capabilities, now: datetime) -> Step | None:
    if job.state is State.RESOLVING:
        return _look(job, can, now)
    if job.state is not State.WAITING:
        return None
    if now >= job.not_after:
        return _expire(job)
    if refused := _refuse_resend(job, came.earlier, came.beside):
        return refused
    if under_way(came.earlier, came.beside):
        return _to(job, State.WAITING, due_at=now + timedelta(seconds=RESEND_LOOK_SECONDS))
    return _to(replace(job, attempt=job.attempt + 1), State.SENDING, act=Act.CALL)


def _refuse_resend(job: Job, repeated: Sequence[Earlier], beside: Sequence[Earlier] = ()) -> Step | None:
    refusal = refuse_resend(_subject(job), job.attempt, repeated, beside)
    return None if refusal is None else _to(job, State.FAILED, result=refusal)


def _look(job: Job, can: Capabilities, now: datetime) -> Step:
    """Find out by what the provider offers; a look does no harm after not_after, another call would."""
    in_time = now < job.not_after
    if job.looks >= most_looks(can) or not (in_time or (can.look_up and job.looks == 0)):
        return _give_up(job, can)
    looking = replace(job, looks=job.looks + 1)
    if can.same_id_again and in_time and job.stopped_by is None:
        again = replace(looking, attempt=job.attempt + 1, doubts=(*job.doubts, job.attempt + 1))
        return _to(again, State.RESOLVING, act=Act.CALL)
    return _to(looking, State.RESOLVING, act=Act.LOOK_UP)


def _give_up(job: Job, can: Capabilities) -> Step:
    told = _about(job) | _words(job.unclear or _LAPSED, can)
    return _to(job, State.UNKNOWN, result=SendUnknown(**told))


def _cancel(job: Job, by: RequestedBy) -> Step | None:
    """What may have left cannot be stopped, but it is not called again: that is all that is remembered."""
    if job.state is State.WAITING:
        return _stop(job, by)
    if job.state not in {State.SENDING, State.RESOLVING} or job.stopped_by is not None:
        return None
    return _to(replace(job, stopped_by=by), job.state, due_at=job.due_at)


def _stop(job: Job, by: RequestedBy) -> Step:
    return _to(job, State.CANCELLED, unclear=None, result=SendCancelled(**_about(job), requested_by=by))


def _verdict(job: Job, given: VerdictGiven) -> Step | None:
    """Only what is unknown is a person's to decide; `sent` is further than `not_sent`, never the other way."""
    state = State.ACCEPTED if given.verdict == "sent" else State.NOT_SENT
    if job.state not in {State.UNKNOWN, State.NOT_SENT} or job.state is state:
        return None
    resolved = SendResolved(**_about(job), verdict=given.verdict, requested_by=given.by)
    return _to(job, state, result=resolved)


def _fail(job: Job, refused: Refused, can: Capabilities) -> Step:
    failed = SendFailed(**_about(job), **_words(refused, can), reason=refused.reason)
    return _to(job, State.FAILED, unclear=None, result=failed)


def _expire(job: Job) -> Step:
    return _to(job, State.EXPIRED, unclear=None, result=SendExpired(**_about(job), not_after=job.not_after))


def _to(job: Job, state: State, **changes: Any) -> Step:
    kept: dict[str, Any] = {
        "attempt": job.attempt,
        "doubts": job.doubts,
        "tries": job.tries,
        "looks": job.looks,
        "unclear": job.unclear,
        "provider_message_id": job.provider_message_id,
        "stopped_by": job.stopped_by,
    }
    return Step(state=state, **kept | changes)


def _about(job: Job) -> dict[str, Any]:
    return subject_fields(_subject(job)) | {"attempt": job.attempt}


def _words(answer: Refused | Unclear, can: Capabilities) -> dict[str, Any]:
    """What stands beside a provider's name is read as its words."""
    named = None if isinstance(answer, Refused) and not answer.asked else can.provider
    return {"provider": named, "provider_code": answer.provider_code, "detail": answer.detail[:1000]}


def _subject(job: Job) -> Subject:
    """Where the text was removed, the request is not read any more; what was told last names the same."""
    return job.request or Subject.model_validate(job.result)
