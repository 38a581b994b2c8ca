"""What every Intercom endpoint works with: the workspace, its time, and the news of a change."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import fixtures
from sandbox.intercom.answers import IntercomError, invalid, not_found
from sandbox.stream import Stream
from sandbox.world import Admin, Author, Contact, Conversation, Part, PartKind, World


@dataclass
class Desk:
    """The workspace, and how to tell others that it changed. `world` is exchanged by a reset."""

    world: World
    workspace_id: str
    stream: Stream
    changed: Callable[[], None]

    def admin(self, admin_id: object) -> Admin:
        """
        The teammate of an id, a string or a number.

        Raises:
            IntercomError: nobody has it.
        """
        admin = self.world.admins.get(str(admin_id))
        if admin is None:
            raise IntercomError(404, "admin_not_found", "Admin not found", "admin_id")
        return admin

    def contact(self, contact_id: str) -> Contact:
        """
        The contact of an id.

        Raises:
            IntercomError: 404 unknown, 410 merged into another one (named in the Link header).
        """
        contact = self.world.contacts.get(contact_id)
        if contact is None:
            raise not_found("User Not Found")
        if contact.merged_into is not None:
            message = "This contact has been merged. See the 'Link' header for the canonical contact."
            link = f'</contacts/{contact.merged_into}>; rel="canonical"'
            raise IntercomError(410, "contact_merged", message, link=link)
        return contact

    def conversation(self, conversation_id: str) -> Conversation:
        """
        The conversation of an id.

        Raises:
            IntercomError: there is none.
        """
        conversation = self.world.conversations.get(conversation_id)
        if conversation is None:
            raise not_found()
        return conversation

    def open_conversation(
        self, contact: Contact, author: Author, body: str, how: str, message_id: str | None = None
    ) -> Conversation:
        """Begin a thread with its first message, which may have its id already."""
        at = seconds()
        conversation = Conversation(
            id=str(self.world.number()),
            contact_id=contact.id,
            source_id=message_id or str(self.world.number()),
            delivered_as=how,
            body=as_html(body),
            author=author,
            created_at=at,
            updated_at=at,
        )
        self.world.conversations[conversation.id] = conversation
        self.tell(f"Intercom: conversation {conversation.id} opened with {contact.name}")
        return conversation

    def add_part(
        self,
        conversation: Conversation,
        kind: PartKind,
        author: Author,
        body: str | None,
        assigned_to: str | None = None,
    ) -> Part:
        """Append to a thread."""
        html = as_html(body) if body else None
        part = Part(str(self.world.number()), kind, html, author, seconds(), assigned_to)
        conversation.add(part)
        self.tell(f"Intercom: {kind} by {author.name} in conversation {conversation.id}")
        return part

    def tell(self, line: str) -> None:
        """Something of the workspace changed."""
        self.stream.tell("conversations", line)
        self.changed()


def seconds() -> int:
    """Now, as Intercom writes times: whole seconds since 1970."""
    return int(time.time())


def as_html(body: str) -> str:
    """A body as a thread keeps it: HTML as it is, anything else as one paragraph."""
    return body if body.lstrip().startswith("<") else f"<p>{body}</p>"


def text_of(body: dict[str, object], field: str) -> str:
    """
    A required text of a request.

    Raises:
        IntercomError: it is missing or no text.
    """
    value = body.get(field)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{field.capitalize()} is required", field)
    return value


def fresh_world() -> World:
    """The workspace of the fixtures, as of now."""
    return fixtures.build_world(seconds())
