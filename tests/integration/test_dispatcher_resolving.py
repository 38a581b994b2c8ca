"""An answer got lost: what the provider offers finds out, absence proves nothing, and people have the last word."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest
from aiohttp import web

from dispatcher import failpoints
from dispatcher.storage.jobs import PostgresJobs
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event
from proactive_contracts.requests import ResolveRequested, SendRequested
from proactive_contracts.results import SendAccepted, SendResolved, SendUnknown
from proactive_contracts.values import Admin, Channel, Lane
from runtime import clock
from tests.integration.dispatcher_scene import (
    INFOBIP_CREDENTIALS,
    FakeJsonProvider,
    Scene,
    exited,
    set_scene,
    until,
)
from tests.integration.test_dispatcher_channels import infobip_answer
from tests.integration.test_dispatcher_webhooks import call_back

BROKEN = {"code": 20500, "message": "Internal error"}


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "resolving.log") as ready:
        yield ready


@pytest.fixture
async def infobip() -> AsyncIterator[FakeJsonProvider]:
    async with FakeJsonProvider("/viber/2/messages") as provider:
        yield provider


def lose_answers(scene: Scene, *, taken: bool = True, status: int = 500) -> None:
    """Twilio takes messages, or does not, and answers that something broke."""

    def behave(request: web.Request) -> web.StreamResponse:
        if taken:
            form = request._post
            assert form is not None
            scene.twilio.take(form)
        return web.json_response(BROKEN, status=status)

    scene.twilio.behave = behave


def make_verdict(event: Event[SendRequested], verdict: Literal["sent", "not_sent"]) -> Event[ResolveRequested]:
    given = ResolveRequested(
        message_id=event.data.message_id,
        workspace_id=event.data.workspace_id,
        channel=event.data.channel,
        channel_id=event.data.channel_id,
        requested_by=Admin(id="814860", name="Maria Lopez"),
        verdict=verdict,
    )
    return make_event(given, id=uuid4(), time=clock.now(), source="test")


async def unknown(scene: Scene) -> Event[SendRequested]:
    """A message that may have been sent, as far as anybody knows."""
    lose_answers(scene, taken=False)
    event = scene.request()
    await scene.publish(event)
    told = await scene.told.result_of(event)
    assert isinstance(told.data, SendUnknown)
    return event


async def test_look_up_finds_what_was_taken(scene: Scene) -> None:
    lose_answers(scene)
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        told = (await scene.told.result_of(event)).data
    assert isinstance(told, SendAccepted)
    assert told.provider_message_id == scene.twilio.listed[0]["sid"]
    assert scene.told.words(event.data.message_id) == ["send_started", "send_accepted"]
    assert scene.twilio.count(event.data.message_id) == 1


async def test_list_that_is_late_is_looked_at_again(scene: Scene) -> None:
    lose_answers(scene)
    scene.twilio.lists = False
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        await until(lambda: scene.twilio.looks, "the first look")
        assert await scene.state(event) == "resolving"
        scene.twilio.lists = True
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"


async def test_what_is_not_in_the_list_may_have_been_sent_and_is_never_sent_again(scene: Scene) -> None:
    async with scene.worker():
        event = await unknown(scene)
        await asyncio.sleep(1)
    assert scene.twilio.looks == 3
    assert (scene.twilio.count(event.data.message_id), await scene.state(event)) == (1, "unknown")


async def test_two_alike_without_an_answer_are_both_left_to_a_person(scene: Scene) -> None:
    """One was taken, one was not: the list cannot tell which."""
    event, other = scene.request(), scene.request()
    async with scene.worker():
        lose_answers(scene)
        await scene.publish(event)
        await until(lambda: scene.twilio.listed, "the first call")
        lose_answers(scene, taken=False)
        await scene.publish(other)
        for one in (event, other):
            assert isinstance((await scene.told.result_of(one)).data, SendUnknown)


async def test_look_up_ignores_what_another_message_owns(scene: Scene) -> None:
    event, other = scene.request(), scene.request()
    async with scene.worker():
        await scene.publish(other)
        await scene.told.result_of(other)
        lose_answers(scene, taken=False)
        await scene.publish(event)
        assert isinstance((await scene.told.result_of(event)).data, SendUnknown)


async def test_worker_that_dies_in_resolving_leaves_it_to_another(scene: Scene) -> None:
    lose_answers(scene)
    event = scene.request()
    first = await scene.process(PROACTIVE_FAILPOINTS=f"{failpoints.IN_RESOLVING}:kill")
    await scene.publish(event)
    assert await exited(first) == -signal.SIGKILL
    async with scene.worker(lease_seconds=2, call_seconds=1):
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"
    assert scene.twilio.count(event.data.message_id) == 1


# --- the same id again ---


def refuse_duplicates(infobip: FakeJsonProvider, *, answers_first: web.Response | None, takes: bool = True) -> None:
    """Infobip, whose first answer is lost: it knows a messageId that it took before."""
    known: set[str] = set()

    def answer(fields: dict[str, Any]) -> web.Response:
        own = fields["messages"][0]["destinations"][0]["messageId"]
        if own in known:
            return infobip_answer(fields, 5, 23)
        if takes:
            known.add(own)
        return answers_first or infobip_answer(fields, 1, 26)

    infobip.answer = answer


async def viber(scene: Scene, infobip: FakeJsonProvider) -> Event[SendRequested]:
    channel_id = await scene.connect(Channel.VIBER, "infobip", INFOBIP_CREDENTIALS, base_url=infobip.url)
    return scene.request(channel=Channel.VIBER, channel_id=channel_id)


def ids(infobip: FakeJsonProvider) -> list[str]:
    return [fields["messages"][0]["destinations"][0]["messageId"] for _, fields in infobip.requests]


async def test_same_id_again_is_confirmed_as_a_duplicate(scene: Scene, infobip: FakeJsonProvider) -> None:
    refuse_duplicates(infobip, answers_first=web.json_response({}, status=500))
    event = await viber(scene, infobip)
    async with scene.worker(Channel.VIBER):
        await scene.publish(event)
        told = (await scene.told.result_of(event)).data
    assert isinstance(told, SendAccepted)
    assert (told.provider_message_id, told.attempt) == (f"w1.{event.data.message_id}", 2)
    assert ids(infobip) == [f"w1.{event.data.message_id}"] * 2


async def test_attempt_that_is_unknown_and_refused_under_the_same_id_stays_unknown(
    scene: Scene, infobip: FakeJsonProvider
) -> None:
    """The refusal is of the second attempt; what became of the first is still not known."""
    answers = iter([web.json_response({}, status=500)])
    infobip.answer = lambda fields: next(answers, None) or infobip_answer(fields, 5, 10)
    event = await viber(scene, infobip)
    async with scene.worker(Channel.VIBER, settling_seconds=0.02):
        await scene.publish(event)
        told = (await scene.told.result_of(event)).data
    assert isinstance(told, SendUnknown)
    row = await scene.database.fetchrow("SELECT state, doubts, attempt FROM dispatch.job")
    assert row is not None
    assert (row["state"], row["doubts"], row["attempt"]) == ("unknown", [1], 6)


async def test_duplicate_of_what_was_definitely_refused_is_not_told_as_sent(
    scene: Scene, infobip: FakeJsonProvider
) -> None:
    """Infobip keeps the id of what it refused for now."""
    known: list[str] = []

    def answer(fields: dict[str, Any]) -> web.Response:
        known.append(fields["messages"][0]["destinations"][0]["messageId"])
        return infobip_answer(fields, 5, 21 if len(known) == 1 else 23)

    infobip.answer = answer
    event = await viber(scene, infobip)
    async with scene.worker(Channel.VIBER):
        await scene.publish(event)
        assert (await scene.told.result_of(event)).type == "proactive.send_deferred.v1"
        await scene.database.execute("UPDATE dispatch.job SET due_at = now() WHERE state = 'waiting'")
        assert (await scene.told.result_of(event, count=2)).type == "proactive.send_unknown.v1"
    assert known == [f"w1.{event.data.message_id}"] * 2


async def test_killed_worker_has_its_message_sent_under_the_same_id(scene: Scene, infobip: FakeJsonProvider) -> None:
    """Here a crash before the call costs nothing: the second attempt is the only one that arrives."""
    refuse_duplicates(infobip, answers_first=None)
    event = await viber(scene, infobip)
    async with scene.worker(Channel.VIBER, lease_seconds=2, call_seconds=1):
        await PostgresJobs(scene.database, lease_seconds=0.1).claim(event, Lane.BULK, "infobip")  # and no more
        told = (await scene.told.result_of(event)).data
    assert isinstance(told, SendAccepted)
    assert ids(infobip) == [f"w1.{event.data.message_id}"]


# --- receipts and people ---


@pytest.mark.parametrize("status", ["sent", "delivered", "undelivered", "failed"])
async def test_receipt_resolves_an_unknown_message_at_once(scene: Scene, status: str) -> None:
    async with scene.worker(), scene.webhooks() as (public, _):
        event = await unknown(scene)
        assert await call_back(scene, public, event.data.message_id, status) == 204
        assert await scene.state(event) == "accepted"
        began = asyncio.get_running_loop().time()
        told = (await scene.told.result_of(event, count=2)).data
        assert asyncio.get_running_loop().time() - began < 1.5
    assert isinstance(told, SendAccepted)
    assert told.provider_message_id == "SM0123"


async def test_receipt_while_resolving_ends_it(scene: Scene) -> None:
    lose_answers(scene, taken=False)
    event = scene.request()
    async with scene.worker(settling_seconds=20), scene.webhooks() as (public, _):
        await scene.publish(event)
        await scene.until_state(event, "resolving")
        assert await call_back(scene, public, event.data.message_id, "delivered") == 204
        told = await scene.told.result_of(event)
    assert told.type == "proactive.send_accepted.v1"
    assert scene.twilio.looks == 0


async def test_receipt_in_mid_call_has_its_result_told_once_the_call_ends(scene: Scene) -> None:
    scene.twilio.seconds = 0.6
    event = scene.request()
    async with scene.worker(), scene.webhooks() as (public, _):
        await scene.publish(event)
        await until(lambda: scene.twilio.ledger, "the call")
        assert await call_back(scene, public, event.data.message_id, "sent") == 204
        assert await scene.state(event) == "accepted"
        await scene.told.result_of(event)
        await asyncio.sleep(1)
    results = {told.id for told in scene.told.events if told.causationid == event.id}
    assert len(results) == 1


@pytest.mark.parametrize(("verdict", "state"), [("sent", "accepted"), ("not_sent", "not_sent")])
async def test_person_decides_what_nobody_could_find_out(
    scene: Scene, verdict: Literal["sent", "not_sent"], state: str
) -> None:
    async with scene.worker():
        event = await unknown(scene)
        await scene.publish(make_verdict(event, verdict))
        told = (await scene.told.result_of(event, count=2)).data
        assert isinstance(told, SendResolved)
        assert (told.verdict, told.requested_by) == (verdict, Admin(id="814860", name="Maria Lopez"))
        again = scene.request(resend_of=event.data.message_id)
        scene.twilio.behave = None
        await scene.publish(again)
        resent = await scene.told.result_of(again)
    assert await scene.state(event) == state
    assert resent.type == ("proactive.send_failed.v1" if verdict == "sent" else "proactive.send_accepted.v1")


async def test_newer_verdict_and_a_receipt_overrule_not_sent(scene: Scene) -> None:
    async with scene.worker(), scene.webhooks() as (public, _):
        event = await unknown(scene)
        for count, (verdict, state) in enumerate([("not_sent", "not_sent"), ("sent", "accepted")], 2):
            await scene.publish(make_verdict(event, verdict))  # type: ignore[arg-type]
            await scene.told.result_of(event, count=count)
            assert await scene.state(event) == state
        assert await call_back(scene, public, event.data.message_id, "delivered") == 204
        told = (await scene.told.result_of(event, count=4)).data
    assert isinstance(told, SendAccepted), "the provider's own word is told beside the person's"


async def test_verdict_on_what_is_known_changes_nothing(scene: Scene) -> None:
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        accepted = await scene.told.result_of(event)
        await scene.publish(make_verdict(event, "not_sent"))
        again = await scene.told.result_of(event, count=2)
    assert (again, await scene.state(event)) == (accepted, "accepted")


async def test_resend_waits_while_the_first_is_being_looked_for(scene: Scene) -> None:
    lose_answers(scene)
    event = scene.request()
    again = scene.request(resend_of=event.data.message_id)
    async with scene.worker(settling_seconds=2):
        await scene.publish(event)
        await scene.until_state(event, "resolving")
        await scene.publish(again)
        await scene.until_state(again, "waiting")
        told = await scene.told.result_of(again)
    assert told.type == "proactive.send_failed.v1"
    assert told.data.reason == "already_sent"
    assert scene.twilio.count(again.data.message_id) == 0


# --- late answers ---


async def test_answer_that_comes_after_its_lease_still_counts(scene: Scene) -> None:
    """A worker that was frozen: somebody else found its lease lapsed, told so, and then it speaks."""
    event = scene.request()
    frozen = await scene.process(
        PROACTIVE_FAILPOINTS=f"{failpoints.AFTER_CALL}:sleep:6", PROACTIVE_SCHEDULER_SECONDS="60"
    )
    scene.twilio.lists = False
    await scene.publish(event)
    await until(lambda: scene.twilio.ledger, "the call")
    async with scene.worker(settling_seconds=0.1):
        assert isinstance((await scene.told.result_of(event)).data, SendUnknown)
        told = (await scene.told.result_of(event, count=2)).data
    assert isinstance(told, SendAccepted)
    assert scene.twilio.count(event.data.message_id) == 1
    assert frozen.poll() is None
