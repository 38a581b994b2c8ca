"""Guards of the pure decision: most of what keeps the promise stands there."""

from collections.abc import Sequence

from tests.mutants.mutation import Edit, Mutation

JOB = "services/dispatcher/src/dispatcher/domain/job.py"
DELAYS = "services/dispatcher/src/dispatcher/domain/delays.py"
RESENDS = "services/dispatcher/src/dispatcher/domain/resends.py"

RANDOM = "tests/model/test_decisions.py"
SEARCH = "tests/model/test_protocol.py::test_promise_is_kept_in_every_world"
TABLE = "tests/unit/dispatcher/test_job.py"


def _of_job(name: str, takes_out: str, old: str, new: str, *tests: str) -> Mutation:
    """What the random walk does not meet this time, the table of cases has."""
    return Mutation(name, takes_out, [Edit(JOB, old, new)], tests or (RANDOM, TABLE), servers=False)


DECISIONS: Sequence[Mutation] = (
    _of_job(
        "doubts-rule",
        "while another attempt is in doubt, a refusal never makes the message failed",
        "    if cleared.doubts:\n        if job.state is State.RESOLVING and attempt",
        "    if cleared.doubts and job.state is State.UNKNOWN:\n        if job.state is State.RESOLVING and attempt",
    ),
    _of_job(
        "doubts-rule-unknown",
        "the same, once it was told as unknown",
        "    if cleared.doubts:\n        if job.state is State.RESOLVING and attempt",
        "    if cleared.doubts and job.state is State.RESOLVING:\n        if attempt",
    ),
    _of_job(
        "doubts-kept",
        "an unclear answer is a doubt, not a reason to call again",
        "    doubtful = replace(job, doubts=(attempt,), looks=0, unclear=unclear)\n",
        "    doubtful = replace(job, doubts=(attempt,), looks=0, unclear=unclear)\n"
        "    if attempt < 3:\n        return _to(job, State.WAITING, due_at=now)\n",
        SEARCH,
    ),
    _of_job(
        "lapse-is-a-doubt",
        "a lease that lapsed may have been sent",
        "return _unclear(job, job.attempt, _LAPSED, can, now, chance) if job.state is State.SENDING else None",
        "return _to(job, State.WAITING, due_at=now) if job.state is State.SENDING else None",
        SEARCH,
    ),
    _of_job(
        "late-refusal-fenced",
        "the refusal of an older attempt never touches a newer one",
        "    if job.state is State.SENDING and attempt == job.attempt:\n",
        "    if job.state is State.SENDING:\n",
    ),
    _of_job(
        "late-unclear-fenced",
        "the missing answer of an older attempt never touches a newer one",
        "    if attempt != job.attempt:\n        return None\n",
        "",
        TABLE,
    ),
    _of_job(
        "settling-time",
        "a look-up waits until the provider's list is complete",
        "    due_at = now + timedelta(seconds=look_delay(can, 0, chance))\n",
        "    due_at = now\n",
        SEARCH,
    ),
    _of_job(
        "unknown-not-called-again",
        "what was told as unknown is never called again: somebody may have re-sent it",
        "    if job.state is State.RESOLVING:\n        return _judge(cleared, refused, can, now, chance)\n",
        "    return _judge(cleared, refused, can, now, chance)\n",
    ),
    _of_job(
        "expiry",
        "nothing is called after its not_after",
        "    if now >= job.not_after:\n        return _expire(job)\n    if refused :=",
        "    if refused :=",
    ),
    _of_job(
        "same-id-in-time",
        "nor under the same id again",
        "    if can.same_id_again and in_time and job",
        "    if can.same_id_again and job",
    ),
    _of_job(
        "same-id-offered",
        "a doubtful message is called again only where the provider knows its id",
        "    if can.same_id_again and in_time and job",
        "    if in_time and job",
        SEARCH,
    ),
    _of_job(
        "stopped-not-called-again",
        "what was stopped while it is found out is not called again",
        " and in_time and job.stopped_by is None:\n",
        " and in_time:\n",
        SEARCH,
    ),
    _of_job(
        "stopped-not-tried-again",
        "nor after a refusal",
        "    if job.stopped_by is not None:\n        return _stop(job, job.stopped_by)\n",
        "",
        SEARCH,
    ),
    _of_job(
        "duplicate-of-a-doubt",
        "a duplicate proves something only where an earlier attempt is in doubt",
        "        case Accepted(duplicate=True) if not any(doubt < answered.attempt for doubt in job.doubts):\n",
        "        case Accepted(duplicate=True) if not job.doubts and False:\n",
        TABLE,
    ),
    _of_job(
        "cancel-only-waiting",
        "what may have left cannot be stopped",
        "    if job.state is State.WAITING:\n        return _stop(job, by)\n",
        "    if job.state not in REFUSED_FOR_GOOD:\n        return _stop(job, by)\n",
    ),
    _of_job(
        "verdict-only-unknown",
        "a person decides only about what is unknown",
        "    if job.state not in {State.UNKNOWN, State.NOT_SENT} or job.state is state:\n",
        "    if job.state is state:\n",
    ),
    _of_job(
        "refused-is-final",
        "what was called failed, cancelled or expired stays so",
        "    if job.state in REFUSED_FOR_GOOD or (job.state is State.ACCEPTED and job.provider_message_id):\n",
        "    if job.state is State.ACCEPTED and job.provider_message_id:\n",
        TABLE,
    ),
    _of_job(
        "late-acceptance-counts",
        "an acceptance counts however late it comes",
        "        case Accepted() as taken:\n            return _accept(job, can.provider, taken)\n",
        "        case Accepted() as taken:\n"
        "            return _accept(job, can.provider, taken) if job.state is State.SENDING else None\n",
        SEARCH,
    ),
    _of_job(
        "receipt-resolves",
        "a receipt settles what was unknown",
        "return _accept(job, provider, Accepted(provider_message_id))",
        "return _accept(job, provider, Accepted(provider_message_id)) if job.state is State.SENDING else None",
        SEARCH,
    ),
    _of_job(
        "absence-proves-nothing",
        "a look-up can only confirm",
        "    if job.state is not State.RESOLVING or looked.look != job.looks:\n        return None\n",
        "    if job.state is not State.RESOLVING or looked.look != job.looks:\n        return None\n"
        "    if job.looks > 1:\n        return _expire(replace(job, doubts=()))\n",
    ),
    _of_job(
        "interactive-blocked-fails",
        "nobody waits in front of a channel that is blocked",
        "    blocked = why.error_class is ErrorClass.BLOCKED and job.lane is Lane.INTERACTIVE\n",
        "    blocked = False\n",
    ),
    _of_job(
        "too-late-fails-now",
        "a try that would come after not_after is not waited for",
        "    if blocked or until >= job.not_after:\n",
        "    if blocked:\n",
    ),
    Mutation(
        "retry-after-clamped",
        "a provider's Retry-After is believed up to 15 minutes",
        [
            Edit(
                DELAYS, "            return min(max(wanted, 1.0), LONGEST_RETRY_AFTER)\n", "            return wanted\n"
            )
        ],
        [RANDOM, TABLE],
        servers=False,
    ),
    Mutation(
        "tries-bounded",
        "a provider that refuses is not asked for ever",
        [
            Edit(
                DELAYS,
                "            return None if tries >= MAX_REFUSED else chance * _doubled(5, tries, 300)\n",
                "            return chance * _doubled(5, tries, 300)\n",
            )
        ],
        [TABLE],
        servers=False,
    ),
    Mutation(
        "throttled-not-burnt",
        "a throttled attempt is not counted",
        [Edit(JOB, "    if refused.error_class in _COUNTED:\n", "    if True:\n")],
        [TABLE],
        servers=False,
    ),
    Mutation(
        "resend-chain-rule",
        "a re-send is refused for any message of its chain that was sent",
        [
            Edit(
                RESENDS,
                "    named = next((one for one in (*repeated, *beside) if one.status in _SENT), None)\n",
                "    named = next((one for one in (*repeated[:1], *beside) if one.status in _SENT), None)\n",
            )
        ],
        [TABLE],
        servers=False,
    ),
    Mutation(
        "resend-waits",
        "a re-send waits while what it repeats may still arrive",
        [
            Edit(
                JOB,
                "    if under_way(came.earlier, came.beside):\n",
                "    if False:\n",
            )
        ],
        [TABLE],
        servers=False,
    ),
)
