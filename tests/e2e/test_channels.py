"""What operators do to channels, what providers do to them, and what that means for agents and for other companies."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.channels import SMS, WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.scene import FAILED, SENT, alone, new_number, not_see, see
from devstack.demo.steps.waiting import NOT_YET, PAUSED, STOP, STOPPED
from devstack.stack import Stack
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker

UNREACHABLE = "The provider could not be reached."
FAILURES_TO_OPEN = 5
MANY = 8


def test_pause_holds_services_messages_until_their_time_is_over(scene: CheckedScene, tracker: Tracker) -> None:
    paused = json.loads(scene.stack.proactivectl("channel", "pause", SMS.id, "--json"))
    assert paused["state"] == "paused"
    number = new_number()
    event = bus.send_requested(number, new_text(), seconds=6)
    bus.publish(scene.stack.amqp_url, event)
    message_id = event["data"]["message_id"]
    assert tracker.await_status(message_id, "waiting")["reason"] == "channel_paused"
    listed = json.loads(scene.stack.proactivectl("channel", "state", "--json"))["channels"]
    states = {one["channel_id"]: (one["state"], one["paused_by"] is not None) for one in listed}
    assert (states[SMS.id], states[WHATSAPP.id]) == (("paused", True), ("open", False))
    message = tracker.await_status(message_id, "expired")
    assert [entry["status"] for entry in message["timeline"]][-2:] == ["waiting", "expired"]
    resumed = json.loads(scene.stack.proactivectl("channel", "resume", SMS.id, "--json"))
    assert (resumed["state"], resumed["paused_by"]) == ("open", None)
    acts = json.loads(scene.stack.proactivectl("audit", "list", "--subject", SMS.id, "--json"))["acts"]
    assert [act["action"] for act in acts][:2] == ["channel.resume", "channel.pause"]
    panel = scene.compose(scene.person(), text := new_text())
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(panel.person.phone), [text])
    assert not scene.outside.submissions(number)


def test_agents_stop_what_a_pause_holds_and_other_channels_go_on(scene: CheckedScene) -> None:
    scene.stack.proactivectl("channel", "pause", SMS.id)
    panel = scene.compose(scene.person(), new_text())
    not_see(see(panel.press("Send message"), NOT_YET, PAUSED, STOP), SENT, FAILED)
    other = scene.compose(scene.person(), text := new_text(), through=WHATSAPP)
    see(other.press("Send message"), SENT)
    scene.outside.of(WHATSAPP).await_received(str(other.person.phone), [text])
    alone(panel.press(STOP), STOPPED)
    scene.stack.proactivectl("channel", "resume", SMS.id)
    later = scene.compose(scene.person(), text := new_text())
    see(later.press("Send message"), SENT)
    scene.outside.await_received(str(later.person.phone), [text])
    assert not scene.outside.submissions(str(panel.person.phone))


def test_limited_channel_lets_agents_go_before_services(scene: CheckedScene, tracker: Tracker) -> None:
    panel = scene.compose(scene.person(), new_text())
    scene.stack.proactivectl("channel", "limit", SMS.id, "1")
    events = [bus.send_requested(new_number(), new_text()) for _ in range(MANY)]
    bus.publish(scene.stack.amqp_url, *events)
    not_see(panel.press("Send message"), FAILED)
    scene.refresh_until(panel, SENT)
    agent = moments(scene, str(panel.person.phone))
    for event in events:
        tracker.await_status(event["data"]["message_id"], "sent", "delivered", seconds=30)
    bulk = sorted(moment for event in events for moment in moments(scene, event["data"]["recipient"]))
    assert (len(agent), len(bulk)) == (1, MANY)
    assert agent[0] < bulk[-2], "before those that were published earlier"
    assert (bulk[-1] - bulk[0]).total_seconds() > MANY - 1, "one a second, and the agent's in between"


def moments(scene: CheckedScene, number: str) -> list[datetime]:
    """When requests to send to this number came to the provider."""
    return [datetime.fromisoformat(str(row["at"])) for row in scene.outside.submissions(number)]


def test_provider_that_keeps_failing_is_left_alone_and_tried_again(scene: CheckedScene, tracker: Tracker) -> None:
    panel = scene.compose(scene.person(), text := new_text())
    scene.outside.provider("error", remaining=FAILURES_TO_OPEN)
    events = [bus.send_requested(new_number(), new_text()) for _ in range(FAILURES_TO_OPEN)]
    bus.publish(scene.stack.amqp_url, *events)
    eventually(lambda: cause_of(scene), lambda cause: cause == "failing", "an open breaker")
    not_see(see(panel.press("Send message"), NOT_YET, UNREACHABLE, STOP), SENT, FAILED)
    scene.refresh_until(panel, SENT)
    eventually(lambda: cause_of(scene), lambda cause: cause is None, "a closed breaker")
    scene.outside.await_received(str(panel.person.phone), [text])
    for event in events:  # nobody knows, and nobody called again
        tracker.await_status(event["data"]["message_id"], "unknown", seconds=30)
        assert len(scene.outside.submissions(event["data"]["recipient"])) == 1


def cause_of(scene: CheckedScene, channel_id: str = SMS.id) -> str | None:
    """Why a channel is left alone; nothing where it is not."""
    breaker = scene.operators.channels()[channel_id]["breaker"]
    return None if breaker is None else str(breaker["cause"])


@dataclass(frozen=True)
class Company:
    """Another company with a channel of its own at the same provider, whose token was revoked there."""

    stack: Stack
    folder: Path
    workspace: str
    channel_id: str

    def connect(self, auth_token: str) -> None:
        """Connect their channel, or change it."""
        self.stack.proactivectl(
            *("channel", "connect", "--workspace", self.workspace, "--id", self.channel_id, "--name", "Their line"),
            *("--channel", SMS.kind, "--provider", SMS.provider, "--sender", SMS.sender),
            *("--setting", f"base_url={self.stack.surroundings.url('sandbox', f'/{SMS.provider}')}"),
            *("--credential", "account_sid=env:SANDBOX_TWILIO_ACCOUNT_SID", "--credential", f"auth_token={auth_token}"),
        )

    def request(self) -> dict[str, Any]:
        """What a service of theirs asks for."""
        return bus.send_requested(new_number(), new_text(), workspace_id=self.workspace, channel_id=self.channel_id)


@pytest.fixture
def company(stack: Stack, tmp_path: Path) -> Iterator[Company]:
    """Connected while the test runs."""
    other = Company(stack, tmp_path, f"other{uuid4().hex[:8]}", str(uuid4()))
    token = ("--token", "env:SANDBOX_INTERCOM_TOKEN")
    stack.proactivectl("workspace", "add", other.workspace, "--name", "Another company", *token)
    (tmp_path / "revoked").write_text("revoked")
    other.connect(f"file:{tmp_path / 'revoked'}")
    yield other
    stack.proactivectl("channel", "disable", other.channel_id)


def test_company_whose_channel_is_refused_disturbs_nobody_else(
    scene: CheckedScene, tracker: Tracker, company: Company
) -> None:
    events = [company.request() for _ in range(MANY)]
    bus.publish(scene.stack.amqp_url, *events)
    for event in events:
        message = tracker.await_status(event["data"]["message_id"], "waiting", workspace_id=company.workspace)
        assert (message["reason"], message["provider_code"]) == ("channel_blocked", "20003")
    assert cause_of(scene, company.channel_id) == "blocked"
    channel = scene.operators.channels()[SMS.id]
    assert (channel["state"], channel["breaker"], channel["provider_breaker"]) == ("open", None, None)
    calls = sum(len(scene.outside.submissions(event["data"]["recipient"])) for event in events)

    panel = scene.compose(scene.person(), text := new_text())
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(panel.person.phone), [text])
    urgent = company.request()
    bus.publish(scene.stack.amqp_url, urgent, key="send.sms.interactive")
    message = tracker.await_status(urgent["data"]["message_id"], "failed", workspace_id=company.workspace)
    assert (message["reason"], message["provider_code"]) == ("channel_blocked", "20003")
    assert not scene.outside.submissions(urgent["data"]["recipient"]), "nobody calls who knows the answer"
    assert sum(len(scene.outside.submissions(event["data"]["recipient"])) for event in events) == calls

    company.connect("env:SANDBOX_TWILIO_AUTH_TOKEN")
    for event in events:
        tracker.await_status(event["data"]["message_id"], "delivered", seconds=40, workspace_id=company.workspace)
        assert scene.outside.received(event["data"]["recipient"]) == [event["data"]["content"]["text"]]
    assert cause_of(scene, company.channel_id) is None
