"""`proactivectl channel state|pause|resume|limit` against the dispatcher's own operators' HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from dispatcher.domain.answers import ErrorClass, Refused
from dispatcher.storage.senders import Senders
from proactive_contracts.reasons import FailureReason
from proactive_contracts.values import Channel
from tests.integration.dispatcher_scene import OPERATORS_TOKEN, Scene, set_scene
from tests.unit.proactivectl.command import Command, Ended

DOWN = Refused(ErrorClass.NOT_SENT, FailureReason.PROVIDER_UNREACHABLE, "could not be reached")


class Operator:
    """Types commands while the dispatcher runs in this loop."""

    def __init__(self, command: Command) -> None:
        self._command = command

    async def __call__(self, *arguments: str, code: int = 0) -> Ended:
        return await asyncio.to_thread(self._command, *arguments, code=code)


@pytest.fixture
async def scene(amqp_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_scene(amqp_url, database_url, tmp_path / "worker.log") as ready:
        yield ready


@pytest.fixture
async def operator(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Operator]:
    async with scene.webhooks() as (_, address):
        monkeypatch.setenv("DATABASE_URL", scene.database_url)
        monkeypatch.setenv("PROACTIVE_DISPATCHER_URL", address)
        monkeypatch.setenv("PROACTIVE_DISPATCHER_TOKEN", OPERATORS_TOKEN)
        monkeypatch.setenv("PROACTIVE_OPERATOR", "maria")
        yield Operator(Command(monkeypatch, capsys))


async def test_pause_and_resume_are_done_shown_and_audited(scene: Scene, operator: Operator) -> None:
    channel = str(scene.channel_id)
    assert "is paused; 0 messages wait" in (await operator("channel", "pause", channel)).out
    shown = await operator("channel", "state")
    assert "paused by maria" in shown.out
    found = (await operator("channel", "state", "--json")).document["channels"]
    assert [(one["state"], one["paused_by"]) for one in found if one["channel_id"] == channel] == [("paused", "maria")]
    assert "goes on" in (await operator("channel", "resume", channel)).out
    acts = (await operator("audit", "list", "--json")).document["acts"]
    mine = [(one["who"], one["action"], one["outcome"]) for one in acts if one["subject"] == channel]
    assert mine == [("maria", "channel.resume", "open"), ("maria", "channel.pause", "paused")]
    assert acts[0]["detail"] == {"workspace": "w1"}


async def test_resume_has_the_providers_address_tried_again_at_once(scene: Scene, operator: Operator) -> None:
    channel = str(scene.channel_id)
    senders = Senders(scene.database)
    await senders.know(scene.channel_id, Channel.SMS, "w1", f"twilio {scene.twilio.url}")
    for _ in range(5):
        await senders.report(scene.channel_id, DOWN)
    event = scene.request()
    async with scene.worker():
        await scene.publish(event)
        assert (await scene.told.result_of(event)).type == "proactive.send_deferred.v1"
        await scene.database.execute("UPDATE dispatch.host SET retry_at = now() + interval '5 minutes'")
        found = (await operator("channel", "state", "--json")).document["channels"]
        (shut,) = [one for one in found if one["channel_id"] == channel]
        assert (shut["state"], shut["waiting"]) == ("failing", 1)
        assert "tried again at" in (await operator("channel", "state")).out.replace("\n", " ")
        resumed = await operator("channel", "resume", channel)
        assert (await scene.told.result_of(event, count=2)).type == "proactive.send_accepted.v1"
    assert "one message tries its provider first" in resumed.out
    assert "could not be reached" in resumed.out
    assert await scene.database.fetchval("SELECT cause FROM dispatch.host") is None


async def test_limit_is_set_and_taken_away(scene: Scene, operator: Operator) -> None:
    channel = str(scene.channel_id)
    assert "sends at most 2.5 a second" in (await operator("channel", "limit", channel, "2.5")).out
    assert (await operator("channel", "limit", channel, "10", "--json")).document["per_second"] == 10
    assert "has no limit now" in (await operator("channel", "limit", channel, "none")).out
    acts = (await operator("audit", "list", "--action", "channel.limit", "--json")).document["acts"]
    limits = [one["detail"]["per_second"] for one in acts if one["subject"] == channel]
    assert limits == [None, 10, 2.5]


@pytest.mark.parametrize("typed", ["0", "-1", "nan", "inf", "10001", "many"])
async def test_limit_that_makes_no_sense_changes_nothing(scene: Scene, operator: Operator, typed: str) -> None:
    ended = await operator("channel", "limit", str(scene.channel_id), typed, code=2)
    assert "PER_SECOND" in ended.err
    assert await scene.database.fetchval("SELECT count(*) FROM dispatch.sender") == 0


async def test_unknown_channel_is_said_so_and_not_audited(operator: Operator) -> None:
    channel = str(uuid4())
    assert "is not connected" in (await operator("channel", "pause", channel, code=1)).err
    assert channel not in (await operator("audit", "list")).out


async def test_what_is_missing_or_wrong_is_told(
    scene: Scene, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = str(scene.channel_id)
    monkeypatch.setenv("PROACTIVE_DISPATCHER_TOKEN", "guess")
    assert "refused our token" in (await operator("channel", "state", code=1)).err
    monkeypatch.setenv("PROACTIVE_DISPATCHER_URL", "http://127.0.0.1:9")
    assert "connection refused" in (await operator("channel", "pause", channel, code=1)).err
    monkeypatch.delenv("PROACTIVE_DISPATCHER_URL")
    assert "PROACTIVE_DISPATCHER_URL is not set" in (await operator("channel", "pause", channel, code=2)).err
