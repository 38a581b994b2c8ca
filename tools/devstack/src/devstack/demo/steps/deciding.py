"""WhatsApp's provider has no list to look at, so what it left open is a person's to decide."""

from devstack.channels import WHATSAPP
from devstack.demo.checks import expect
from devstack.demo.panel import Panel
from devstack.demo.scene import FAILED, SENT, UNKNOWN, Scene, alone, not_see, see
from devstack.demo.steps.refusing import RESEND

MARK_SENT, MARK_NOT_SENT = "Mark as sent", "Mark as not sent"
MARKED_SENT = "A teammate marked it as sent."
MARKED_NOT_SENT = "A teammate confirmed that it was not sent."


def marked_sent(scene: Scene) -> None:
    """The customer says that it came; later the provider says so, too."""
    outside, text = scene.outside.of(WHATSAPP), "Your flat is cleaned."
    outside.provider("error_after_accepting", remaining=1, receipts="none")
    panel = left_open(scene, text)
    number = str(panel.person.phone)
    not_see(alone(see(panel.press(MARK_SENT), SENT), MARKED_SENT), UNKNOWN, FAILED, RESEND)
    submissions = outside.submissions(number)
    expect(len(submissions) == 1, "one submission", submissions)
    panel.press("Done")
    scene.history(panel, panel.person.name, "Sent")
    panel.press(panel.screen.row(panel.person.name))
    not_see(scene.refresh_until(panel, MARKED_SENT), MARK_SENT, MARK_NOT_SENT, RESEND)
    outside.report(submissions[0], "delivered")
    scene.refresh_until(panel, "Status: Delivered")
    expect(outside.received(number) == [text], "one message at the customer", outside.received(number))


def marked_not_sent(scene: Scene) -> None:
    """The customer has nothing; so it is sent anew, once."""
    outside, text = scene.outside.of(WHATSAPP), "Your flat is painted."
    outside.provider("close_before_accepting", remaining=1)
    panel = left_open(scene, text)
    number = str(panel.person.phone)
    not_see(alone(see(panel.press(MARK_NOT_SENT), FAILED), MARKED_NOT_SENT), UNKNOWN, SENT, MARK_SENT)
    expect(not outside.received(number), "nothing at the customer", outside.received(number))
    see(panel.press(RESEND), SENT)
    outside.await_received(number, [text])
    submissions = outside.submissions(number)
    expect(len(submissions) == 2, "one submission and one more for the re-send", submissions)


def left_open(scene: Scene, text: str) -> Panel:
    """The panel of a WhatsApp message whose provider gave no answer."""
    panel = scene.compose(scene.person(), text, through=WHATSAPP)
    not_see(panel.press("Send message"), SENT, FAILED)
    told = see(scene.refresh_until(panel, UNKNOWN), "We could not confirm it with the provider.", RESEND)
    not_see(see(told, MARK_SENT, MARK_NOT_SENT), SENT, FAILED)
    return panel
