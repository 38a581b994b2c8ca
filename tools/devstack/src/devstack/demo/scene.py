"""What every step starts from: the running stack, people of its own, and the usual ways through the panel."""

import itertools
import random

from devstack.channels import SMS, Connected
from devstack.demo.checks import Unexpected, eventually, expect
from devstack.demo.operators import Operators
from devstack.demo.outside import Outside
from devstack.demo.panel import MARIA, App, Panel, Person, Teammate
from devstack.demo.screen import Screen
from devstack.stack import Stack

WORKER = SMS.worker
CHANNEL_NAME = SMS.name

SENT = "Message sent!"
SENDING = "Sending…"
UNKNOWN = "May have been sent."
FAILED = "Failed to send!"

_numbers = itertools.count(1)


class Scene:
    """One stack for all steps; each step asks for people and numbers that no other step has."""

    def __init__(self, stack: Stack) -> None:
        secrets = stack.surroundings.secrets
        self.stack = stack
        self.app = App(stack.gateway_url, secrets.intercom_client_secret)
        self.outside = Outside(stack.sandbox_url, secrets.intercom_token)
        self.operators = Operators(stack.operators_url, secrets.operators_token)

    def reset(self) -> None:
        """Whatever the step before left: everything runs, everybody behaves, and every channel may send."""
        self.stack.backends.broker.start()
        for name in self.stack.names:
            if not self.stack.process(name).running:
                self.stack.start_service(name, wait=False)
        for name in self.stack.names:
            self.stack.wait_ready(name)
        self.outside.behave()
        self.operators.let_everything_go()

    def person(self, phone: str | None = "", **fields: str) -> Person:
        """Somebody new with a conversation; "" is a new valid mobile number."""
        number = new_number() if phone == "" else phone
        return self.outside.add_person(new_name(), number, **fields)

    def panel(self, person: Person, teammate: Teammate = MARIA) -> Panel:
        """The panel beside this person's conversation, on Home."""
        panel = Panel(self.app, person, teammate)
        panel.open()
        return panel

    def channels(self, person: Person, teammate: Teammate = MARIA) -> Panel:
        """The panel on "Choose channel" for this person."""
        panel = self.panel(person, teammate)
        panel.press("Send a proactive message")
        panel.press("Send to this user/lead")
        return panel

    def compose(self, person: Person, text: str = "", teammate: Teammate = MARIA, through: Connected = SMS) -> Panel:
        """The panel on Compose for one channel, with a text typed."""
        panel = self.channels(person, teammate)
        panel.press(through.name)
        if text:
            panel.fill("Write your message", text)
        return panel

    def history(self, panel: Panel, *words: str, scope: str = "mine") -> Screen:
        """From Home to "Sent messages"; what was sent a moment ago may take a moment to be there."""
        panel.press("View sent messages")
        return eventually(
            lambda: panel.choose("history.scope", scope),
            lambda screen: all(map(screen.shows, words)),
            f"{' and '.join(words)} among the sent messages",
        )

    def refresh_until(self, panel: Panel, *words: str, seconds: float = 20) -> Screen:
        """Press "Refresh status" until one of these stands there."""

        def look() -> Screen:
            if any(panel.screen.shows(word) for word in words):
                return panel.screen
            return panel.press("Refresh status")

        return eventually(
            look, lambda screen: any(map(screen.shows, words)), f"{' or '.join(words)} after Refresh status", seconds
        )

    def kill_worker_at(self, failpoint: str) -> None:
        """From now on the worker dies at its first message; it holds that message's lease for 4 s."""
        dying = {
            "PROACTIVE_FAILPOINTS": f"{failpoint}:kill",
            "PROACTIVE_LEASE_SECONDS": "4",
            "PROACTIVE_CALL_SECONDS": "2",
        }
        self.stack.restart(WORKER, dying)

    def revive_worker(self) -> None:
        """The worker is dead, as it must be; start a sound one."""
        process = self.stack.process(WORKER)
        eventually(lambda: process.running, lambda running: not running, f"{WORKER} was killed")
        self.stack.start_service(WORKER)


def see(screen: Screen, *words: str) -> Screen:
    """
    All of these must stand there.

    Raises:
        Unexpected: one does not.
    """
    for word in words:
        expect(screen.shows(word), f"a screen with {word!r}", screen)
    return screen


def not_see(screen: Screen, *words: str) -> Screen:
    """
    None of these may stand there.

    Raises:
        Unexpected: one does.
    """
    for word in words:
        expect(not screen.shows(word), f"a screen without {word!r}", screen)
    return screen


def alone(screen: Screen, *sentences: str) -> Screen:
    """
    Each of these must stand alone, to the letter.

    Raises:
        Unexpected: one does not.
    """
    for sentence in sentences:
        if not screen.says(sentence):
            raise Unexpected(f"the sentence {sentence!r} alone", screen)
    return screen


def new_name() -> str:
    """A name that nobody else has in this run."""
    first = random.choice(("Nina", "Jonas", "Eleni", "Marta", "Oskar", "Ida"))
    return f"{first} Berg {random.randrange(1000, 9999)}-{next(_numbers)}"


def new_number() -> str:
    """A valid German mobile number that no other step has: 151 and eight digits."""
    return f"+49151{random.randrange(10_000_000, 100_000_000)}"


def new_greek_number() -> str:
    """A valid Greek mobile number: 694 and seven digits."""
    return f"+30694{random.randrange(1_000_000, 10_000_000)}"
