"""What dies or goes away in the middle of a message, beyond what the demo shows."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.backends import Backends
from devstack.demo.checks import eventually
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENDING, SENT, WORKER, not_see, see
from tests.support.panel import CheckedScene, new_text

CALL_SECONDS = 3

WITHOUT_A_DATABASE = (
    "Our settings for this workspace cannot be read right now.",
    "The last messages cannot be shown right now.",
)
"""The second one while the gateway still remembers the workspace, which is for some seconds."""


@pytest.fixture
def ours(backends: Backends) -> Backends:
    """Broker and database that we may mistreat."""
    if "URL" in backends.broker_kind + backends.database_kind:
        pytest.skip("AMQP_URL or DATABASE_URL names a server that is not ours to stop")
    return backends


def during_the_call(scene: CheckedScene, panel: Panel) -> None:
    """The provider has the request of this panel and has not answered yet."""
    number = str(panel.person.phone)
    eventually(lambda: scene.outside.submissions(number), bool, "the request at the provider")


def test_worker_that_is_told_to_stop_ends_its_call_first(scene: CheckedScene) -> None:
    scene.outside.provider("slow", delay_seconds=CALL_SECONDS, remaining=1)
    panel = scene.compose(scene.person(), text := new_text())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(panel.press, "Send message")
        during_the_call(scene, panel)
        scene.stack.stop_service(WORKER)
        not_see(answer.result(), FAILED)
    assert scene.stack.process(WORKER).exit_code == 0
    scene.stack.start_service(WORKER)
    scene.refresh_until(panel, SENT)
    assert scene.outside.received(str(panel.person.phone)) == [text]


def test_outcome_is_kept_until_the_database_is_back(scene: CheckedScene, ours: Backends) -> None:
    scene.outside.provider("slow", delay_seconds=CALL_SECONDS, remaining=1)
    panel = scene.compose(scene.person(), text := new_text())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(panel.press, "Send message")
        during_the_call(scene, panel)
        ours.database.kill()
        try:
            not_see(see(answer.result(), SENDING), SENT, FAILED)
            home = scene.panel(panel.person).screen
            assert any(map(home.shows, WITHOUT_A_DATABASE)), home
        finally:
            ours.database.start()
    scene.refresh_until(panel, SENT)
    assert len(scene.outside.submissions(str(panel.person.phone))) == 1
    scene.outside.await_note(panel.person.conversation_id, text)


def test_confirmed_messages_survive_a_broker_that_crashes(scene: CheckedScene, ours: Backends) -> None:
    scene.stack.stop_service(WORKER)
    panel = scene.compose(scene.person(), text := new_text())
    see(panel.press("Send message"), SENDING, "The channel has not answered yet.")
    ours.broker.kill()
    ours.broker.start()
    scene.stack.start_service(WORKER)
    scene.outside.await_received(str(panel.person.phone), [text])
    scene.refresh_until(panel, SENT)
    scene.outside.await_note(panel.person.conversation_id, text)


def test_gateway_that_restarts_tells_what_became_of_a_message(scene: CheckedScene) -> None:
    scene.outside.provider("slow", delay_seconds=CALL_SECONDS, remaining=1)
    panel = scene.compose(scene.person(), text := new_text())
    panel.press_and_lose_the_answer("Send message")
    during_the_call(scene, panel)
    scene.stack.kill("canvas_gateway")
    scene.stack.start_service("canvas_gateway")
    not_see(panel.press("Send message"), FAILED)
    scene.refresh_until(panel, SENT)
    assert scene.outside.received(str(panel.person.phone)) == [text]
