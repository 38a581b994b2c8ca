"""Clicks, tabs and teammates that repeat each other."""

from concurrent.futures import ThreadPoolExecutor

from devstack.channels import WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.panel import TOM
from devstack.demo.scene import FAILED, SENDING, SENT, UNKNOWN, not_see, see
from devstack.demo.steps.opening import SEND_AND_OPEN
from devstack.demo.steps.refusing import RESEND
from tests.support.panel import CheckedScene, new_text


def test_double_click_sends_one(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    for screen in panel.press_at_once("Send message", 2):
        assert screen.shows(SENT) or screen.shows(SENDING), screen
    scene.outside.await_received(str(person.phone), [text])


def test_request_repeated_after_the_answer_gets_the_same_truth(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    panel = scene.compose(person, text)
    again = panel.beside()
    see(panel.press("Send message"), SENT)
    see(again.press("Send message"), SENT)
    assert scene.outside.received(str(person.phone)) == [text]


def test_two_tabs_with_two_texts_send_one_of_them_and_say_which(scene: CheckedScene) -> None:
    person = scene.person()
    here = scene.compose(person, new_text("First"))
    there = here.beside()
    there.fill("Write your message", new_text("Second"))
    with ThreadPoolExecutor(2) as pool:
        screens = list(pool.map(lambda panel: panel.press("Send message"), (here, there)))
    received = scene.outside.received(str(person.phone))
    assert len(received) == 1
    refused = next(screen for screen in screens if not screen.shows(SENT))
    see(refused, "This version was not sent.", "An earlier version", received[0], "This one was not.")


def test_two_screens_of_one_failure_resend_once(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    see(panel.press("Send message"), FAILED)
    other = panel.beside()
    see(panel.press(RESEND), SENT)
    see(other.press(RESEND), SENT)
    scene.outside.await_received(str(person.phone), [text])


def test_resend_of_what_arrived_after_all_is_refused_with_the_truth(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    number = str(person.phone)
    outside = scene.outside.of(WHATSAPP)
    outside.provider("error_after_accepting", remaining=1, receipts="none")
    panel = scene.compose(person, text, through=WHATSAPP)
    panel.press("Send message")
    see(scene.refresh_until(panel, UNKNOWN), "the customer may get it twice")
    outside.report(outside.submissions(number)[0], "delivered")
    not_see(see(panel.press(RESEND), "It was not sent again.", "was delivered"), SENT)
    assert outside.received(number) == [text]


def test_unknown_can_be_resent_by_a_person(scene: CheckedScene) -> None:
    """Meta offers no way to find out; only its receipt would tell."""
    person, text = scene.person(), new_text()
    outside = scene.outside.of(WHATSAPP)
    outside.provider("error_after_accepting", remaining=1, receipts="none")
    panel = scene.compose(person, text, through=WHATSAPP)
    panel.press("Send message")
    scene.refresh_until(panel, UNKNOWN)
    see(panel.press(RESEND), SENT)
    assert outside.received(str(person.phone)) == [text, text]


def test_failure_is_resent_from_details_by_another_teammate(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    see(scene.compose(person, text).press("Send message"), FAILED)
    panel = scene.panel(person, TOM)
    home = eventually(panel.open, lambda screen: screen.shows("Failed"), "the failed message on Home")
    see(panel.press(home.row("Failed")), "Status: Failed", text, RESEND)
    see(panel.press(RESEND), SENT)
    scene.outside.await_received(str(person.phone), [text])


def test_provider_that_hangs_up_before_or_after_accepting_is_looked_up(scene: CheckedScene) -> None:
    """What its list shows is sent; what it does not show may still come."""
    for mode, arrives in (("close_before_accepting", False), ("close_after_accepting", True)):
        person, text = scene.person(), new_text()
        scene.outside.provider(mode, remaining=1, receipts="none")
        panel = scene.compose(person, text)
        not_see(panel.press("Send message"), FAILED)
        scene.refresh_until(panel, SENT if arrives else UNKNOWN)
        assert scene.outside.received(str(person.phone)) == ([text] if arrives else [])
        assert len(scene.outside.submissions(str(person.phone))) == 1


def test_refused_version_becomes_one_new_message_however_often_it_is_clicked(scene: CheckedScene) -> None:
    person, first, second = scene.person(), new_text("First"), new_text("Second")
    panel = scene.compose(person, first)
    stale = panel.beside()
    see(panel.press("Send message"), SENT)
    stale.fill("Write your message", second)
    see(stale.press("Send message"), "This version was not sent.")
    for screen in stale.press_at_once("Send this one as a new message", 3):
        assert screen.shows(SENT) or screen.shows(SENDING), screen
    scene.outside.await_received(str(person.phone), [first, second])
    assert len(scene.outside.submissions(str(person.phone))) == 2


def test_other_number_under_a_used_id_is_another_version(scene: CheckedScene) -> None:
    person, other, text = scene.person(), scene.person(), new_text()
    panel = scene.compose(person, text)
    stale = panel.beside()
    see(panel.press("Send message"), SENT)
    stale.fill("Phone number", str(other.phone))
    see(not_see(stale.press("Send message"), SENT), "This version was not sent.")
    assert not scene.outside.submissions(str(other.phone))


def test_both_buttons_one_after_the_other_are_one_message(scene: CheckedScene) -> None:
    for first, second, words in (
        ("Send message", SEND_AND_OPEN, "Only the Intercom conversation is not opened."),
        (SEND_AND_OPEN, "Send message", "Its conversation was asked for."),
    ):
        person, text = scene.person(), new_text()
        panel = scene.compose(person, text)
        stale = panel.beside()
        see(panel.press(first), SENT)
        screen = see(stale.press(second), SENT, "Both buttons were pressed. It was taken once,", words)
        not_see(screen, "This version was not sent.", "as a new message")
        see(stale.press("View sent messages"), "Sent messages", str(person.phone))
        assert scene.outside.received(str(person.phone)) == [text]


def test_both_buttons_at_once_are_one_message(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("slow", delay_seconds=2, remaining=1)
    here = scene.compose(person, text)
    there = here.beside()
    with ThreadPoolExecutor(2) as pool:
        screens = list(
            pool.map(lambda panel, label: panel.press(label), (here, there), ("Send message", SEND_AND_OPEN))
        )
    for screen in screens:
        not_see(screen, "This version was not sent.", "as a new message")
    assert any(screen.shows("Both buttons were pressed.") for screen in screens), screens
    scene.outside.await_received(str(person.phone), [text])
    assert len(scene.outside.submissions(str(person.phone))) == 1


def test_failure_resent_from_details_and_from_its_own_screen_is_one_more(scene: CheckedScene) -> None:
    person, text = scene.person(), new_text()
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    see(panel.press("Send message"), FAILED)
    details = scene.panel(person, TOM)
    home = eventually(details.open, lambda screen: screen.shows("Failed"), "the failed message on Home")
    details.press(home.row("Failed"))
    with ThreadPoolExecutor(2) as pool:
        screens = list(pool.map(lambda tab: tab.press(RESEND), (panel, details)))
    assert any(screen.shows(SENT) for screen in screens), screens
    scene.outside.await_received(str(person.phone), [text])
    assert len(scene.outside.submissions(str(person.phone))) == 2


def test_thirty_agents_at_once_each_send_one(scene: CheckedScene) -> None:
    people = [scene.person() for _ in range(30)]
    panels = [scene.compose(person, new_text()) for person in people]
    with ThreadPoolExecutor(30) as pool:
        screens = list(pool.map(lambda panel: panel.press("Send message"), panels))
    for panel, screen in zip(panels, screens, strict=True):
        assert screen.shows(SENT) or screen.shows(SENDING), screen
        scene.refresh_until(panel, SENT)
        assert len(scene.outside.submissions(str(panel.person.phone))) == 1
