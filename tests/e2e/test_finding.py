"""Searches that do not end with one person, and Intercom at its worst."""

import pytest

from devstack.demo.scene import not_see, see
from devstack.demo.steps.finding import search
from tests.support.panel import CheckedScene

ANNA = "Anna Schmidt"
MERGED_INTO_ANNA = ("6657add46abd0167d9419006", "cust-1006")


def test_several_matches_are_listed_and_one_is_chosen(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    see(search(panel, "Email", "shared@example.org"), "Choose a user/lead", "Li Wei", "Li Na", "+8613800138001")
    see(panel.press(panel.screen.row("Li Na")), "Choose channel", "Li Na")


def test_nobody_found_says_by_what_and_offers_another_search(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    see(search(panel, "Email", "nobody@example.org"), "Nobody was found with the email nobody@example.org.")
    assert panel.screen.value("Email") == "nobody@example.org"
    see(panel.press("Back"), "Send to this user/lead")


def test_nothing_filled_names_the_fields(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    see(search(panel, "Email", "  "), "user/lead ID, email or phone number")


def test_first_of_several_fields_is_used_and_told(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    panel.press("Send a proactive message")
    panel.press("Search for another user/lead")
    panel.fill("Email", "shared@example.org")
    panel.fill("User/lead ID", "cust-1001")
    see(panel.press("Search"), ANNA, "Searched by user/lead ID only; the email was not used.")


@pytest.mark.parametrize("merged", MERGED_INTO_ANNA)
def test_merged_contact_leads_to_the_one_that_it_became(scene: CheckedScene, merged: str) -> None:
    panel = scene.panel(scene.person())
    see(search(panel, "User/lead ID", merged), "Choose channel", ANNA)


@pytest.mark.parametrize(
    ("mode", "details", "told"),
    [
        ("slow", {"delay_seconds": 10}, "Intercom did not answer in time."),
        ("rate_limited", {"delay_seconds": 7}, "Intercom takes no more requests from us for the moment."),
        ("down", {}, "Intercom cannot be reached."),
    ],
)
def test_trouble_with_intercom_is_told_and_can_be_tried_again(
    scene: CheckedScene, mode: str, details: dict[str, object], told: str
) -> None:
    panel = scene.panel(scene.person())
    scene.outside.intercom(mode, only="contacts", **details)
    see(search(panel, "User/lead ID", "cust-1001"), told, "Try again", "Back")
    scene.outside.behave()
    see(panel.press("Try again"), "Choose channel", ANNA)


def test_trouble_leads_back_to_the_search_with_what_was_typed(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person())
    scene.outside.intercom("rate_limited", only="contacts")
    search(panel, "Email", "shared@example.org")
    see(panel.press("Back"), "Search for another user/lead")


def test_person_without_a_number_says_so_before_composing(scene: CheckedScene) -> None:
    panel = scene.panel(scene.person(None, role="lead"))
    see(panel.screen, "No phone number.")
    panel.press("Send a proactive message")
    see(not_see(panel.press("Send to this user/lead"), "Ready"), "No phone number yet")
