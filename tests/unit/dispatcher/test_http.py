"""The two HTTP faces: webhooks for providers, and the operators' look at a job."""

import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from dispatcher import webhooks as webhooks_module
from dispatcher.domain.resends import stopped_before
from dispatcher.domain.states import Job, State
from dispatcher.operators import operators_app
from dispatcher.ports import Callback, ChannelInUse, Unreadable, UnreadableCallback
from dispatcher.providers.infobip import Infobip
from dispatcher.webhooks import MAX_CALLBACK, Webhooks
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import Channel
from runtime.amqp.publisher import Unconfirmed
from tests.support.logs import logged_by
from tests.unit.dispatcher.builders import (
    CHANNEL_ID,
    MESSAGE_ID,
    NOW,
    make_channel,
    make_infobip_channel,
    make_job,
    make_request,
)
from tests.unit.dispatcher.fakes import FakeAnnouncements, FakeChannels, FakeJobs, FakeProvider, FakeRecipients

NOBODYS = UUID("0b5ad1a0-0000-4000-8000-0000000000ff")
PATH = f"/webhooks/twilio/{CHANNEL_ID}"
RECEIPT = DeliveryReported(
    message_id=MESSAGE_ID,
    workspace_id="w1",
    channel=Channel.SMS,
    channel_id=CHANNEL_ID,
    provider="twilio",
    provider_message_id="SM1",
    status=ReceiptStatus.DELIVERED,
    reported_at=NOW,
)
REPLY = ReplyReceived(
    workspace_id="w1",
    channel=Channel.SMS,
    channel_id=CHANNEL_ID,
    provider="twilio",
    provider_message_id="SM2",
    sender="+4915112345678",
    text="Danke",
    received_at=NOW,
)

Client = TestClient[web.Request, web.Application]


