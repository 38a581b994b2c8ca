"""The sandbox's control: what reached the customer, what stands in threads, and how providers and Intercom behave."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from devstack.channels import CHANNELS, SMS, Connected
from devstack.demo.calls import call
from devstack.demo.checks import Unexpected, eventually, expect
from devstack.demo.panel import Person

Submission = Mapping[str, Any]

NOTE_SECONDS = 15.0


@dataclass(frozen=True)
class Outside:
    """The sandbox at `url`; `token` opens its Intercom. What is said of the provider is about `channel`'s."""

    url: str
    token: str
    channel: Connected = SMS

    def of(self, channel: Connected) -> Self:
        """The same world, seen from another channel's provider."""
        return replace(self, channel=channel)

    def submissions(self, number: str) -> list[Submission]:
        """Every request to send to this number that came to the provider, also those that it refused."""
        return [row for row in self.all_submissions() if digits(row["to"]) == digits(number)]

    def all_submissions(self) -> list[Submission]:
        """The same to any number."""
        rows: list[Submission] = self._get(f"/sandbox/ledger?provider={self.channel.provider}")["submissions"]
        return rows

    def received(self, number: str) -> list[str]:
        """The texts that the customer with this number really gets."""
        return [str(row["text"]) for row in self.submissions(number) if row["accepted"]]

    def on_phone(self, number: str) -> list[str]:
        """The texts that stand on this customer's phone: what the provider took and could not deliver does not."""
        return [str(row["text"]) for row in self.submissions(number) if row["reaches_phone"]]

    def await_received(self, number: str, texts: list[str]) -> None:
        """
        Wait until the customer has exactly these texts.

        Raises:
            Unexpected: they have others.
        """
        eventually(lambda: self.received(number), lambda seen: seen == texts, f"the customer got {short(texts)}")

    def provider(self, mode: str, **details: object) -> None:
        """Switch how the provider treats submissions from now on."""
        self._put(f"/sandbox/behaviour/{self.channel.provider}", {"mode": mode, **details})

    def intercom(self, mode: str, **details: object) -> None:
        """Switch how Intercom's REST API answers from now on."""
        self._put("/sandbox/behaviour/intercom", {"mode": mode, **details})

    def behave(self) -> None:
        """Everybody behaves well again."""
        for channel in CHANNELS:
            self.of(channel).provider("normal")
        self.intercom("normal")

    def report(self, submission: Submission, status: str, error_code: int | None = None) -> None:
        """The provider sends one receipt now."""
        path = f"/sandbox/{submission['provider']}/messages/{submission['provider_message_id']}/receipt"
        self._post(path, {"status": status, "error_code": error_code})

    def reply(self, number: str, text: str) -> None:
        """
        The customer with this number answers on the phone, in the channel's app.

        Raises:
            Unexpected: the reply was not taken.
        """
        answer = {"channel": self.channel.kind, "from": number, "to": self.channel.sender, "text": text}
        taken = self._post("/sandbox/phone/reply", answer)
        expect(bool(taken["taken"]), "the reply taken", taken)

    def notes(self, conversation_id: str) -> list[str]:
        """The internal notes of a thread, as HTML, oldest first."""
        found = self._get(f"/sandbox/conversations/{conversation_id}")
        parts = found["conversation_parts"]["conversation_parts"]
        return [str(part["body"]) for part in parts if part["part_type"] == "note"]

    def await_note(self, conversation_id: str, words: str, notes: int = 1) -> str:
        """
        Wait for the note with these words; the thread then has exactly so many.

        Raises:
            Unexpected: it did not come, or there are others.
        """
        found = eventually(
            lambda: self.notes(conversation_id),
            lambda seen: len(seen) == notes and any(words in note for note in seen),
            f"{notes} note(s) in the thread, one with {words!r}",
            NOTE_SECONDS,
        )
        return next(note for note in found if words in note)

    def opened(self, person: Person) -> list[str]:
        """The conversations with this person besides the one in which the panel stands."""
        rows = self._get("/sandbox/conversations")["conversations"]
        return [
            str(row["id"]) for row in rows if row["contact"]["id"] == person.id and row["id"] != person.conversation_id
        ]

    def await_opened(self, person: Person, text: str) -> str:
        """
        Wait for the one new conversation with this person; it begins with this text.

        Raises:
            Unexpected: there is none, or there are several, or it begins with something else.
        """
        found = eventually(lambda: self.opened(person), bool, "a new conversation", NOTE_SECONDS)
        expect(len(found) == 1, "one new conversation", found)
        begun = self._get(f"/sandbox/conversations/{found[0]}")["source"]
        expect(text in str(begun["body"]), f"a conversation that begins with {text!r}", begun)
        return found[0]

    def add_person(self, name: str, phone: str | None, role: str = "user", **fields: str) -> Person:
        """Somebody new, with a conversation of their own."""
        contact = self._intercom("/contacts", {"role": role, "name": name, "phone": phone, **fields})
        return Person(
            id=contact["id"],
            role=role,
            name=name,
            conversation_id=self._begin(role, contact["id"], "Hello!"),
            external_id=contact.get("external_id"),
            email=contact.get("email") or None,
            phone=phone,
        )

    def add_conversation(self, person: Person, text: str) -> str:
        """This person begins another conversation; its id."""
        return self._begin(person.role, person.id, text)

    def _begin(self, role: str, contact_id: str, text: str) -> str:
        opened = self._intercom("/conversations", {"from": {"type": role, "id": contact_id}, "body": text})
        return str(opened["conversation_id"])

    def _intercom(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._post(f"/intercom{path}", body, {"Authorization": f"Bearer {self.token}"})

    def _get(self, path: str) -> Mapping[str, Any]:
        return self._call("GET", path)

    def _put(self, path: str, body: Mapping[str, Any]) -> None:
        self._call("PUT", path, body)

    def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return self._call("POST", path, body, headers)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        encoded = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        answer = call(method, self.url + path, encoded, sent)
        if answer.status != 200:
            raise Unexpected(f"200 from the sandbox to {method} {path}", answer)
        found: Mapping[str, Any] = answer.json()
        return found


def digits(number: object) -> str:
    """A number by its digits alone: providers write it with and without the plus sign."""
    return re.sub(r"\D", "", str(number))


def short(texts: list[str]) -> str:
    """Texts as one line."""
    shown = ", ".join(repr(text if len(text) <= 60 else f"{text[:57]}…") for text in texts)
    return f"exactly {shown}" if shown else "nothing"
