"""Guards of retention and erasure."""

from collections.abc import Sequence

from tests.mutants.mutation import Edit, Mutation

DISPATCHER = "services/dispatcher/src/dispatcher"
TRACKER = "services/status_tracker/src/status_tracker"
JOBS = "tests/integration/test_dispatcher_removing.py"
HISTORY = "tests/integration/test_tracker_removing.py"


def _one(name: str, takes_out: str, file: str, old: str, new: str, *tests: str, servers: bool = True) -> Mutation:
    return Mutation(name, takes_out, [Edit(file, old, new)], tests, servers)


REMOVING: Sequence[Mutation] = (
    _one(
        "retention-untold",
        "a job whose result is untold is not touched",
        f"{DISPATCHER}/storage/retention.py",
        'DONE = "due_at IS NULL AND tell_at IS NULL AND state',
        'DONE = "state',
        f"{JOBS}::test_what_is_not_done_or_not_told_keeps_its_text_and_its_row",
    ),
    _one(
        "retention-id-known",
        "a message's id stays known for 30 days after its time",
        f"{DISPATCHER}/storage/retention.py",
        " AND not_after < now() - interval '30 days'",
        "",
        f"{JOBS}::test_job_goes_after_its_time_and_never_while_its_id_must_be_known",
    ),
    _one(
        "retention-unnoted",
        "a message whose note is to be written keeps its text",
        f"{TRACKER}/storage/retention.py",
        "AND effect.message_id = message.message_id AND effect.closed_at IS NULL)",
        "AND effect.message_id = message.message_id AND false)",
        f"{HISTORY}::test_what_is_under_way_or_still_to_be_noted_is_never_touched",
    ),
    _one(
        "erasure-before-claim",
        "a request from before an erasure is not sent after it",
        f"{DISPATCHER}/handlers.py",
        "        if await self._erased.covers(event.data.workspace_id, event.data.recipient, event.time):\n",
        "        if False:\n",
        f"{JOBS}::test_request_from_before_an_erasure_is_cancelled_and_one_from_after_it_is_sent",
    ),
    _one(
        "erasure-in-flight",
        "what is under way is not erased",
        f"{DISPATCHER}/storage/erasing.py",
        "    WHERE {_THEIRS} AND {_ENDED}\n",
        "    WHERE {_THEIRS}\n",
        f"{JOBS}::test_person_is_erased_once_everything_has_ended",
    ),
    _one(
        "erasure-late-receipt",
        "what comes late for an erased message leaves nothing of its person",
        f"{TRACKER}/handlers.py",
        "    await erasing.erase_messages(connection, [row.key for row in known if row.erased])\n",
        "",
        f"{HISTORY}::test_late_receipts_bring_nobody_back",
    ),
    _one(
        "erasure-no-note",
        "nothing is written to Intercom about an erased person",
        f"{TRACKER}/domain/decision.py",
        "    writes = bool(told) and not known.erased\n",
        "    writes = bool(told)\n",
        f"{HISTORY}::test_nothing_is_noted_in_intercom_about_a_person_who_was_erased",
    ),
    _one(
        "erasure-not-a-list",
        "what is asked for after an erasure is sent",
        "libs/directory/src/directory/erasures.py",
        "        if latest is None or asked_at > latest:\n            return False\n",
        "        if latest is None:\n            return False\n        asked_at = latest\n",
        "tests/integration/test_directory_erasures.py::test_erasure_covers_what_was_asked_for_before_it_only",
    ),
)
