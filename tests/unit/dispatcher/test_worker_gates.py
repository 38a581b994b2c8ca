"""One worker's side of the gates: who gets in, and what answers cost."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from dispatcher import gates as gates_module
from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.gates import WorkerGates, host_of
from dispatcher.ports import Held, LetIn
from dispatcher.slots import Slots
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import Channel, Lane
from tests.support.logs import logged_by
from tests.unit.dispatcher.builders import CHANNEL_ID, make_channel, make_request
from tests.unit.dispatcher.fakes import FakeRecipients
from tests.unit.dispatcher.senders import FakeSenders

CHANNEL = make_channel()
REQUEST = make_request()
TAKEN = Accepted("SM1", 1)
BAD_KEY = Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED, "Authenticate", "20003")
BAD_NUMBER = Refused(ErrorClass.REJECTED, FailureReason.INVALID_NUMBER, "no")


OPTED_OUT = Refused(ErrorClass.REJECTED, FailureReason.OPTED_OUT, "no", "21610")


def make_gates(senders: FakeSenders, slots: int = 4, recipients: FakeRecipients | None = None) -> WorkerGates:
    return WorkerGates(senders, recipients or FakeRecipients(), Slots(slots), Channel.SMS)


async def test_opt_out_is_remembered_and_says_nothing_of_the_sender() -> None:
    senders, recipients = FakeSenders(), FakeRecipients()
    gates = make_gates(senders, recipients=recipients)
    await gates.report(CHANNEL, REQUEST, BAD_NUMBER)
    assert recipients.opt_outs == []
    await gates.report(CHANNEL, REQUEST, OPTED_OUT)
    assert recipients.opt_outs == [(REQUEST.recipient, "21610")]
    assert senders.asked == []


async def test_good_answer_of_a_probe_is_told_though_another_replica_saw_the_trouble() -> None:
    senders = FakeSenders()
    gates = make_gates(senders)
    await gates.report(CHANNEL, REQUEST, TAKEN)
    assert senders.asked == [], "all was well as far as this worker knows"
    gates.probe([CHANNEL_ID])
    await gates.report(CHANNEL, REQUEST, TAKEN)
    assert "report" in senders.asked


async def test_sender_is_made_known_once_and_again_at_another_address() -> None:
    senders = FakeSenders()
    gates = make_gates(senders)
    for _ in range(3):
        assert await gates.enter(CHANNEL, Lane.INTERACTIVE) == LetIn()
        gates.leave(CHANNEL, Lane.INTERACTIVE)
    assert senders.asked == ["know"]
    await gates.enter(replace(CHANNEL, settings={"base_url": "https://eu.example/"}), Lane.INTERACTIVE)
    assert senders.asked == ["know", "know"]


async def test_unconnected_channel_is_let_in_to_be_refused() -> None:
    assert await make_gates(FakeSenders()).enter(None, Lane.BULK) == LetIn()


async def test_used_up_share_holds_and_a_free_slot_wakes_the_hungry_scheduler() -> None:
    gates = make_gates(FakeSenders())
    for _ in range(3):
        assert await gates.enter(CHANNEL, Lane.INTERACTIVE) == LetIn()
    assert await gates.enter(CHANNEL, Lane.INTERACTIVE) == Held()
    gates.leave(CHANNEL, Lane.INTERACTIVE)
    assert not gates.due.is_set()
    gates.hungry = frozenset({CHANNEL_ID})
    gates.leave(CHANNEL, Lane.INTERACTIVE)
    assert gates.due.is_set()


async def test_hungry_channel_is_woken_by_another_where_the_worker_was_full() -> None:
    gates = make_gates(FakeSenders(), slots=1)
    gates.hungry = frozenset({UUID(int=7)})
    await gates.enter(CHANNEL, Lane.INTERACTIVE)
    gates.leave(CHANNEL, Lane.INTERACTIVE)
    assert gates.due.is_set()


async def test_scheduler_counts_as_well() -> None:
    gates = make_gates(FakeSenders())
    with gates.occupied(CHANNEL_ID, Lane.BULK):
        assert gates.room().slots == 3
    assert gates.room().slots == 4


@pytest.mark.parametrize("answer", [TAKEN, BAD_NUMBER])
async def test_good_answer_of_a_healthy_sender_costs_no_statement(answer: Answer) -> None:
    senders = FakeSenders()
    gates = make_gates(senders)
    await gates.enter(CHANNEL, Lane.BULK)
    await gates.report(CHANNEL, REQUEST, answer)
    assert senders.asked == ["know"]


@pytest.mark.parametrize(
    "answer",
    [
        Refused(ErrorClass.BLOCKED, FailureReason.CHANNEL_UNKNOWN, "not connected"),
        Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "too slow", own_delay=True),
    ],
)
async def test_what_was_our_own_matter_is_not_held_against_the_provider(answer: Answer) -> None:
    senders = FakeSenders()
    await make_gates(senders).report(CHANNEL, REQUEST, answer)
    assert senders.asked == []


async def test_good_answer_after_a_failure_is_taken_into_account() -> None:
    senders = FakeSenders()
    gates = make_gates(senders)
    await gates.report(CHANNEL, REQUEST, Unclear("time-out"))
    await gates.report(CHANNEL, REQUEST, TAKEN)
    await gates.report(CHANNEL, REQUEST, TAKEN)
    assert senders.asked == ["know", "report", "report"]


async def test_another_replicas_finding_is_seen_at_the_next_refresh() -> None:
    senders = FakeSenders()
    here, elsewhere = make_gates(senders), make_gates(senders)
    await here.know(CHANNEL)
    await elsewhere.report(CHANNEL, REQUEST, Unclear("time-out"))
    await here.refresh()
    await here.report(CHANNEL, REQUEST, TAKEN)
    assert senders.rows[CHANNEL_ID][0].breaker.failures == 0


async def test_opened_breaker_is_logged_without_secrets_and_wakes_the_scheduler() -> None:
    gates = make_gates(FakeSenders())
    with logged_by(gates_module) as logs:
        await gates.report(CHANNEL, REQUEST, BAD_KEY)
        await gates.report(CHANNEL, REQUEST, BAD_KEY)
    [opened] = logs
    assert opened == {
        "event": "channel_breaker_opened",
        "log_level": "error",
        "channel_id": str(CHANNEL_ID),
        "workspace_id": "w1",
        "cause": "blocked",
        "failures": 1,
        "provider_code": "20003",
    }
    assert gates.due.is_set()


async def test_trouble_with_the_database_is_not_the_callers() -> None:
    senders = FakeSenders()
    senders.troubles = [ConnectionRefusedError()]
    await make_gates(senders).report(CHANNEL, REQUEST, BAD_KEY)


async def test_database_that_hangs_does_not_hold_up_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    senders = FakeSenders()

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(gates_module, "REPORT_SECONDS", 0.01)
    monkeypatch.setattr(senders, "report", hang)
    async with asyncio.timeout(2):
        await make_gates(senders).report(CHANNEL, REQUEST, BAD_KEY)


def test_host_is_the_provider_at_its_address() -> None:
    assert host_of(CHANNEL) == "twilio"
    assert host_of(replace(CHANNEL, settings={"base_url": "https://x.example/"})) == "twilio https://x.example"
