"""The main job: a message from the panel, or from another service, that arrives and is remembered."""

from uuid import uuid4

from devstack.channels import WORKSPACE
from devstack.demo import service
from devstack.demo.checks import expect
from devstack.demo.scene import CHANNEL_NAME, SENT, Scene, new_number, not_see, see

LISTENER = "demo"
LEFT = ("sent", "delivered")


def sent(scene: Scene) -> None:
    """The whole way of an agent, screen by screen."""
    person, text = scene.person(), "Your parcel is at the corner shop."
    panel = scene.panel(person)
    see(panel.screen, person.name, str(person.phone), "Send a proactive message", "View sent messages")
    see(panel.press("Send a proactive message"), person.name, "Search for another user/lead")
    see(panel.press("Send to this user/lead"), "Choose channel", CHANNEL_NAME, "SMS", "Ready")
    see(panel.press(CHANNEL_NAME), "Write your message", "At most 500 characters.")
    expect(panel.screen.value("Phone number") == person.phone, f"the number {person.phone} filled in", panel.screen)
    panel.fill("Write your message", text)
    see(panel.press("Send message"), SENT, "Done")
    scene.outside.await_received(str(person.phone), [text])
    note = scene.outside.await_note(person.conversation_id, text)
    expect("SMS" in note and panel.teammate.name in note, "a note with the channel and who sent it", note)
    see(panel.press("Done"), "Send a proactive message")


def remembered(scene: Scene) -> None:
    """From Sent to History, Details and the receipt."""
    person, text = scene.person(), "The courier comes at 4."
    panel = scene.compose(person, text)
    see(panel.press("Send message"), SENT)
    panel.press("Done")
    scene.history(panel, "Sent messages", person.name, str(person.phone))
    see(panel.press(panel.screen.row(person.name)), text, CHANNEL_NAME, panel.teammate.name)
    scene.refresh_until(panel, "Status: Delivered")
    expect(scene.outside.received(str(person.phone)) == [text], "one message at the customer", panel.screen)
    see(panel.press("Back"), "Delivered")
    home = scene.panel(person).screen
    see(home, text, "Delivered")


def by_a_service(scene: Scene) -> None:
    """Plain JSON in, status events out, and the same history as the panel's."""
    order = service.Order(uuid4(), new_number(), "Your parcel has left our warehouse.")
    amqp_url = scene.stack.amqp_url
    scene.stack.proactivectl("listener", "add", LISTENER, "--workspace", WORKSPACE)
    try:
        service.publish(amqp_url, order)
        statuses = service.follow(amqp_url, f"listener.{LISTENER}", order.message_id, "delivered", seconds=15)
    finally:
        scene.stack.proactivectl("listener", "remove", LISTENER, "--force")
    expect(tuple(statuses[-2:]) == LEFT, "status events that end with sent and delivered", statuses)
    scene.outside.await_received(order.recipient, [order.text])
    panel = scene.panel(scene.person())
    not_see(scene.history(panel, "Sent messages"), order.recipient)
    panel.press("Back")
    scene.history(panel, order.recipient, service.NAME, scope="everyone")
