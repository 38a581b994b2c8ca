"""`proactivectl doctor` and `status` beside running services: what is kept from working is told, with what to do."""

import json
import sys
from subprocess import run
from typing import Any

from devstack.channels import SMS
from devstack.demo.checks import eventually
from devstack.demo.scene import WORKER, new_number
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker


def doctor(scene: CheckedScene, code: int, **env: str) -> dict[str, tuple[str, str, str | None]]:
    """State, what was found and the advice, by check; of several findings the last."""
    own = scene.stack.env_of("proactivectl") | env
    done = run([sys.executable, "-m", "proactivectl", "doctor", "--json"], env=own, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return {one["check"]: (one["state"], one["found"], one["advice"]) for one in json.loads(done.stdout)["checks"]}


def status(scene: CheckedScene) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(scene.stack.proactivectl("status", "--json"))
    return document


def test_nothing_is_wrong_with_a_stack_that_runs(scene: CheckedScene) -> None:
    found = doctor(scene, 0)
    assert {name for name, (state, _, _) in found.items() if state == "not checked"} == {
        "management",
        "broker alarms",
        "bindings",
        "clock: broker",
    }
    assert found["readers"][:2] == ("ok", "somebody reads each of 7 queues")


def test_wrong_tokens_are_told_and_hide_nothing_else(scene: CheckedScene) -> None:
    tokens = {f"PROACTIVE_{name}_TOKEN": "another" for name in ("DISPATCHER", "TRACKER", "TRACKER_OPERATORS")}
    found = doctor(scene, 1, **tokens)
    for check, variable in (("dispatcher", "DISPATCHER"), ("history", "TRACKER"), ("tracker", "TRACKER_OPERATORS")):
        state, words, advice = found[check]
        assert state == "wrong"
        assert str(advice).startswith(f"Correct PROACTIVE_{variable}_TOKEN, or")
        assert words.endswith("refused our token")
    assert found["senders"][:2] == ("not checked", "dispatcher is wrong, see there")
    assert found["webhooks"][0] == "ok"


def test_addresses_that_lead_elsewhere_are_told(scene: CheckedScene) -> None:
    elsewhere = scene.stack.sandbox_url
    names = ("DISPATCHER", "TRACKER", "TRACKER_OPERATORS", "WEBHOOKS")
    found = doctor(scene, 1, **{f"PROACTIVE_{name}_URL": elsewhere for name in names})
    for check in ("dispatcher", "history", "tracker", "webhooks"):
        assert found[check][0] == "wrong", found[check]
        assert elsewhere in found[check][1]


def test_webhooks_that_do_not_run_are_told(scene: CheckedScene) -> None:
    scene.stack.stop_service("dispatcher-webhooks")
    found = doctor(scene, 1)
    assert found["webhooks"][1].endswith("cannot be reached from here (connection refused)")
    assert found["dispatcher"][0] == "wrong"


def test_paused_channel_is_a_warning_and_stands_first_in_status(scene: CheckedScene) -> None:
    scene.stack.proactivectl("channel", "pause", SMS.id)
    state, words, advice = doctor(scene, 0)["senders"]
    assert state == "warning"
    assert words.startswith("Support line (sms) is paused: paused by ")
    assert advice == f"If it should send: proactivectl channel resume {SMS.id}"
    shown = scene.stack.proactivectl("status")
    assert next(line for line in shown.splitlines() if "sandbox1" in line).startswith("Support line")


def test_worker_that_does_not_run_is_told_and_what_waits_for_it_is_shown(scene: CheckedScene, tracker: Tracker) -> None:
    scene.stack.stop_service(WORKER)
    event = bus.send_requested(new_number(), new_text())
    bus.publish(scene.stack.amqp_url, event)
    tracker.await_status(event["data"]["message_id"], "queued")
    seen = status(scene)
    (lane,) = [one for one in seen["lanes"] if (one["channel"], one["lane"]) == ("sms", "bulk")]
    assert (lane["queued"], lane["workers"]) == (1, 0)
    assert 0 <= lane["oldest_seconds"] < 60
    assert {"channel": "sms", "lane": "bulk", "status": "queued"}.items() <= seen["waiting"][0].items()
    assert doctor(scene, 1)["readers"][1:] == (
        "nobody reads dispatcher.sms.bulk",
        "Start a worker: dispatcher worker --channel sms",
    )
    scene.stack.start_service(WORKER)
    tracker.await_status(event["data"]["message_id"], "delivered")
    eventually(lambda: status(scene)["lanes"][1]["queued"], lambda queued: queued == 0, "an empty lane")
