"""Sent messages: scopes, pages, details, and the same over HTTP."""

from uuid import uuid4

from devstack.demo.panel import TOM
from devstack.demo.scene import FAILED, SENT, new_number, not_see, see
from devstack.demo.steps.refusing import RESEND
from tests.support import bus
from tests.support.panel import CheckedScene, new_text
from tests.support.tracker import Tracker


def test_scopes_show_mine_this_conversation_and_everyone(scene: CheckedScene) -> None:
    here, elsewhere = scene.person(), scene.person()
    see(scene.compose(here, new_text(), TOM).press("Send message"), SENT)
    see(scene.compose(elsewhere, new_text()).press("Send message"), SENT)
    panel = scene.panel(here)
    not_see(scene.history(panel, elsewhere.name), here.name)
    see(not_see(panel.choose("history.scope", "conversation"), elsewhere.name), here.name, TOM.name)
    see(panel.choose("history.scope", "everyone"), here.name, elsewhere.name)


def test_conversation_without_messages_says_so(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    scene.history(panel, "No messages were sent in this conversation yet.", scope="conversation")


def test_twelve_messages_are_two_pages(scene: CheckedScene, tracker: Tracker) -> None:
    person = scene.person()
    thread = {"conversation_id": person.conversation_id, "open_new": False}
    numbers = [new_number() for _ in range(12)]
    events = [bus.send_requested(number, new_text(), thread=thread) for number in numbers]
    bus.publish(scene.stack.amqp_url, *events)
    for event in events:
        tracker.await_status(event["data"]["message_id"], "sent", "delivered")
    panel = scene.panel(person)
    assert len(panel.screen.rows()) == 2
    newest = scene.history(panel, scope="conversation").rows()
    assert len(newest) == 10
    oldest = panel.press("Older").rows()
    assert len(oldest) == 2
    assert not {row["id"] for row in newest} & {row["id"] for row in oldest}
    assert "Older" not in panel.screen.buttons()
    assert [row["id"] for row in panel.press("Newer").rows()] == [row["id"] for row in newest]


def test_pages_over_http_hold_each_message_once_newest_first(scene: CheckedScene, tracker: Tracker) -> None:
    person = scene.person()
    thread = {"conversation_id": person.conversation_id, "open_new": False}
    events = [bus.send_requested(new_number(), new_text(), thread=thread) for _ in range(5)]
    bus.publish(scene.stack.amqp_url, *events)
    for event in events:
        tracker.await_status(event["data"]["message_id"], "sent", "delivered")
    found = []
    query: dict[str, str | int] = {"conversation_id": person.conversation_id, "limit": 2}
    while True:
        page = tracker.page(**query)
        found += [(one["requested_at"], one["message_id"]) for one in page["messages"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert {message_id for _, message_id in found} == {event["data"]["message_id"] for event in events}
    assert len(found) == 5
    assert [at for at, _ in found] == sorted((at for at, _ in found), reverse=True)


def test_unknown_message_is_a_problem_that_names_it(tracker: Tracker) -> None:
    missing = uuid4()
    answer = tracker.get(f"/v1/workspaces/sandbox1/messages/{missing}")
    assert answer.status == 404
    assert str(missing) in answer.json()["detail"]
    assert tracker.get("/v1/workspaces/sandbox1/messages?limit=none").status == 400


def test_details_of_a_failure_have_the_provider_s_words_and_a_timeline(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    see(panel.press("Send message"), FAILED)
    panel.press("Finish")
    scene.history(panel, person.name, "Failed")
    panel.press(panel.screen.row(person.name, "Failed"))
    see(panel.screen, "Status: Failed", "Timeline", "21211", text, RESEND)
    timeline = [line for line in panel.screen.texts() if "(our sender)" in line or "(the panel)" in line]
    assert len(timeline) >= 2, panel.screen


def test_history_that_is_down_is_told_and_sending_still_works(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.stack.stop_service("status_tracker")
    try:
        panel = scene.compose(person, text)
        see(panel.press("Send message"), SENT)
        see(panel.press("Done"), "The last messages cannot be shown right now.")
        see(panel.press("View sent messages"), "The sent messages cannot be read right now.", "Try again")
    finally:
        scene.stack.start_service("status_tracker")
    scene.outside.await_received(str(person.phone), [text])
    scene.outside.await_note(person.conversation_id, text)
    see(panel.press("Try again"), "Sent messages", person.name)
