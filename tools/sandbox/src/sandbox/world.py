"""What the fake workspace remembers: teammates, contacts, conversations, tags."""

import itertools
from dataclasses import dataclass, field
from typing import Literal

PartKind = Literal["comment", "note", "assignment", "open", "close", "snoozed", "quick_reply"]


@dataclass(frozen=True)
class Admin:
    """A teammate of the workspace."""

    id: str
    name: str
    email: str


@dataclass
class Contact:
    """A person; times are seconds since 1970. One with `merged_into` lives on under that other id."""

    id: str
    role: str
    external_id: str | None
    email: str | None
    phone: str | None
    name: str | None
    created_at: int
    updated_at: int
    last_seen_at: int | None = None
    merged_into: str | None = None


@dataclass(frozen=True)
class Author:
    """Who wrote a part of a conversation; `type` is admin, user or lead."""

    type: str
    id: str
    name: str | None
    email: str | None


@dataclass
class Part:
    """One entry of a thread; a note is seen by teammates only."""

    id: str
    part_type: PartKind
    body: str | None
    author: Author
    created_at: int
    assigned_to: str | None = None


@dataclass(frozen=True)
class TagUse:
    """A tag on a conversation, and who put it there when."""

    id: str
    name: str
    applied_at: int
    admin_id: str


@dataclass
class Conversation:
    """A thread with one contact; `body` is its first message."""

    id: str
    contact_id: str
    source_id: str
    delivered_as: str
    body: str
    author: Author
    created_at: int
    updated_at: int
    open: bool = True
    state: Literal["open", "closed", "snoozed"] = "open"
    read: bool = False
    snoozed_until: int | None = None
    admin_assignee_id: str | None = None
    parts: list[Part] = field(default_factory=list)
    tags: list[TagUse] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Append to the thread."""
        self.parts.append(part)
        self.updated_at = part.created_at


@dataclass
class World:
    """All of the workspace. `next_number` feeds every id that is minted here."""

    admins: dict[str, Admin]
    contacts: dict[str, Contact]
    conversations: dict[str, Conversation]
    tags: dict[str, str] = field(default_factory=dict)
    next_number: int = 1

    def number(self) -> int:
        """A number that was never given before in this world."""
        self.next_number += 1
        return self.next_number - 1

    def living(self) -> list[Contact]:
        """Contacts that were not merged into another one, oldest first."""
        return sorted((c for c in self.contacts.values() if c.merged_into is None), key=lambda c: c.created_at)

    def conversations_of(self, contact_id: str) -> list[Conversation]:
        """Threads with one contact, the latest last."""
        mine = (c for c in self.conversations.values() if c.contact_id == contact_id)
        return sorted(mine, key=lambda c: c.updated_at)

    def latest_first(self) -> list[Conversation]:
        """Every thread, the one that changed last first."""
        return sorted(self.conversations.values(), key=lambda one: (one.updated_at, one.id), reverse=True)

    def last_part(self, conversation: Conversation) -> Part | None:
        """The newest entry that somebody wrote, for a list of conversations."""
        written = (part for part in reversed(conversation.parts) if part.body)
        return next(itertools.islice(written, 1), None)
