"""Sent messages: scopes, pages, details, and the same over HTTP."""

from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from devstack.channels import VIBER, WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.panel import TOM
from devstack.demo.scene import FAILED, SENT, new_number, not_see, see
from devstack.demo.steps.looking import narrow
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


def test_history_opens_on_the_agent_s_own_sends(scene: CheckedScene) -> None:
    person = scene.person()
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    see(scene.compose(person, new_text(), TOM).press("Send message"), SENT)
    scene.history(scene.panel(person), person.name, TOM.name, scope="conversation")
    opened = scene.panel(person).press("View sent messages")
    assert opened.component("history.scope")["value"] == "mine"
    see(not_see(opened, TOM.name), "Maria Lopez")


def test_channel_and_status_and_number_narrow_what_an_agent_sees(scene: CheckedScene) -> None:
    person = scene.person()
    number = str(person.phone)
    scene.outside.provider("invalid_number", remaining=1)
    see(scene.compose(person, new_text()).press("Send message"), FAILED)
    see(scene.compose(person, new_text(), through=WHATSAPP).press("Send message"), SENT)
    see(scene.compose(person, new_text(), TOM, through=WHATSAPP).press("Send message"), SENT)
    panel = scene.panel(person)
    panel.press("View sent messages")
    spellings = (
        number,
        f"00{number[1:]}",
        f"0{number[3:]}",
        f"{number[:3]} (0) {number[3:6]} / {number[6:]}",
        number[-8:],
    )
    for spelling in spellings:
        shown = eventually(partial(narrow, panel, spelling), lambda screen: len(screen.rows()) == 2, "two messages")
        see(shown, f"Only: {spelling}")
    rows = narrow(panel, number, channel="WhatsApp").rows()
    assert len(rows) == 1
    assert rows[0]["subtitle"].startswith("WhatsApp · ")
    rows = narrow(panel, number, status="Failed").rows()
    assert [row["subtitle"].partition(":")[0] for row in rows] == ["SMS · Failed"]
    see(narrow(panel, number, channel="WhatsApp", status="Failed"), "None of your messages fits: WhatsApp · Failed")
    narrow(panel, number, channel="WhatsApp")
    assert len(panel.choose("history.scope", "everyone").rows()) == 2
    assert len(panel.choose("history.scope", "conversation").rows()) == 2
    see(panel.press("Clear filter"), "SMS · Failed")
    assert len(panel.screen.rows()) == 3


def test_message_is_found_by_its_id(scene: CheckedScene, tracker: Tracker) -> None:
    person, text = scene.person(), new_text()
    see(scene.compose(person, text).press("Send message"), SENT)
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    panel = scene.panel(scene.person())
    scene.history(panel, person.name)
    wanted = next(one for one in tracker.page(limit=50)["messages"] if one["text"] == text)["message_id"]
    (row,) = narrow(panel, wanted.upper()).rows()
    see(panel.press(row["id"]), text)
    see(panel.press("Back"), f"Only: {wanted.upper()}")
    see(
        panel.choose("history.scope", "conversation"),
        f"No message of this conversation fits: {wanted.upper()}.",
        'Choose "Everyone"',
    )
    see(narrow(panel, "call me"), "This is no message ID, no number, and not the last 6 digits of one.")
    assert panel.screen.component("filter.search")["save_state"] == "failed"
    assert panel.screen.value("Number or message ID") == "call me"
    see(panel.press("Back"), "Sent messages")


def test_pages_of_a_filter_stay_within_it(scene: CheckedScene, tracker: Tracker) -> None:
    number = new_number()
    events = [bus.send_requested(number, new_text()) for _ in range(12)]
    bus.publish(scene.stack.amqp_url, *events, bus.send_requested(new_number(), new_text()))
    for event in events:
        tracker.await_status(event["data"]["message_id"], "sent", "delivered")
    panel = scene.panel(scene.person())
    panel.press("View sent messages")
    panel.choose("history.scope", "everyone")
    newest = narrow(panel, number).rows()
    oldest = panel.press("Older").rows()
    assert (len(newest), len(oldest)) == (10, 2)
    assert all(number in row["title"] for row in (*newest, *oldest))
    assert len({row["id"] for row in (*newest, *oldest)}) == 12
    assert [row["id"] for row in panel.press("Newer").rows()] == [row["id"] for row in newest]


def test_export_and_time_range_over_http(scene: CheckedScene, tracker: Tracker) -> None:
    number, began = new_number(), datetime.now(UTC)
    events = [bus.send_requested(number, text) for text in ('=1+1, "quoted"', new_text())]
    bus.publish(scene.stack.amqp_url, *events)
    for event in events:
        tracker.await_status(event["data"]["message_id"], "sent", "delivered")
    lines = tracker.export(**{"search": number, "channel": "sms", "from": began.isoformat()})
    assert {line["message_id"] for line in lines} == {event["data"]["message_id"] for event in events}
    assert {line["recipient"] for line in lines} == {number}
    assert '\'=1+1, "quoted"' in {line["text"] for line in lines}
    assert tracker.export(search=number, to=began.isoformat()) == []
    assert tracker.export(search=number, channel=VIBER.kind) == []
    assert (
        len(tracker.page(**{"search": number, "status": "sent,delivered", "from": began.isoformat()})["messages"]) == 2
    )
    path = "/v1/workspaces/sandbox1/messages"
    assert tracker.get(f"{path}.csv", token="wrong").status == 401
    refused = tracker.get(f"{path}?cursor=broken")
    assert (refused.status, "not a cursor of this API" in refused.json()["detail"]) == (400, True)


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


def test_filter_survives_a_history_that_is_down(scene: CheckedScene) -> None:
    person = scene.person()
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    panel = scene.panel(person)
    scene.history(panel, person.name)
    scene.stack.stop_service("status_tracker")
    try:
        see(narrow(panel, str(person.phone)), "The sent messages cannot be read right now.", "Try again")
        assert panel.press("Back").value("Number or message ID") == person.phone
        see(panel.press("Show messages"), "The sent messages cannot be read right now.")
    finally:
        scene.stack.start_service("status_tracker")
    see(panel.press("Try again"), f"Only: {person.phone}", person.name)
