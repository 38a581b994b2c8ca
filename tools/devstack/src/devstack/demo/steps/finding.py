"""Finding somebody else than the person of the conversation."""

from devstack.demo.panel import Panel
from devstack.demo.scene import CHANNEL_NAME, SENT, Scene, new_greek_number, new_number, see
from devstack.demo.screen import Screen


def three_fields(scene: Scene) -> None:
    """The ID, which is the workspace's own or Intercom's; the email; the phone number."""
    number = new_number()
    external_id, email = f"cust-{number[1:]}", f"customer.{number[1:]}@example.com"
    wanted = scene.person(number, external_id=external_id, email=email)
    panel = scene.panel(scene.person())
    fields = (
        ("User/lead ID", external_id),
        ("User/lead ID", wanted.id),
        ("Email", email),
        ("Phone number", number),
    )
    for field, value in fields:
        see(search(panel, field, value), "Choose channel", wanted.name, number)


def spelled_with_blanks(scene: Scene) -> None:
    """Stored with blanks, and typed with and without them; the message goes to the number behind both."""
    number = new_greek_number()
    spelled = f"{number[:3]} {number[3:6]} {number[6:9]} {number[9:]}"
    wanted = scene.person(spelled)
    panel = scene.panel(scene.person())
    see(search(panel, "Phone number", number), "Choose channel", wanted.name)
    see(search(panel, "Phone number", spelled), "Choose channel", wanted.name)
    panel.press(CHANNEL_NAME)
    panel.fill("Write your message", "Found by your number.")
    see(panel.press("Send message"), SENT, number)
    scene.outside.await_received(number, ["Found by your number."])


def search(panel: Panel, field: str, value: str) -> Screen:
    """From Home to what a search by one field answers."""
    panel.open()
    panel.press("Send a proactive message")
    panel.press("Search for another user/lead")
    panel.fill(field, value)
    return panel.press("Search")
