"""One address for all channels of an app at Meta: who reads what, and what nobody here may read."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import REGISTRY

from dispatcher.ports import ChannelInUse
from dispatcher.providers.meta import Meta, sign
from dispatcher.webhooks import Webhooks
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from tests.unit.dispatcher.builders import CHANNEL_ID, make_meta_channel
from tests.unit.dispatcher.fakes import FakeAnnouncements, FakeChannels, FakeJobs, FakeRecipients

FIRST, SECOND, THIRD = "100000000000001", "100000000000002", "100000000000003"
SECRET = "secret-of-meta"


def connected(number_id: str, *, secret: str | None = SECRET, **changes: Any) -> ChannelInUse:
    credentials = {} if secret is None else {"access_token": "t", "app_secret": secret, "verify_token": "ours"}
    fields: dict[str, Any] = {
        "id": uuid4(),
        "settings": {"phone_number_id": number_id},
        "credentials": credentials,
    }
    return make_meta_channel(**fields | changes)


class Scene:
    def __init__(self, others: Sequence[ChannelInUse] = (), own: ChannelInUse | None = None) -> None:
        self.announcements = FakeAnnouncements()
        channels = FakeChannels(own or connected(FIRST, id=CHANNEL_ID), others)
        self.webhooks = Webhooks(
            channels, {"meta": Meta()}, FakeJobs(), self.announcements, FakeRecipients(), "https://p.example"
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[web.Request, web.Application]]:
        async with TestClient(TestServer(self.webhooks.app())) as client:
            yield client

    async def post(self, *number_ids: str, secret: str = SECRET, **parts: object) -> int:
        body = callback_about(*number_ids, **parts)
        headers = {"X-Hub-Signature-256": sign(secret, body), "Content-Type": "application/json"}
        path = f"/webhooks/meta/{CHANNEL_ID}"
        async with self.client() as client, client.post(path, data=body, headers=headers) as response:
            return response.status

    @property
    def told(self) -> list[tuple[UUID, str]]:
        events = [event.data for event, _ in self.announcements.events]
        return [(one.channel_id, one.provider_message_id) for one in events if isinstance(one, DeliveryReported)]


def callback_about(*number_ids: str, **parts: object) -> bytes:
    """One entry for each number, with one status that is named after it."""
    statuses = {one: [{"id": f"wamid.{one}", "status": "sent", "timestamp": "1"}] for one in number_ids}
    values = [{"metadata": {"phone_number_id": one}, "statuses": statuses[one], **parts} for one in number_ids]
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]} for value in values]}).encode()


def counted(outcome: str) -> float:
    labels = {"provider": "meta", "outcome": outcome}
    return REGISTRY.get_sample_value("proactive_dispatcher_callbacks_total", labels) or 0


async def test_each_channel_of_the_app_gets_its_own_part() -> None:
    second, third = connected(SECOND, workspace_id="w2"), connected(THIRD, enabled=False)
    scene = Scene([second, third])
    assert await scene.post(FIRST, SECOND, THIRD, SECOND) == 200
    assert sorted(scene.told) == sorted(
        [
            (CHANNEL_ID, f"wamid.{FIRST}"),
            (second.id, f"wamid.{SECOND}"),
            (second.id, f"wamid.{SECOND}"),
            (third.id, f"wamid.{THIRD}"),
        ]
    )
    workspaces = {event.data.channel_id: event.data.workspace_id for event, _ in scene.announcements.events}
    assert workspaces == {CHANNEL_ID: "w1", second.id: "w2", third.id: "w1"}


async def test_any_channel_of_the_app_takes_what_is_for_another() -> None:
    second = connected(SECOND)
    scene = Scene([second])
    assert await scene.post(SECOND) == 200
    assert scene.told == [(second.id, f"wamid.{SECOND}")]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [connected(SECOND, secret="another-app")],
        [connected(SECOND, secret="")],
        [connected(SECOND, provider="infobip")],
    ],
    ids=["not connected", "of another app", "without a secret", "of another provider"],
)
async def test_number_that_is_not_of_this_app_is_ignored_and_counted(others: list[ChannelInUse]) -> None:
    before = counted("not_ours")
    scene = Scene(others)
    assert await scene.post(SECOND, FIRST, SECOND) == 200
    assert scene.told == [(CHANNEL_ID, f"wamid.{FIRST}")]
    assert counted("not_ours") == before + 1


async def test_who_connects_anothers_number_hears_nothing_of_it() -> None:
    """A channel with this number but another app's secret: neither its callbacks nor its ears count here."""
    thief = connected(FIRST, secret="secret-of-the-thief", workspace_id="w9")
    scene = Scene([thief])
    assert await scene.post(FIRST) == 200
    assert scene.told == [(CHANNEL_ID, f"wamid.{FIRST}")]
    assert await scene.post(FIRST, secret="secret-of-the-thief") == 401
    assert len(scene.told) == 1
    at_the_thiefs_address = Scene([connected(FIRST)], own=connected(FIRST, id=CHANNEL_ID, secret="secret-of-the-thief"))
    assert await at_the_thiefs_address.post(FIRST, secret="secret-of-the-thief") == 200
    assert at_the_thiefs_address.told == [(CHANNEL_ID, f"wamid.{FIRST}")]


