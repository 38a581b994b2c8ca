"""What all the tests before wrote into logs: no text, no number and no secret of anybody, and one trace a message."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from devstack.channels import CHANNELS, WORKSPACE
from devstack.demo.scene import FAILED, SENT, WORKER, see
from devstack.services import SERVICES
from tests.support.panel import MARK, CheckedScene, new_text
from tests.support.tracker import Tracker

NO_SECRETS = {"node_token", "twilio_account_sid"}
"""Part of the broker's name, and an account's public id."""

OURS = [f"{service.name}.log" for service in SERVICES if service.name != "sandbox"]

RECEIVER = "dispatcher-webhooks.log"
"""A provider does not say which trace a service had sent a message in."""

SHOWN_DIGITS = 4
"""Of a number, at its end; what is longer may stand nowhere by itself."""


def test_logs_are_json_and_hold_no_text_no_number_and_no_secret(scene: CheckedScene, tracker: Tracker) -> None:
    message_id, replied = play(scene, tracker)
    logs = {path.name: path.read_text(errors="replace") for path in scene.stack.state.logs.glob("*.log")}
    assert set(OURS) <= {name for name, log in logs.items() if log}
    for name, log in logs.items():
        for what, pattern in forbidden(scene, replied).items():
            found = re.search(pattern, log)
            assert found is None, f"{what} in {name}: {log[max(0, found.start() - 200) : found.end() + 60]}"
    lines = {name: [entry(name, line) for line in logs[name].splitlines()] for name in OURS}
    told = by_message(lines)
    for about, traces in told.items():
        known = {trace for name, trace in traces if name != RECEIVER}
        assert len(known) <= 1, f"{about} is told of in several traces: {sorted(traces)}"
    assert len({trace for _, trace in told[message_id]}) == 1, "the panel's messages have the trace of their receipts"
    tellers = {name for name, _ in told[message_id]}
    assert tellers >= {"canvas_gateway.log", f"{WORKER}.log", RECEIVER, "status_tracker.log"}


def play(scene: CheckedScene, tracker: Tracker) -> tuple[str, str]:
    """Sent, failed, replied to, noted at the second attempt, erased; the first one's id, and the words of the reply."""
    person, other, replied = scene.person(), scene.person(), new_text("Thanks, I have it.")
    panel = scene.compose(person, text := new_text())
    scene.outside.intercom("error_after_doing", only="notes", remaining=1)
    see(panel.press("Send message"), SENT)
    scene.outside.await_note(person.conversation_id, text)
    scene.outside.reply(str(person.phone), replied)
    scene.outside.provider("invalid_number", remaining=1)
    see(scene.compose(other, new_text()).press("Send message"), FAILED)
    message_id = str(tracker.latest_to(str(person.phone))["message_id"])
    tracker.await_status(message_id, "delivered")
    scene.stack.proactivectl("erase", "--phone", str(other.phone), "--workspace", WORKSPACE, "--json", seconds=90)
    return message_id, replied


def entry(name: str, line: str) -> Mapping[str, Any]:
    """One line of a service's."""
    try:
        told = json.loads(line)
    except ValueError:
        raise AssertionError(f"no JSON in {name}: {line}") from None
    assert isinstance(told, dict), f"no JSON object in {name}: {line}"
    assert {"event", "level", "service", "timestamp"} <= told.keys(), f"{name}: {line}"
    return told


def by_message(lines: Mapping[str, list[Mapping[str, Any]]]) -> Mapping[str, set[tuple[str, str]]]:
    """Who tells of each message, and in which trace."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for name, told in lines.items():
        for line in told:
            if line.get("message_id"):
                assert line.get("trace_id"), f"no trace_id in {name}: {line}"
                assert line.get("workspace_id") or line["event"].startswith("delivery_"), f"{name}: {line}"
                found[line["message_id"]].add((name, line["trace_id"]))
    return found


def forbidden(scene: CheckedScene, replied: str) -> dict[str, str]:
    """Patterns by what they stand for."""
    submissions = [row for channel in CHANNELS for row in scene.outside.of(channel).all_submissions()]
    numbers = {str(row["to"]).lstrip("+") for row in submissions if len(str(row["to"])) > 8}
    ends = {number[-digits:] for number in numbers for digits in range(SHOWN_DIGITS + 3, 10)}
    texts = {str(row["text"])[:40] for row in submissions if len(str(row["text"])) >= 12} | {MARK, replied}
    made_up = asdict(scene.stack.surroundings.secrets)
    secrets = {value for name, value in made_up.items() if name not in NO_SECRETS}
    for name in [service.name for service in SERVICES]:
        around = scene.stack.env_of(name)
        secrets |= {str(urlsplit(around[url]).password) for url in ("AMQP_URL", "DATABASE_URL") if url in around}
    return {
        "a full number": alternatives(numbers),
        "the end of a number": rf"(?<![\w.-])(?:{alternatives(ends)})(?![\w-])",
        "a text": alternatives(texts),
        "a secret": alternatives(secrets - {"None"}),
    }


def alternatives(words: set[str]) -> str:
    """A pattern for any of them."""
    return "|".join(map(re.escape, sorted(words)))
