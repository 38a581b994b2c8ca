"""The worker on a real broker and database: at most one submission, and a true result, whatever happens."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from devstack.backends import Broker, Database
from dispatcher import failpoints
from proactive_contracts.codec import encode, make_event, properties_of
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import ReplyReceived
from proactive_contracts.results import SendFailed
from proactive_contracts.topology import REQUESTS, send_key
from proactive_contracts.values import Channel, Lane, TextContent
from runtime import clock
from tests.integration.dispatcher_scene import (
    ACCOUNT,
    TEXT,
    TOKEN,
    Scene,
    exited,
    set_scene,
    until,
)
from tests.support.ports import free_port


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "worker.log") as ready:
        yield ready


async def test_message_is_sent_once_and_told(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"
    assert scene.twilio.count(event.data.message_id) == 1
    assert scene.twilio.ledger[0].text == TEXT
    row = await scene.database.fetchrow("SELECT state, announced_at IS NOT NULL AS told, due_at FROM dispatch.job")
    assert row is not None
    assert (row["state"], row["told"], row["due_at"]) == ("accepted", True, None)


async def test_same_event_many_times_at_once_is_one_submission(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker(), scene.worker():
        await asyncio.gather(*(scene.publish(event) for _ in range(20)))
        await scene.told.result_of(event)
        await until(lambda: len(set(scene.told.words(event.data.message_id))) == 1, "one kind of result")
    assert scene.twilio.count(event.data.message_id) == 1
    assert len({told.id for told in scene.told.events}) == 1


async def test_many_messages_on_two_workers_are_sent_once_each(scene: Scene) -> None:
    events = [scene.request() for _ in range(60)]
    async with scene.worker(), scene.worker():
        await asyncio.gather(*(scene.publish(event, Lane.BULK) for event in [*events, *reversed(events)]))
        for event in events:
            await scene.told.result_of(event)
    assert [scene.twilio.count(event.data.message_id) for event in events] == [1] * 60


async def test_changed_text_under_the_same_id_is_refused_and_never_sent(scene: Scene) -> None:
    event = scene.request()
    changed = scene.request(message_id=event.data.message_id, content=TextContent(text="Corrected"))
    async with scene.worker():
        await scene.publish(event)
        await scene.told.result_of(event)
        await scene.publish(changed)
        told = await scene.told.result_of(changed)
    assert isinstance(told.data, SendFailed)
    assert told.data.reason is FailureReason.CHANGED
    assert [submission.text for submission in scene.twilio.ledger] == [TEXT]


async def test_message_that_comes_after_its_resend_is_told_as_cancelled(scene: Scene) -> None:
    first = scene.request()
    again = scene.request(resend_of=first.data.message_id)
    async with scene.worker():
        await scene.publish(again)
        await scene.told.result_of(again)
        await scene.publish(first)
        told = await scene.told.result_of(first)
    assert told.type == "proactive.send_cancelled.v1"
    assert [submission.mid for submission in scene.twilio.ledger] == [again.data.message_id]


@pytest.mark.parametrize(
    ("failpoint", "submissions", "state", "word"),
    [
        (failpoints.BEFORE_CLAIM, 1, "accepted", "send_accepted"),
        (failpoints.AFTER_CLAIM, 0, "unknown", "send_unknown"),
        (failpoints.AFTER_ACK, 0, "unknown", "send_unknown"),
        (failpoints.BEFORE_CALL, 0, "unknown", "send_unknown"),
        (failpoints.AFTER_CALL, 1, "accepted", "send_accepted"),
        (failpoints.AFTER_OUTCOME, 1, "accepted", "send_accepted"),
        (failpoints.AFTER_ANNOUNCEMENT, 1, "accepted", "send_accepted"),
    ],
)
async def test_killed_worker_leaves_one_submission_at_most_and_the_truth(
    scene: Scene, failpoint: str, submissions: int, state: str, word: str
) -> None:
    event = scene.request()
    first = await scene.process(PROACTIVE_FAILPOINTS=f"{failpoint}:kill")
    await scene.publish(event)
    assert await exited(first) == -signal.SIGKILL
    async with scene.worker(lease_seconds=2, call_seconds=1):
        await scene.hasten()
        told_before = int(failpoint == failpoints.AFTER_ANNOUNCEMENT)
        told = await scene.told.result_of(event, count=told_before + 1)
    assert told.type == f"proactive.{word}.v1"
    results = {event.id for event in scene.told.events if "started" not in event.type}
    assert len(results) == 1, "telling again uses the same id"
    assert scene.twilio.count(event.data.message_id) == submissions
    assert await scene.state(event) == state


async def test_message_that_is_too_late_expires_unsent(scene: Scene) -> None:
    event = scene.request(seconds=0.3)
    await scene.publish(event)
    await asyncio.sleep(0.4)
    async with scene.worker():
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_expired.v1"
    assert scene.twilio.ledger == []


async def test_message_for_later_waits_for_its_time(scene: Scene) -> None:
    begin = clock.now() + timedelta(seconds=1)
    event = scene.request(not_before=begin)
    async with scene.worker():
        await scene.publish(event)
        await asyncio.sleep(0.5)
        assert (scene.twilio.ledger, await scene.state(event)) == ([], "waiting")
        await scene.told.result_of(event)
        assert clock.now() >= begin
    assert scene.twilio.count(event.data.message_id) == 1


async def test_slow_call_has_its_start_told(scene: Scene) -> None:
    scene.twilio.seconds = 1.5
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await scene.told.result_of(event)
    assert scene.told.words(event.data.message_id) == ["send_started", "send_accepted"]


@pytest.mark.parametrize(
    ("status", "body", "word", "reason"),
    [
        (400, {"code": 21211, "message": "Invalid 'To' Phone Number: +49151"}, "send_failed", "invalid_number"),
        (429, {"code": 20429}, "send_deferred", "provider_busy"),
        (500, {"code": 20500}, "send_unknown", None),
        (201, {"nothing": "ours"}, "send_unknown", None),
    ],
)
async def test_answer_decides(
    scene: Scene, status: int, body: dict[str, object], word: str, reason: str | None
) -> None:
    scene.twilio.behave = lambda _request: web.json_response(body, status=status)
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        told = await scene.told.result_of(event)
    assert (told.type, getattr(told.data, "reason", None)) == (f"proactive.{word}.v1", reason)
    assert scene.twilio.count(event.data.message_id) == 1


async def test_silent_provider_leaves_it_unknown(scene: Scene) -> None:
    scene.twilio.seconds = 5
    event = scene.request()
    async with scene.worker(call_seconds=1):
        await scene.publish(event)
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_unknown.v1"
    assert scene.twilio.count(event.data.message_id) == 1


async def test_provider_that_is_away_defers_it(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker():
        await scene.twilio.__aexit__()
        await scene.publish(event)
        told = await scene.told.result_of(event)
    assert (told.type, told.data.reason) == ("proactive.send_deferred.v1", FailureReason.PROVIDER_UNREACHABLE)


async def test_channel_of_another_workspace_is_refused(scene: Scene) -> None:
    event = scene.request(workspace_id="w2")
    async with scene.worker():
        await scene.publish(event)
        told = await scene.told.result_of(event)
    assert (told.data.reason, scene.twilio.ledger) == (FailureReason.CHANNEL_UNKNOWN, [])


async def test_outcome_is_kept_while_the_database_is_away(scene: Scene, database: Database) -> None:
    scene.twilio.seconds = 1
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await until(lambda: scene.twilio.ledger, "the call")
        database.stop("immediate")
        await asyncio.sleep(1.5)
        database.start()
        told = await scene.told.result_of(event)
        assert told.type == "proactive.send_accepted.v1"
        assert await scene.state(event) == "accepted"
    assert scene.twilio.count(event.data.message_id) == 1


async def test_result_is_told_after_the_broker_was_restarted_in_mid_call(scene: Scene, broker: Broker) -> None:
    scene.twilio.seconds = 1
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await until(lambda: scene.twilio.ledger, "the call")
        await asyncio.to_thread(broker.restart)
        await scene.until_state(event, "accepted")
        await scene.hasten()
        told = await scene.told.result_of(event)
        assert told.type == "proactive.send_accepted.v1"
        another = scene.request()
        await scene.publish(another)
        await scene.told.result_of(another)
    assert scene.twilio.count(event.data.message_id) == 1


async def test_stop_lets_a_slow_call_end_and_takes_nothing_more(scene: Scene) -> None:
    scene.twilio.seconds = 2
    event, later = scene.request(), scene.request()
    process = await scene.process(PROACTIVE_CALL_SECONDS="5", PROACTIVE_LEASE_SECONDS="20")
    await scene.publish(event)
    await until(lambda: scene.twilio.ledger, "the call")
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    await scene.publish(later)
    await scene.publish(later, Lane.BULK)
    assert await exited(process) == 0
    told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"
    assert [submission.mid for submission in scene.twilio.ledger] == [event.data.message_id]
    scene.twilio.seconds = 0
    async with scene.worker():
        await scene.told.result_of(later)
    assert scene.twilio.count(later.data.message_id) == 1


async def test_worker_without_its_tables_waits_and_says_what_to_do(scene: Scene) -> None:
    """It must not take requests that it would have to give back until they are parked."""
    event = scene.request()
    await scene.publish(event)
    await scene.database.execute("ALTER TABLE dispatch.job RENAME TO job_elsewhere")
    port = free_port()
    try:
        starting = asyncio.create_task(scene.process(PROACTIVE_OPS_PORT=str(port)))
        await until(lambda: "tables_awaited" in scene.log, "the wait for its tables")
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 503
            assert "proactivectl migrate" in (await answer.json())["missing"]["database"]
    finally:
        await scene.database.execute("ALTER TABLE dispatch.job_elsewhere RENAME TO job")
    process = await starting
    await scene.told.result_of(event)
    assert await scene.stop(process) == 0
    assert scene.twilio.count(event.data.message_id) == 1


async def test_what_cannot_be_acted_on_is_parked_with_its_reason(scene: Scene) -> None:
    reply = ReplyReceived(
        workspace_id="w1",
        channel=Channel.SMS,
        channel_id=scene.channel_id,
        provider="twilio",
        provider_message_id="SM1",
        sender="+49",
        received_at=clock.now(),
    )
    not_ours = encode(make_event(reply, id=uuid4(), time=clock.now(), source="test"))
    wrong = scene.request(channel=Channel.VIBER)
    future = encode(scene.request()).replace(b"send_requested.v1", b"send_requested.v2")
    late = encode(scene.request(seconds=8 * 86_400))
    key = send_key(Channel.SMS, Lane.INTERACTIVE)
    for body in (b"{not json", b"\xff" * 10, encode(wrong), future, late, b"[" * 10_000, not_ours):
        await scene.publisher.publish(REQUESTS, key, body, properties_of(wrong))
    slipped_in = scene.request()
    bulk = send_key(Channel.SMS, Lane.BULK)
    await scene.publisher.publish(REQUESTS, bulk, encode(slipped_in), properties_of(slipped_in), cc=[key])
    good = scene.request()
    await scene.publish(good)
    async with scene.worker():
        found = await scene.parked_messages(Lane.INTERACTIVE, 8)
        await scene.told.result_of(good)
    reasons = sorted(str(message.headers["x-proactive-reason"]) for message in found)
    unreadable = ["invalid", "malformed", "malformed", "malformed", "unsupported", "unsupported"]
    assert reasons == [*unreadable, "wrong_channel", "wrong_key"]
    assert {message.headers["x-proactive-queue"] for message in found} == {"dispatcher.sms.interactive"}
    assert scene.twilio.count(good.data.message_id) == 1


async def test_full_bulk_lane_does_not_delay_an_agent(scene: Scene) -> None:
    scene.twilio.seconds, scene.twilio.slow_for = 2, "+306941234567"
    campaign = [scene.request(recipient="+306941234567") for _ in range(12)]
    agents = scene.request()
    async with scene.worker(concurrency=2):
        for event in campaign:
            await scene.publish(event, Lane.BULK)
        await until(lambda: len(scene.twilio.ledger) == 2, "a full bulk lane")
        began = asyncio.get_running_loop().time()
        await scene.publish(agents)
        await scene.told.result_of(agents)
        assert asyncio.get_running_loop().time() - began < 1
        scene.twilio.seconds = 0


async def test_logs_hold_nothing_personal_and_no_secret(scene: Scene) -> None:
    """At level debug, with refusals, garbage, an unreachable provider and a stop in between."""
    numbers = ["+4915112345678", "+306941234567", "+447700900123"]
    process = await scene.process()
    accepted = scene.request(recipient=numbers[0])
    await scene.publish(accepted)
    await scene.told.result_of(accepted)
    changed = scene.request(message_id=accepted.data.message_id, recipient=numbers[1])
    await scene.publish(changed)
    await scene.told.result_of(changed)
    words = {"code": 21211, "message": f"The number {numbers[1]} is not valid: {TEXT}"}
    scene.twilio.behave = lambda _request: web.json_response(words, status=400)
    refused = scene.request(recipient=numbers[1])
    await scene.publish(refused)
    await scene.told.result_of(refused)
    garbage = encode(refused).replace(b'"+306941234567"', b'"+447700900123 wrong"')
    key = send_key(Channel.SMS, Lane.BULK)
    for body in (garbage, garbage[:-5]):
        await scene.publisher.publish(REQUESTS, key, body, properties_of(refused))
    assert len(await scene.parked_messages(Lane.BULK, 2)) == 2
    await scene.twilio.__aexit__()
    unreachable = scene.request(recipient=numbers[2])
    await scene.publish(unreachable)
    await scene.told.result_of(unreachable)
    assert await scene.stop(process) == 0
    log = scene.log
    assert "message_settled" in log
    assert "delivery_parked" in log
    secrets = [TEXT, TOKEN, ACCOUNT, scene.keys, "Basic ", *(number.lstrip("+") for number in numbers)]
    assert [secret for secret in secrets if secret in log] == []
