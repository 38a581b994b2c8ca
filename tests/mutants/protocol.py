"""Guards of what stands around the decision: claim, call, record and tell, in the handlers and in PostgreSQL."""

from collections.abc import Sequence

from tests.mutants.mutation import Edit, Mutation

DISPATCHER = "services/dispatcher/src/dispatcher"
HANDLERS = f"{DISPATCHER}/handlers.py"
ATTEMPTS = f"{DISPATCHER}/attempts.py"
CALLS = f"{DISPATCHER}/providers/calls.py"
JOBS = f"{DISPATCHER}/storage/jobs.py"
DUE = f"{DISPATCHER}/storage/due.py"
STATEMENTS = f"{DISPATCHER}/storage/statements.py"
GATE_STATEMENTS = f"{DISPATCHER}/storage/gate_statements.py"

ON_REQUEST = "tests/unit/dispatcher/test_handlers.py"
ON_CALL = "tests/unit/dispatcher/test_calls.py"
IN_JOBS = "tests/integration/test_dispatcher_jobs.py"
RACES = "tests/integration/test_dispatcher_races.py"


def _unit(name: str, takes_out: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    return Mutation(name, takes_out, [Edit(file, old, new)], tests, servers=False)


def _stored(name: str, takes_out: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    return Mutation(name, takes_out, [Edit(file, old, new)], tests)


PROTOCOL: Sequence[Mutation] = (
    # -- claim
    _stored(
        "claim",
        "a delivery that finds its row is not called",
        JOBS,
        "        fresh = [request.key in made and first[request.key] is request for request in requests]\n",
        "        fresh = [True for request in requests]\n",
        f"{IN_JOBS}::test_first_coming_claims_and_the_second_finds_its_row",
    ),
    _stored(
        "claim-in-one-batch",
        "of one message twice in a batch, one claims",
        JOBS,
        "        fresh = [request.key in made and first[request.key] is request for request in requests]\n",
        "        fresh = [request.key in made for request in requests]\n",
        f"{IN_JOBS}::test_many_comings_at_once_make_one_claim",
        f"{IN_JOBS}::test_two_contents_under_one_id_in_one_batch_make_one_claim",
    ),
    _unit(
        "claim-before-ack",
        "a delivery is acknowledged only when its claim is committed",
        HANDLERS,
        "            await reach(failpoints.BEFORE_CLAIM)\n            began",
        "            await taken()\n            await reach(failpoints.BEFORE_CLAIM)\n            began",
        f"{ON_REQUEST}::test_failpoint_interrupts_between_the_steps",
    ),
    _unit(
        "known-is-not-sent",
        "what was claimed before is told again, and not sent",
        HANDLERS,
        "                await taken()\n                return\n",
        "                await taken()\n                claim = replace(claim, act=Act.CALL)\n",
        f"{ON_REQUEST}::test_duplicate_has_the_stored_result_told_again_and_is_not_sent",
    ),
    _unit(
        "digest",
        "another text under a known id is refused",
        HANDLERS,
        "        elif job.digest != content_digest(event.data):\n",
        "        elif False:\n",
        f"{ON_REQUEST}::test_changed_text_is_refused_and_never_stored",
    ),
    _stored(
        "claim-looks-at-the-time",
        "what comes after its not_after is not called",
        STATEMENTS,
        "{GATED} OR r.not_after <= now() OR",
        "{GATED} OR",
        f"{IN_JOBS}::test_too_late_request_expires_without_a_call",
    ),
    # -- call
    _unit(
        "lease-before-the-socket",
        "no byte leaves once the lease, or the message's time, is over",
        CALLS,
        "    if time.monotonic() >= progress.start_by:\n        raise _TooLate\n",
        "",
        f"{ON_CALL}::test_nothing_leaves_after_start_by",
        f"{ON_CALL}::test_nothing_leaves_late_on_a_kept_connection",
    ),
    _unit(
        "lease-bounds-the-start",
        "a call begins only while it can end within its lease",
        ATTEMPTS,
        "        start_by = began + min(self._latest_start_seconds, claim.seconds_left)\n",
        "        start_by = began + claim.seconds_left\n",
        f"{ON_REQUEST}::test_call_must_start_while_lease_and_message_last",
    ),
    _unit(
        "not-after-bounds-the-start",
        "and before its not_after",
        ATTEMPTS,
        "        start_by = began + min(self._latest_start_seconds, claim.seconds_left)\n",
        "        start_by = began + self._latest_start_seconds\n",
        f"{ON_REQUEST}::test_call_must_start_while_lease_and_message_last",
    ),
    _unit(
        "bytes-out",
        "what breaks off after bytes went out may have been sent",
        CALLS,
        "    progress.bytes_out = True\n",
        "",
        f"{ON_CALL}::test_trouble_after_the_bytes_went_out_is_unclear",
    ),
    _unit(
        "no-redirects",
        "a redirect is not followed: it would send the message twice",
        CALLS,
        "allow_redirects=False",
        "allow_redirects=True",
        f"{ON_CALL}::test_redirect_is_not_followed",
    ),
    _unit(
        "channel-of-its-workspace",
        "a message leaves through a channel of its own workspace only",
        ATTEMPTS,
        "mine = channel.workspace_id == request.workspace_id and channel.channel is request.channel",
        "mine = channel.channel is request.channel",
        f"{ON_REQUEST}::test_channel_that_may_not_carry_it_fails_the_message_without_a_call",
    ),
    _unit(
        "public-addresses",
        "no provider is called at an inner address",
        CALLS,
        '        allowed = [one for one in found if host in _LOOPBACK or _is_global(one["host"])]\n',
        "        allowed = list(found)\n",
        f"{ON_CALL}::test_name_of_an_inner_address_is_never_connected_to",
    ),
    # -- look-up
    _unit(
        "look-up-only-its-own",
        "what belongs to another job, or could, confirms nothing",
        ATTEMPTS,
        "        if rivals.alike or len(free) != 1:\n",
        "        if not free:\n",
        f"{ON_REQUEST}::test_look_up_that_proves_nothing_leaves_it_unknown",
    ),
    _unit(
        "look-up-owned-ids",
        "an id that another job owns is not taken",
        ATTEMPTS,
        "        free = [one for one in listed if one.provider_message_id not in rivals.owned]\n",
        "        free = listed\n",
        f"{ON_REQUEST}::test_look_up_that_proves_nothing_leaves_it_unknown",
        f"{ON_REQUEST}::test_look_up_finds_its_own_beside_anothers",
    ),
    _unit(
        "look-up-not-older",
        "what the provider listed before our call is not ours",
        ATTEMPTS,
        "        listed = [one for one in provider.read_look_up(answered, message, channel) if _is_new(one, job)]\n",
        "        listed = list(provider.read_look_up(answered, message, channel))\n",
        f"{ON_REQUEST}::test_look_up_that_proves_nothing_leaves_it_unknown",
    ),
    _stored(
        "rivals-alike",
        "an unresolved job with the same recipient and text is a rival",
        STATEMENTS,
        "           OR (provider_message_id IS NULL AND attempt > 0 AND request->'content' = $6\n",
        "           OR (false AND request->'content' = $6\n",
        f"{IN_JOBS}::test_rivals_are_who_own_an_id_and_who_may_turn_out_to",
    ),
    # -- gates
    _stored(
        "same-id-gated",
        "a call under the same id obeys pauses, rates and breakers",
        DUE,
        "        if answer is not None:\n",
        "        if False:\n",
        f"{IN_JOBS}::test_same_id_is_not_called_again_behind_a_gate_and_stays_in_doubt",
    ),
    _unit(
        "gate-knows-first",
        "the gate knows of a refusal before the outcome is told",
        HANDLERS,
        "            await self._gates.report(channel, job.request, answer)\n"
        "        return await self._settle(job, happening, name)\n",
        "            pass\n"
        "        settled = await self._settle(job, happening, name)\n"
        "        if channel is not None and answer is not None and refusal is None:\n"
        "            await self._gates.report(channel, job.request, answer)\n"
        "        return settled\n",
        f"{ON_REQUEST}::test_gate_knows_before_the_outcome_is_recorded_and_told",
    ),
    # -- record
    _stored(
        "rows-locked",
        "a decision is made under the lock of its row",
        STATEMENTS,
        'LOCK = f"{FIND} ORDER BY workspace_id, message_id FOR UPDATE"\n',
        'LOCK = f"{FIND} ORDER BY workspace_id, message_id"\n',
        f"{RACES}::test_decisions_of_two_replicas_about_one_job_follow_each_other",
    ),
    _stored(
        "same-job-in-order",
        "what happens to one job in one batch is decided one after the other",
        JOBS,
        "        first: dict[Key, int] = {}\n        for place, event in rest.items():\n"
        "            first.setdefault(event.key, place)\n"
        "        yield {place: rest.pop(place) for place in first.values()}\n",
        "        yield dict(rest)\n        rest.clear()\n",
        f"{IN_JOBS}::test_same_happenings_in_one_batch_are_decided_in_order",
    ),
    _unit(
        "outcome-insisted-on",
        "an outcome is recorded however long the database is away",
        HANDLERS,
        '        settled = await insist(lambda: self._jobs.settle(*key, happening, provider, known=job), "outcome")\n',
        "        settled = await self._jobs.settle(*key, happening, provider, known=job)\n",
        f"{ON_REQUEST}::test_outcome_is_insisted_on_while_the_database_is_away",
    ),
    _stored(
        "receipt-of-its-channel",
        "a receipt counts only through the job's own channel",
        STATEMENTS,
        "    USING (workspace_id, message_id, channel_id)\n",
        "    USING (workspace_id, message_id)\n",
        f"{IN_JOBS}::test_receipt_through_another_channel_settles_nothing",
    ),
    _stored(
        "receipt-settles",
        "a receipt settles a job at once",
        JOBS,
        "                unheard.append(Happened(key, came, receipt.provider, tell_in=0))\n",
        "                pass\n",
        f"{IN_JOBS}::test_receipt_settles_the_row_at_once_and_has_it_told",
    ),
    # -- tell
    _stored(
        "announcement-sweep",
        "a result that was not told is told by the scheduler",
        GATE_STATEMENTS,
        "AND state <> 'waiting' AND due_at <= now()\n",
        "AND state IN ('sending', 'resolving') AND due_at <= now()\n",
        f"{IN_JOBS}::test_untold_result_is_told_by_one_replica_until_announced",
    ),
    _unit(
        "told-when-confirmed",
        "a result is marked as told only when the broker confirmed it",
        HANDLERS,
        "        try:\n            await self._tell(job, route)\n",
        "        try:\n            with suppress(*_TROUBLE):\n                await self._tell(job, route)\n",
        f"{ON_REQUEST}::test_untold_result_is_left_to_the_scheduler",
    ),
    _stored(
        "told-as-it-stands",
        "telling an earlier result does not mark the present one as told",
        STATEMENTS,
        "         USING (workspace_id, message_id, transition)\n",
        "         USING (workspace_id, message_id)\n",
        f"{RACES}::test_telling_an_earlier_result_leaves_the_present_one_untold",
    ),
    _stored(
        "lapsed-leases",
        "a claim whose holder is gone is found",
        GATE_STATEMENTS,
        "AND state <> 'waiting' AND due_at <= now()\n",
        "AND state NOT IN ('waiting', 'sending') AND due_at <= now()\n",
        f"{IN_JOBS}::test_lapsed_lease_becomes_unknown_and_a_late_answer_settles_it",
    ),
    _stored(
        "lost-claims-once",
        "a claim whose commit was not answered is handed out once",
        JOBS,
        "if (key_of(job), job.attempt) not in self._handed_out]",
        "if job.attempt]",
        f"{IN_JOBS}::test_claim_whose_commit_was_not_answered_is_called_by_its_worker",
    ),
    _stored(
        "lost-claims-of-its-own",
        "and to the worker that made it",
        STATEMENTS,
        "state = 'sending' AND claimed_by = $2 FOR UPDATE",
        "state = 'sending' AND $2::uuid IS NOT NULL FOR UPDATE",
        f"{RACES}::test_worker_that_lost_an_answer_leaves_others_claims_alone",
    ),
    _stored(
        "one-replica-each",
        "what is due is handed to one replica only",
        GATE_STATEMENTS,
        "    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)\nSELECT",
        "    ORDER BY due_at LIMIT $2)\nSELECT",
        f"{RACES}::test_what_another_replica_has_in_hand_is_passed_over",
    ),
    _stored(
        "one-replica-calls",
        "a waiting job is called by one replica only",
        GATE_STATEMENTS,
        'f"ORDER BY j.due_at LIMIT {limit} FOR UPDATE SKIP LOCKED) j"',
        'f"ORDER BY j.due_at LIMIT {limit}) j"',
        f"{RACES}::test_what_another_replica_has_in_hand_is_passed_over",
    ),
    # -- people
    _stored(
        "resend-chain",
        "a re-send is judged by the whole chain that it repeats",
        STATEMENTS,
        "    WHERE place < 100)\n",
        "    WHERE place < 1)\n",
        f"{IN_JOBS}::test_resend_of_a_resend_that_was_refused_is_refused_for_the_first_ones_sake",
    ),
    _stored(
        "resends-beside-each-other",
        "a re-send waits while another one of the same message may still arrive",
        f"{DISPATCHER}/domain/resends.py",
        "any(one.status in {Status.SENDING, Status.UNKNOWN} for one in beside)\n",
        "any(False for one in beside)\n",
        f"{IN_JOBS}::test_one_of_two_resends_of_a_message_goes",
    ),
    _stored(
        "resends-one-at-a-time",
        "nor do two that are judged together both go",
        f"{DISPATCHER}/storage/steps.py",
        " or first in judged:\n",
        ":\n",
        f"{IN_JOBS}::test_one_of_two_resends_of_a_message_goes",
    ),
    _stored(
        "resend-locks-what-it-repeats",
        "no news of what it repeats comes between the look at it and the call",
        STATEMENTS,
        "ORDER BY r.place FOR UPDATE OF j SKIP LOCKED\n",
        "ORDER BY r.place\n",
        f"{IN_JOBS}::test_news_of_the_first_message_and_its_resend_follow_each_other",
    ),
    _stored(
        "resend-takes-the-place",
        "a message that never came cannot be sent beside its re-send",
        JOBS,
        "await _take_place(connection, resends.replaced_by(resend), request.lane, resend.resend_of, None, None)",
        "pass",
        f"{IN_JOBS}::test_resend_of_a_message_that_never_came_keeps_it_from_coming_later",
    ),
    _stored(
        "resend-always-judged",
        "a re-send is not called before it was judged",
        JOBS,
        "            return (await self._claim_on(connection, [replace(request, held=True)]))[0]\n",
        "            return (await self._claim_on(connection, [request]))[0]\n",
        f"{IN_JOBS}::test_resend_goes_only_where_the_named_message_did_not",
    ),
    _stored(
        "cancel-that-comes-first",
        "a cancel that overtakes its request keeps it from being sent",
        JOBS,
        "            if row is not None:\n                return Settled(read(row), changed=True)\n",
        "            if row is not None:\n"
        '                await self._pool.execute("DELETE FROM dispatch.job WHERE event_id = $1", answers)\n'
        "                return Settled(read(row), changed=True)\n",
        f"{IN_JOBS}::test_cancel_that_comes_first_keeps_its_request_from_being_sent",
    ),
    # -- gates
    _stored(
        "rate-across-replicas",
        "two replicas spend one rate",
        GATE_STATEMENTS,
        "WHERE s.channel_id = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED\n",
        "WHERE s.channel_id = ANY($1::uuid[])\n",
        "tests/integration/test_dispatcher_due.py::test_two_replicas_spend_one_rate",
        "tests/integration/test_dispatcher_due.py::test_sender_whose_row_is_locked_is_passed_by",
    ),
)