async def test_number_of_two_workspaces_in_one_app_is_told_to_both() -> None:
    second = connected(FIRST, workspace_id="w2")
    scene = Scene([second])
    assert await scene.post(FIRST) == 200
    assert sorted(scene.told) == sorted([(CHANNEL_ID, f"wamid.{FIRST}"), (second.id, f"wamid.{FIRST}")])


async def test_reply_goes_to_the_channel_that_took_over_a_disabled_one_s_number_and_receipts_to_both() -> None:
    message = {"id": "wamid.reply", "from": "4915112345678", "type": "text", "text": {"body": "Hi"}, "timestamp": "1"}
    old = connected(FIRST, enabled=False)
    scene = Scene([old])
    assert await scene.post(FIRST, messages=[message]) == 200
    replies = [one.data.channel_id for one, _ in scene.announcements.events if isinstance(one.data, ReplyReceived)]
    assert replies == [CHANNEL_ID]
    assert {channel_id for channel_id, _ in scene.told} == {CHANNEL_ID, old.id}

    alone = Scene(own=connected(FIRST, id=CHANNEL_ID, enabled=False))
    assert await alone.post(FIRST, messages=[message]) == 200
    assert alone.announcements.words.count("reply_received") == 1


async def test_credentials_that_cannot_be_opened_ask_for_another_try_after_the_rest_was_stored() -> None:
    scene = Scene([connected(SECOND, secret=None)])
    assert await scene.post(FIRST, SECOND) == 503
    assert scene.told == [(CHANNEL_ID, f"wamid.{FIRST}")]
    assert await scene.post(FIRST) == 200


async def test_nobody_is_kept_waiting_by_a_number_that_another_channel_serves() -> None:
    scene = Scene([connected(FIRST, secret=None)])
    assert await scene.post(FIRST) == 200
    assert scene.told == [(CHANNEL_ID, f"wamid.{FIRST}")]


@pytest.mark.parametrize(
    ("channel_id", "token", "status", "text"),
    [(CHANNEL_ID, "ours", 200, "1158201444"), (CHANNEL_ID, "guess", 403, None), (uuid4(), "ours", 404, None)],
)
async def test_question_for_the_address_is_answered(
    channel_id: UUID, token: str, status: int, text: str | None
) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
    path = f"/webhooks/meta/{channel_id}"
    async with Scene().client() as client, client.get(path, params=query) as response:
        assert response.status == status
        if text is not None:
            assert (response.content_type, await response.text()) == ("text/plain", text)


async def test_question_for_a_sealed_channel_is_asked_again() -> None:
    scene = Scene(own=connected(FIRST, id=CHANNEL_ID, secret=None))
    async with scene.client() as client, client.get(f"/webhooks/meta/{CHANNEL_ID}") as response:
        assert response.status == 503
