"""Every step of the demo in its order: what the line says, and what is played."""

from collections.abc import Callable, Sequence

from devstack.demo.scene import Scene
from devstack.demo.steps import (
    connecting,
    deciding,
    erasing,
    everywhere,
    finding,
    once,
    opening,
    outage,
    parking,
    refusing,
    sending,
    waiting,
)

STEPS: Sequence[tuple[str, Callable[[Scene], None]]] = (
    ("Home, Recipient, Channel, Compose, Sent: it reaches the customer once, and the thread notes it", sending.sent),
    ("History and Details show it, and the receipt turns it into Delivered", sending.remembered),
    ("WhatsApp: sent once, read, and the customer's reply stands in its timeline", everywhere.whatsapp),
    ("Viber: sent once, read, and the customer's reply stands in its timeline", everywhere.viber),
    ("WhatsApp's window is closed: the receipt turns Sent into Failed with Meta's words", everywhere.window_closed),
    ('"Send message & open Intercom conversation": it is there once, and the panel leads to it', opening.opened),
    (
        "Intercom is down at that moment: the message is sent, the screen says so, the conversation comes later",
        opening.intercom_down,
    ),
    ("Intercom opens the conversation and says 500: it is found and linked, not opened twice", opening.unclear),
    ("somebody else is found by ID, by email and by phone number", finding.three_fields),
    ("a number is found however Intercom or the agent spells it, and gets the message", finding.spelled_with_blanks),
    ('no phone: "Phone number is missing."', refusing.no_phone),
    ("a number that is none: the text on E.164, and nothing is sent", refusing.bad_number),
    ("501 characters are refused and kept, 500 are sent", refusing.too_long),
    ("the provider refuses: Failed to send!; Re-send clicked twice sends one more", refusing.refused),
    ("the same submit ten times at once: one message", once.ten_at_once),
    ("the answer is lost and the text corrected: the truth is told, the first version alone is sent", once.corrected),
    ("the provider answers after 6 s: Sending, Refresh status, Sent", once.slow),
    ("the provider says 500 after accepting: looked up, it is Sent, and there once", once.error_after_accepting),
    (
        "the provider says 500 and lists nothing: may have been sent, and is not sent again",
        once.error_and_nothing_listed,
    ),
    ("no answer through WhatsApp: may have been sent, and a teammate marks it as sent", deciding.marked_sent),
    ("the same, marked as not sent: Failed to send!, and Re-send sends it once", deciding.marked_not_sent),
    ("too many requests: Not sent yet, and it leaves when the provider's Retry-After is over", waiting.deferred),
    ('the same and "Stop trying": nothing is sent, not even later', waiting.stopped),
    ("an administrator pauses the channel: people read so, and the message leaves once it is resumed", waiting.paused),
    (
        "the dispatcher is killed between claim and call: nothing is sent twice, and the panel says so",
        outage.before_call,
    ),
    ("the dispatcher is killed between call and outcome: sent once, and no untrue screen", outage.after_call),
    ("the broker is stopped: Sending, not confirmed; after its return the message is there once", outage.no_broker),
    ("another service's event is sent, and its status events are seen", sending.by_a_service),
    ("an event that cannot be taken is parked: listed, replayed by proactivectl, and sent once", parking.replayed),
    ("a person is erased by proactivectl: nothing of them is left, and the panel says so", erasing.erased),
    ("a bad or a missing signature is refused with 401", refusing.bad_signature),
    ("an administrator allows the app at Intercom: connected already, its access renewed", connecting.consented),
    ("consent refused, a made-up code, another browser: nothing is connected, and a page says so", connecting.refused),
)
