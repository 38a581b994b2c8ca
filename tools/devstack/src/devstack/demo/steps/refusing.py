"""What is refused, by us, by the provider and by the signature, and what the agent reads then."""

from devstack.demo.checks import expect
from devstack.demo.panel import encode
from devstack.demo.scene import FAILED, SENDING, SENT, Scene, alone, new_number, not_see, see

MISSING = "Phone number is missing."
INVALID = "Your phone number is invalid. Make sure the number is in an international phone format. See E.164"
FAILED_THROUGH_SMS = "We have failed to send your message through your SMS channel."
RESEND = "Re-send your message"
MOST = 500


def no_phone(scene: Scene) -> None:
    """A lead without a number; once one is typed, the message goes there."""
    panel = scene.compose(scene.person(None, role="lead"), "Shall we call you back?")
    alone(panel.press("Send message"), MISSING)
    expect(panel.screen.value("Write your message") == "Shall we call you back?", "the text kept", panel.screen)
    number = new_number()
    panel.fill("Phone number", number)
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(number, ["Shall we call you back?"])


def bad_number(scene: Scene) -> None:
    """What Intercom stores is no number."""
    panel = scene.compose(scene.person("12345"), "Your bike is repaired.")
    expect(panel.screen.value("Phone number") == "12345", "12345 in the input", panel.screen)
    alone(panel.press("Send message"), INVALID)
    not_see(panel.screen, SENT, SENDING)
    kept = panel.screen.value("Phone number"), panel.screen.value("Write your message")
    expect(kept == ("12345", "Your bike is repaired."), "number and text kept", kept)
    expect(not scene.outside.submissions("12345"), "nothing at the provider", "a submission")


def too_long(scene: Scene) -> None:
    """Characters are code points: an umlaut and an emoji are one each."""
    person, text = scene.person(), "Grüße 🌸 " + "x" * (MOST - 8)
    panel = scene.compose(person, f"{text}y")
    see(panel.press("Send message"), str(MOST + 1), str(MOST))
    not_see(panel.screen, SENT, SENDING)
    expect(panel.screen.value("Write your message") == f"{text}y", "all 501 characters kept", panel.screen)
    expect(not scene.outside.submissions(str(person.phone)), "nothing at the provider", "a submission")
    panel.fill("Write your message", text)
    see(panel.press("Send message"), SENT)
    scene.outside.await_received(str(person.phone), [text])


def refused(scene: Scene) -> None:
    """A final failure, and a double click on Re-send."""
    person, text = scene.person(), "Your table is booked."
    number = str(person.phone)
    scene.outside.provider("invalid_number", remaining=1)
    panel = scene.compose(person, text)
    alone(see(panel.press("Send message"), FAILED, "Finish"), FAILED_THROUGH_SMS)
    expect(not scene.outside.received(number), "nothing at the customer", scene.outside.received(number))
    scene.outside.await_note(person.conversation_id, text)
    for screen in panel.press_at_once(RESEND, 2):
        expect(screen.shows(SENT) or screen.shows(SENDING), f"{SENT} or {SENDING} after each click", screen)
    scene.refresh_until(panel, SENT)
    scene.outside.await_received(number, [text])
    submissions = len(scene.outside.submissions(number))
    expect(submissions == 2, "one refused and one accepted submission", f"{submissions} submissions")


def bad_signature(scene: Scene) -> None:
    """Wrong, of another secret, of another body, and none."""
    panel = scene.panel(scene.person())
    initialize = encode(panel.common())
    submit = panel.request("Send a proactive message")
    of_another_body = scene.app.headers(submit)["X-Body-Signature"]
    for what, body, signature in (
        ("initialize", initialize, "0" * 64),
        ("initialize", initialize, of_another_body),
        ("submit", submit, "no signature"),
    ):
        answer = scene.app.post(what, body, signature)
        expect(answer.status == 401, f"401 to a bad signature on {what}", answer)
    unsigned = scene.app.post_unsigned("submit", submit)
    expect(unsigned.status == 401, "401 without a signature", unsigned)
