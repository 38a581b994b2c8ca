"""
Each procedure of docs/runbook.md, typed as it is printed, on a stack that runs: it does what the page says.

What needs a cluster, a provider's console or a backup (its `console` blocks) is done by the test in the
stack's own way.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pika
import pytest

from devstack.backends import Backends
from devstack.channels import SMS, WHATSAPP, WORKSPACE
from devstack.demo.checks import Unexpected, eventually
from devstack.demo.panel import Panel, Person
from devstack.demo.scene import FAILED, SENT, WORKER, new_number, see
from devstack.demo.steps.deciding import MARKED_SENT, left_open
from devstack.errors import BackendError
from devstack.postgres import Postgres
from devstack.probes import run_async
from devstack.processes import Process
from devstack.progress import Silent
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_install import ensure_rabbitmq
from devstack.stack import Stack
from tests.support import bus
from tests.support.backends import missing_backend, temporary_state
from tests.support.panel import CheckedScene, new_text
from tests.support.runbook import FILLED_IN, PAGE, Night, below, filled_in, procedures
from tests.support.tracker import Tracker

READ_ANEW_SECONDS = 20
"""The management plugin counts every five seconds, and services connect anew within as many."""

READ_BY_ALL_SECONDS = 6
"""Services read a channel anew when what they know of it is five seconds old; the page says ten."""

HELD_SECONDS = 20
"""Longer than a backup takes, with everything stopped and started again."""

BULK = "dispatcher.sms.bulk"
WITH_CHANNEL_KEYS = ("dispatcher-sms", "dispatcher-whatsapp", "dispatcher-viber", "dispatcher-webhooks")
WITH_WORKSPACE_KEYS = ("canvas_gateway", "status_tracker")

PROCEDURES = procedures(PAGE.read_text())


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    """Servers of our own, to be mistreated, and a broker with the management plugin."""
    with temporary_state("runbook") as state:
        try:
            broker = RabbitMQ(state, scripts=ensure_rabbitmq(print), management=True)
            yield Backends(broker, Postgres(state, durable=False), "private node", "private server")
        except BackendError as error:
            missing_backend(error)


@pytest.fixture(scope="module")
def stack(backends: Backends, stack_overrides: dict[str, dict[str, str]]) -> Iterator[Stack]:
    """A stack of our own on them."""
    broker = backends.broker
    assert isinstance(broker, RabbitMQ)
    overrides = {**stack_overrides, "proactivectl": {"PROACTIVE_MANAGEMENT_URL": broker.management_url}}
    with (
        temporary_state("runbook-stack") as state,
        Stack(state.folder, overrides=overrides, progress=Silent(), backends=backends) as whole,
    ):
        yield whole


@pytest.fixture
def night(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Night]:
    """The procedure that the test's mark names; all that it says is typed in the end."""
    (title,) = request.node.get_closest_marker("procedure").args
    someone = Night(PROCEDURES[title], stack)
    yield someone
    failed = request.session.testsfailed
    assert failed or not someone.left_out(), f"{title}: not typed: {someone.left_out()}"


def ask(stack: Stack, **more: Any) -> dict[str, Any]:
    """A service's message."""
    event = bus.send_requested(new_number(), new_text(), **more)
    bus.publish(stack.amqp_url, event)
    return event


def id_of(event: Mapping[str, Any]) -> str:
    return str(event["data"]["message_id"])


def number_of(event: Mapping[str, Any]) -> str:
    return str(event["data"]["recipient"])


def lane(shown: str, *name: str) -> list[str]:
    """The cells of a lane as `status` prints it, after its name."""
    (found,) = [line.split() for line in shown.splitlines() if line.split()[: len(name)] == list(name)]
    return found[len(name) :]


def all_is_well(night: Night, block: int) -> str:
    """`doctor` has nothing wrong, once everybody is back."""
    seen: list[str] = []

    def look() -> str:
        seen.append(night.types(block, code=None))
        return seen[-1]

    return eventually(look, lambda said: "wrong  " not in said, "a doctor with nothing wrong", READ_ANEW_SECONDS)


