"""Looking for what was sent: the filter of "Sent messages"."""

from devstack.demo.checks import eventually
from devstack.demo.panel import TOM, Panel
from devstack.demo.scene import FAILED, SENT, Scene, not_see, see
from devstack.demo.screen import Screen

SEARCH = "Number or message ID"
NATIONAL_PREFIX = "0"


def narrowed(scene: Scene) -> None:
    """One's own sends first; a status, a number as it is dialled, everyone, nothing, and what cannot be looked for."""
    person = scene.person()
    number = str(person.phone)
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, "Your order is ready.")
    see(panel.press("Send message"), FAILED)
    panel.press("Finish")
    other = scene.compose(person, "Your order is here.", TOM)
    see(other.press("Send message"), SENT)
    spelled = NATIONAL_PREFIX + number.removeprefix("+49")
    panel.press("View sent messages")
    eventually(
        lambda: narrow(panel, spelled, status="Failed"),
        lambda screen: len(screen.rows()) == 1,
        "the one that failed",
    )
    see(panel.screen, f"Only: Failed · {spelled}", number, panel.teammate.name)
    see(not_see(panel.choose("history.scope", "everyone"), TOM.name), number)
    see(narrow(panel, number, status="Any status"), TOM.name, panel.teammate.name)
    nothing = f"No message of this workspace fits: Viber Business Messages · {number}."
    see(narrow(panel, number, channel="Viber Business Messages"), nothing, "Clear filter")
    see(narrow(panel, "Anna"), "This is no message ID, no number, and not the last 6 digits of one.")


def narrow(panel: Panel, search: str, *, channel: str = "Any channel", status: str = "Any status") -> Screen:
    """From "Sent messages" to what of it fits."""
    panel.press("history.filter")
    panel.select("Channel", channel)
    panel.select("Status", status)
    panel.fill(SEARCH, search)
    return panel.press("Show messages")