class Scene:
    def __init__(self, channel: ChannelInUse | None = None) -> None:
        self.jobs = FakeJobs()
        self.provider = FakeProvider(reports=[RECEIPT])
        self.announcements = FakeAnnouncements()
        channels = FakeChannels(channel or make_channel())
        self.recipients = FakeRecipients()
        self.webhooks = Webhooks(
            channels,
            {"twilio": self.provider},
            self.jobs,
            self.announcements,
            self.recipients,
            "https://p.example/base/",
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with TestClient(TestServer(self.webhooks.app())) as client:
            yield client


async def post(scene: Scene, path: str = PATH, body: bytes = b"a=1", headers: Mapping[str, str] | None = None) -> int:
    async with scene.client() as client, client.post(path, data=io.BytesIO(body), headers=headers) as response:
        if response.status >= 400:
            assert response.content_type == "application/problem+json"
        return response.status


async def test_receipt_is_published_and_reaches_the_job() -> None:
    scene = Scene()
    assert await post(scene) == 204
    assert [event.data for event, _ in scene.announcements.events] == [RECEIPT]
    assert scene.jobs.receipts == [RECEIPT]


async def test_reply_is_published_and_its_writer_remembered() -> None:
    scene = Scene()
    scene.provider.reports = [REPLY]
    assert await post(scene) == 204
    assert scene.announcements.words == ["reply_received"]
    assert scene.jobs.receipts == []
    assert scene.recipients.replies == [REPLY]


async def test_receipt_that_tells_of_an_opt_out_is_remembered() -> None:
    scene = Scene()
    refused = {"status": ReceiptStatus.FAILED, "reason": FailureReason.OPTED_OUT, "provider_code": "131050"}
    opted_out = RECEIPT.model_copy(update=refused)
    scene.provider.reports = [RECEIPT, opted_out]
    assert await post(scene) == 204
    assert scene.recipients.reported == [opted_out]


async def test_repeated_receipt_is_published_under_one_id() -> None:
    scene = Scene()
    assert (await post(scene), await post(scene)) == (204, 204)
    first, second = (event.id for event, _ in scene.announcements.events)
    assert first == second


async def test_adapter_sees_the_public_address_whatever_headers_say() -> None:
    scene = Scene()
    seen: list[Callback] = []

    def verify(callback: Callback, channel: ChannelInUse) -> bool:
        seen.append(callback)
        return True

    scene.provider.verify = verify  # type: ignore[method-assign]
    query = "?mid=a%26b&x=%C3%A4"
    spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    assert await post(scene, PATH + query, headers=spoofed) == 204
    assert seen[0].url == f"https://p.example/base{PATH}{query}"
    assert seen[0].query == {"mid": "a&b", "x": "ä"}


async def test_callback_that_is_not_genuine_is_refused_in_the_provider_s_terms() -> None:
    scene = Scene()
    scene.provider.genuine = False
    scene.provider.not_genuine = "Its stamp is green."
    async with scene.client() as client, client.post(PATH, data=b"a=1") as response:
        assert (response.status, (await response.json())["detail"]) == (401, "Its stamp is green.")
    assert scene.announcements.events == []


@pytest.mark.parametrize(
    "path",
    [f"/webhooks/twilio/{NOBODYS}", "/webhooks/twilio/nonsense", f"/webhooks/vonage/{CHANNEL_ID}", "/webhooks", "/"],
)
async def test_unknown_address_is_not_found(path: str) -> None:
    assert await post(Scene(), path) == 404


async def test_channel_of_another_provider_is_not_found() -> None:
    assert await post(Scene(make_channel(provider="vonage"))) == 404


async def test_disabled_channel_still_takes_receipts() -> None:
    assert await post(Scene(make_channel(enabled=False))) == 204


async def test_unreadable_credentials_ask_for_another_try() -> None:
    assert await post(Scene(make_channel(credentials={}))) == 503


@pytest.mark.parametrize("trouble", [Unconfirmed("no confirm"), TimeoutError(), ConnectionRefusedError()])
async def test_what_could_not_be_stored_is_asked_for_again(trouble: Exception) -> None:
    scene = Scene()
    scene.announcements.troubles = [trouble]
    assert await post(scene) == 503
    scene.jobs.troubles = [ConnectionRefusedError()]
    assert await post(scene) == 503
    assert await post(scene) == 204


async def test_body_that_is_too_large_is_refused() -> None:
    assert await post(Scene(), body=b"x" * (MAX_CALLBACK + 1)) == 413
    assert await post(Scene(), body=b"x" * MAX_CALLBACK) == 204


@pytest.mark.parametrize(("secret", "status"), [("geheim & ü", 200), ("a-wrong-guess", 401)])
async def test_secret_in_an_address_is_never_logged(
    secret: str, status: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    channels = FakeChannels(make_infobip_channel())
    webhooks = Webhooks(
        channels, {"infobip": Infobip()}, FakeJobs(), FakeAnnouncements(), FakeRecipients(), "https://p.example"
    )
    result = {"messageId": str(MESSAGE_ID), "status": {"groupId": 3, "id": 5}}
    path = f"/webhooks/infobip/{CHANNEL_ID}"
    with logged_by(webhooks_module) as logs:
        async with TestClient(TestServer(webhooks.app())) as client:
            response = await client.post(path, params={"secret": secret}, json={"results": [result, {}]})
            told = await response.text()
    assert response.status == status
    assert ("webhook_secret" in told, "signature" in told) == (status == 401, False)
    shown = f"{logs} {told} {capsys.readouterr()} {caplog.text}"
    assert len(logs) == (2 if status == 200 else 1)
    assert [word for word in ("geheim", "guess", "secret=") if word in shown] == []


async def test_unreadable_callback_is_told_what_is_missing() -> None:
    scene = Scene()

    def read(callback: Callback, channel: ChannelInUse) -> list[DeliveryReported]:
        raise UnreadableCallback("MessageSid is missing")

    scene.provider.read_callback = read  # type: ignore[method-assign]
    async with scene.client() as client, client.post(PATH, data=b"") as response:
        assert response.status == 400
        assert (await response.json(content_type=None))["detail"] == "MessageSid is missing"


async def test_get_is_not_allowed() -> None:
    async with Scene().client() as client, client.get(PATH) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", [f"/webhooks/vonage/{CHANNEL_ID}", f"/webhooks/twilio/{NOBODYS}/x"])
async def test_get_of_an_unknown_address_is_not_found(path: str) -> None:
    async with Scene().client() as client, client.get(path) as response:
        assert response.status == 404


async def test_item_that_cannot_be_read_does_not_keep_the_others() -> None:
    scene = Scene()
    scene.provider.reports = [Unreadable("status is missing"), RECEIPT, Unreadable("status is missing")]
    assert await post(scene) == 204
    assert [event.data for event, _ in scene.announcements.events] == [RECEIPT]


async def operators_see(job: Job) -> dict[str, Any]:
    jobs = FakeJobs()
    jobs.rows["w1", MESSAGE_ID] = job
    client = TestClient(TestServer(operators_app(jobs, [SecretStr("right")])))
    path, headers = f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", {"Authorization": "Bearer right"}
    async with client, client.get(path, headers=headers) as response:
        shown: dict[str, Any] = await response.json()
        return shown


async def test_operators_see_what_a_job_waits_for() -> None:
    busy = {"reason": "provider_busy", "detail": "to +4915112345678"}
    job = make_job(make_request(message_id=MESSAGE_ID), state=State.WAITING, result=busy, due_at=NOW, provider="twilio")
    shown = await operators_see(job)
    assert (shown["reason"], shown["due_at"], shown["doubts"]) == ("provider_busy", NOW.isoformat(), 0)
    assert (shown["channel"], shown["channel_id"]) == ("sms", str(CHANNEL_ID))
    assert (shown["provider"], shown["provider_message_id"]) == ("twilio", None)
    assert "+49" not in str(shown)


async def test_operators_see_doubts_and_no_moment_where_nothing_is_left_to_do() -> None:
    request = make_request(message_id=MESSAGE_ID)
    unknown = make_job(request, state=State.UNKNOWN, doubts=(1, 2), due_at=NOW, provider_message_id="SM1")
    shown = await operators_see(unknown)
    assert (shown["doubts"], shown["due_at"], shown["reason"]) == (2, None, None)
    assert shown["provider_message_id"] == "SM1"


async def test_operators_see_the_channel_of_what_was_stopped_before_it_came() -> None:
    request = make_request(message_id=MESSAGE_ID)
    stopped = stopped_before(request, request.requested_by).model_dump(mode="json", exclude_none=True)
    shown = await operators_see(replace(make_job(request), request=None, state=State.CANCELLED, result=stopped))
    assert (shown["channel"], shown["channel_id"]) == ("sms", str(CHANNEL_ID))


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "right", 200),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "older", 200),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "wrong", 401),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "", 401),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", None, 401),
        (f"/v1/workspaces/w2/jobs/{MESSAGE_ID}", "right", 404),
        (f"/v1/workspaces/w1/jobs/{CHANNEL_ID}", "right", 404),
        (f"/v1/workspaces/w%00/jobs/{MESSAGE_ID}", "right", 404),
        ("/v1/workspaces/w1/jobs/nonsense", "right", 400),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "service", 200),
        (f"/v1/workspaces/w1/jobs/{MESSAGE_ID}", "scaling", 401),
        ("/v1/channels", "scaling", 404),
        ("/v1/channels", "wrong", 401),
    ],
)
async def test_operators_see_a_job_with_a_token(path: str, token: str | None, status: int) -> None:
    jobs = FakeJobs()
    jobs.rows["w1", MESSAGE_ID] = make_job(make_request(message_id=MESSAGE_ID))
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    app = operators_app(
        jobs,
        [SecretStr("right"), SecretStr("older")],
        service_tokens=[SecretStr("service")],
        scaling_tokens=[SecretStr("scaling")],
    )
    async with TestClient(TestServer(app)) as client, client.get(path, headers=headers) as response:
        assert response.status == status
        shown = await response.json(content_type=None)
    if status == 200:
        assert (shown["state"], shown["attempt"], shown["message_id"]) == ("sending", 1, str(MESSAGE_ID))
        assert "request" not in shown
    else:
        assert shown["status"] == status