def workers_of(night: Night, block: int, name: str, wanted: str) -> None:
    """`status` shows so many workers for a lane of SMS."""
    eventually(
        lambda: lane(night.types(block), "sms", name)[-1],
        lambda workers: workers == wanted,
        f"{wanted} workers",
        READ_ANEW_SECONDS,
    )


def restart(stack: Stack, names: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Restart processes with these variables on top."""
    for name in names:
        stack.stop_service(name)
        stack.start_service(name, env, wait=False)
    for name in names:
        stack.wait_ready(name)


# The page itself


def test_every_procedure_is_played_here() -> None:
    marks = [
        mark for thing in globals().values() for mark in getattr(thing, "pytestmark", ()) if mark.name == "procedure"
    ]
    assert sorted(mark.args[0] for mark in marks) == sorted(PROCEDURES)


def test_every_procedure_says_what_is_seen_what_it_means_and_how_it_ends() -> None:
    for text in below(PAGE.read_text(), "Procedures").split("\n### ")[1:]:
        for part in ("**You see**", "**It means**", "**It worked when**"):
            assert part in text, f"{text.splitlines()[0]}: {part}"


def test_only_these_need_more_than_a_stack() -> None:
    assert {title for title, one in PROCEDURES.items() if one.elsewhere} == {
        "Stop a channel now, and start it again",
        "Scale a channel by hand",
        "Rotate the secret keys",
        "Rotate Intercom's client secret",
        "The broker restarts, or lost a node",
        "The database fails over",
        "Restore the database from a backup",
        "Upgrade a release, or roll it back",
        "The tracker is behind",
    }
    assert {title for title, one in PROCEDURES.items() if not one.commands} == {"Rotate Intercom's client secret"}


def test_words_in_capitals_are_explained_and_filled_in() -> None:
    page = PAGE.read_text()
    assert all(f"`{word}`" in page.split("## Start here")[0] for word in FILLED_IN)
    assert filled_in('x "$QUEUE" QUEUE MESSAGE_ID_2', {"QUEUE": "q"}) == 'x "$QUEUE" q MESSAGE_ID_2'
    with pytest.raises(KeyError):
        filled_in("PHONE", {})


# The procedures


@pytest.mark.procedure("Start here")
def test_everything_is_well(night: Night, scene: CheckedScene) -> None:
    assert "Everything is as it should be." in all_is_well(night, 1)
    for name in ("interactive", "bulk"):
        workers_of(night, 1, name, "1")


@pytest.mark.procedure("Stop a channel now, and start it again")
def test_channel_is_stopped_and_started(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    assert "paused by" in night.types(1, CHANNEL_ID=SMS.id)
    event = ask(scene.stack)
    assert tracker.await_status(id_of(event), "waiting")["reason"] == "channel_paused"
    assert not scene.outside.submissions(number_of(event))
    assert "goes on" in night.types(2, CHANNEL_ID=SMS.id)
    tracker.await_status(id_of(event), "delivered")


@pytest.mark.procedure("Scale a channel by hand")
def test_another_worker_is_seen(night: Night, scene: CheckedScene) -> None:
    with another_worker(scene.stack):
        for name in ("interactive", "bulk"):
            workers_of(night, 1, name, "2")
    assert "sends at most 20 a second" in night.types(2, CHANNEL_ID=SMS.id)


@contextmanager
def another_worker(stack: Stack) -> Iterator[None]:
    name, state = f"{WORKER}-2", stack.state
    process = Process(
        name,
        [sys.executable, "-m", "dispatcher", "worker", "--channel", SMS.kind],
        env=stack.env_of(WORKER) | {"PROACTIVE_OPS_PORT": "0"},
        log=state.logs / f"{name}.log",
        pid_file=state.pids / f"{name}.pid",
        cwd=state.folder,
    )
    process.start()
    try:
        yield
    finally:
        process.stop()


@pytest.mark.procedure("Look at what is parked, replay it or drop it")
def test_parked_is_replayed_or_dropped(night: Night, scene: CheckedScene) -> None:
    good = bus.send_requested(new_number(), new_text())
    hopeless = {**bus.send_requested(new_number(), new_text()), "type": "proactive.send_requested.v99"}
    with bus.channel_to(scene.stack.amqp_url) as channel:
        properties = pika.BasicProperties(headers={"x-proactive-reason": "unstorable"}, message_id=good["id"])
        channel.basic_publish("proactive.dead", f"{BULK}.parked", json.dumps(good).encode(), properties)
    bus.publish(scene.stack.amqp_url, hopeless)
    eventually(lambda: len(parked(scene.stack)), lambda found: found == 3, "what is parked")
    said = night.types(1, EVENT_ID=good["id"])
    assert good["data"]["content"]["text"] not in said
    assert "unstorable" in said
    assert "unsupported" in said
    assert "1 message replayed." in night.types(2, QUEUE=BULK, REASON="unstorable")
    scene.outside.await_received(number_of(good), [good["data"]["content"]["text"]])
    assert "2 messages dropped." in night.types(3, EVENT_ID=hopeless["id"])
    assert parked(scene.stack) == []
    assert not scene.outside.submissions(number_of(hopeless))


def parked(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stack.proactivectl("parked", "list", "--json"))["parked"]
    return found


@pytest.mark.procedure("A provider's account is blocked, and comes back")
def test_blocked_channel_comes_back(night: Night, scene: CheckedScene) -> None:
    scene.outside.provider("unauthorized", remaining=1)
    see(scene.compose(scene.person(), new_text()).press("Send message"), FAILED)
    eventually(lambda: scene.operators.channels()[SMS.id]["state"], lambda state: state == "blocked", "it blocked")
    assert "20003" in night.types(1)
    night.types(2)
    night.types(3, CHANNEL_ID=SMS.id)
    panel = scene.compose(scene.person(), new_text())
    panel.press("Send message")
    scene.refresh_until(panel, SENT)
    assert "3 channels may send" in scene.stack.proactivectl("doctor")


@pytest.mark.slow
@pytest.mark.procedure("Rotate the secret keys")
def test_keys_are_rotated(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    old = scene.stack.env_of("proactivectl")
    variables = ("PROACTIVE_WORKSPACE_KEYS", "PROACTIVE_CHANNEL_KEYS")
    new = night.types(1).strip()
    both = {name: f"{new},{old[name]}" for name in variables}
    restart(scene.stack, WITH_WORKSPACE_KEYS + WITH_CHANNEL_KEYS, both)
    try:
        said = night.types(2, env=both)
        assert "4 of 4 secrets sealed anew." in said
        keys = [line.split()[-1] for line in said.splitlines() if line.startswith(("workspace ", "channel "))]
        assert keys == ["newest"] * 4
        night.types(2, env=dict.fromkeys(variables, new))  # the older one is not needed any more
        tracker.await_status(id_of(ask(scene.stack)), "delivered")
    finally:
        night.types(2, env={name: f"{old[name]},{new}" for name in variables})
        restart(scene.stack, WITH_WORKSPACE_KEYS + WITH_CHANNEL_KEYS)


@pytest.mark.slow
@pytest.mark.procedure("Rotate a provider's token")
def test_token_of_a_provider_is_rotated(night: Night, scene: CheckedScene) -> None:
    token = {"SANDBOX_META_ACCESS_TOKEN": "another-token"}
    try:
        night.types(1, env=token)
        time.sleep(READ_BY_ALL_SECONDS)
        scene.stack.restart("sandbox", token)  # the provider ends the old one
        panel = scene.compose(scene.person(), text := new_text(), through=WHATSAPP)
        panel.press("Send message")
        scene.refresh_until(panel, SENT)
        assert scene.outside.of(WHATSAPP).received(str(panel.person.phone)) == [text]
        assert "3 channels may send" in night.types(2, env=token)
    finally:
        night.types(1)
        time.sleep(READ_BY_ALL_SECONDS)
        scene.stack.restart("sandbox")


@pytest.mark.procedure("Rotate Intercom's client secret")
@pytest.mark.usefixtures("night")
def test_client_secret_is_rotated(scene: CheckedScene) -> None:
    person, old, new = scene.person(), scene.app.client_secret, "another client secret"
    variable = "PROACTIVE_INTERCOM_CLIENT_SECRETS"
    try:
        scene.stack.restart("canvas_gateway", {variable: f"{new},{old}"})
        for secret in (old, new):
            assert opens(scene, secret, person)
        scene.stack.restart("canvas_gateway", {variable: new})
        assert opens(scene, new, person)
        assert not opens(scene, old, person)
    finally:
        scene.stack.restart("canvas_gateway")


def opens(scene: CheckedScene, secret: str, person: Person) -> bool:
    """Whether the panel opens where Intercom signs with this secret."""
    panel = Panel(replace(scene.app, client_secret=secret), person)
    try:
        return panel.open().shows("Send a proactive message")
    except Unexpected:
        return False


@pytest.mark.procedure("A message that may have been sent")
def test_unknown_message_is_found_and_resolved(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    scene.outside.of(WHATSAPP).provider("error_after_accepting", remaining=1, receipts="none")
    panel = left_open(scene, new_text())
    message_id = str(tracker.latest_to(str(panel.person.phone))["message_id"])
    said = night.types(1, WORKSPACE=WORKSPACE, MESSAGE_ID=message_id)
    assert [line for line in said.splitlines() if "May have been sent" in line and message_id in line]
    assert "It counts as: Sent." in night.types(2, WORKSPACE=WORKSPACE, MESSAGE_ID=message_id)
    see(panel.press("Refresh status"), SENT, MARKED_SENT)


@pytest.mark.procedure("Find one message and its whole way")
def test_message_is_found_by_its_number(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    event = ask(scene.stack)
    tracker.await_status(id_of(event), "delivered")
    for phone in (number_of(event), number_of(event)[-6:]):
        said = night.types(1, WORKSPACE=WORKSPACE, MESSAGE_ID=id_of(event), PHONE=phone)
        assert [line for line in said.splitlines() if "Delivered" in line and line.endswith(id_of(event))]
        assert "dispatcher: accepted" in said
        assert number_of(event)[1:] not in said
        assert event["data"]["content"]["text"] not in said


@pytest.mark.procedure("Erase a person")
def test_person_is_erased(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    event = ask(scene.stack)
    tracker.await_status(id_of(event), "delivered")
    said = night.types(1, WORKSPACE=WORKSPACE, PHONE=number_of(event))
    assert "is kept:" in said
    assert "was erased: " in said
    again = scene.stack.proactivectl("erase", "--workspace", WORKSPACE, "--phone", number_of(event))
    assert "Nothing is kept of" in again


@pytest.mark.procedure("A dispatcher's binding is missing")
def test_missing_binding_is_named_and_made(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    with bus.channel_to(scene.stack.amqp_url) as channel:
        channel.queue_unbind(BULK, "proactive.requests", "send.sms.bulk")
    missing = f"missing binding of queue {BULK} to send.sms.bulk on exchange proactive.requests"
    lost = ask(scene.stack, seconds=1.5)
    tracker.await_status(id_of(lost), "not_confirmed")
    found = night.runs("doctor", code=1)
    said = night.types(1)
    assert missing in found
    assert said.startswith(missing)
    assert said.endswith("No difference.\n")
    tracker.await_status(id_of(ask(scene.stack)), "delivered")
    assert not scene.outside.submissions(number_of(lost))


@pytest.mark.slow
@pytest.mark.procedure("The broker restarts, or lost a node")
def test_broker_that_crashes_loses_nothing(
    night: Night, scene: CheckedScene, tracker: Tracker, backends: Backends
) -> None:
    scene.stack.stop_service(WORKER)
    event = ask(scene.stack)
    backends.broker.kill()
    try:
        assert "does not answer" in night.types(1, code=1)
    finally:
        backends.broker.start()
    scene.stack.start_service(WORKER)
    tracker.await_status(id_of(event), "delivered", seconds=40)
    all_is_well(night, 1)
    assert scene.outside.received(number_of(event)) == [event["data"]["content"]["text"]]


@pytest.mark.procedure("The database fails over")
def test_database_that_was_away_loses_nothing(
    night: Night, scene: CheckedScene, tracker: Tracker, backends: Backends
) -> None:
    backends.database.kill()
    try:
        event = ask(scene.stack)
        assert "does not answer" in night.types(1, code=1)
    finally:
        backends.database.start()
    tracker.await_status(id_of(event), "delivered", seconds=40)
    all_is_well(night, 1)
    assert scene.outside.received(number_of(event)) == [event["data"]["content"]["text"]]


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.procedure("Restore the database from a backup")
def test_what_was_sent_since_the_backup_is_stopped(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=HELD_SECONDS)).isoformat()
    sent, unsent = ask(scene.stack, not_before=later), ask(scene.stack, not_before=later)
    for event in (sent, unsent):
        tracker.await_status(id_of(event), "queued", "waiting")
        eventually(lambda event=event: scene.operators.job(id_of(event)), bool, "the job")  # type: ignore[misc]
    services = [name for name in scene.stack.names if name != "sandbox"]
    with_everything_stopped(scene.stack, services, "CREATE DATABASE backup TEMPLATE proactive")
    assert "Stopped" in scene.stack.proactivectl("message", "cancel", id_of(unsent), "--workspace", WORKSPACE)
    tracker.await_status(id_of(sent), "delivered", seconds=2 * HELD_SECONDS)

    restored = (
        "DROP DATABASE proactive WITH (FORCE)",
        "CREATE DATABASE proactive TEMPLATE backup",
        "DROP DATABASE backup",
    )
    with_everything_stopped(scene.stack, services, *restored, but=WORKER)
    night.types(1, CHANNEL_ID=SMS.id)
    scene.stack.start_service(WORKER)
    said = night.types(2, WORKSPACE=WORKSPACE, MESSAGE_ID=id_of(sent))
    assert id_of(sent) in said
    assert id_of(unsent) in said
    assert "Stopped." in said
    assert "1 messages wait" in night.types(3, CHANNEL_ID=SMS.id)
    tracker.await_status(id_of(unsent), "delivered")
    assert scene.outside.received(number_of(sent)) == [sent["data"]["content"]["text"]]
    assert scene.outside.received(number_of(unsent)) == [unsent["data"]["content"]["text"]]


def with_everything_stopped(stack: Stack, services: Sequence[str], *statements: str, but: str = "") -> None:
    """Do this to the databases while nobody is connected; all but `but` run again afterwards."""
    for name in services:
        stack.stop_service(name)

    async def execute() -> None:
        connection = await asyncpg.connect(stack.database_url.rpartition("/")[0] + "/postgres")
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_async(execute())
    for name in services:
        if name != but:
            stack.start_service(name, wait=False)
    for name in services:
        if name != but:
            stack.wait_ready(name)


@pytest.mark.procedure("Upgrade a release, or roll it back")
def test_release_that_is_there_is_up_to_date(night: Night, scene: CheckedScene) -> None:
    said = night.types(1)
    assert "The database is up to date." in said
    assert "Every exchange and queue was there" in said
    assert all_is_well(night, 2).count("as this release has it") == 3


@pytest.mark.procedure("The tracker is behind")
def test_history_that_is_behind_is_seen_and_catches_up(night: Night, scene: CheckedScene, tracker: Tracker) -> None:
    scene.stack.stop_service("status_tracker")
    events = [ask(scene.stack) for _ in range(5)]
    said = eventually(
        lambda: night.types(1, code=None),
        lambda shown: lane(shown, "history", "–")[-1] == "0" and int(lane(shown, "history", "–")[0]) >= 5,
        "what waits for the history",
        READ_ANEW_SECONDS,
    )
    assert "Nobody works on history." in said
    assert "nobody reads status_tracker.history" in said
    scene.stack.start_service("status_tracker")
    for event in events:
        tracker.await_status(id_of(event), "delivered")
    eventually(
        lambda: lane(night.types(1, code=None), "history", "–")[0], lambda queued: queued == "0", "an empty queue", 20
    )
