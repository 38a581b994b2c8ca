"""What contacts and conversations can be searched by: those fields of the description that the sandbox fills."""

import re
from collections.abc import Callable, Mapping
from operator import attrgetter
from zoneinfo import ZoneInfo

from sandbox.fixtures import TIME_ZONE
from sandbox.intercom.answers import IntercomError, invalid
from sandbox.intercom.query import Field, Language
from sandbox.intercom.shapes import plain_text, teammates_of
from sandbox.world import Contact, Conversation

CONTACTS_PER_PAGE = 50
CONVERSATIONS_PER_PAGE = 20
"""Where a request does not say how many, by the description of 2.16."""


def _of_contact(name: str) -> Callable[[Contact], object]:
    return attrgetter(name)


def _of_conversation(name: str) -> Callable[[Conversation], object]:
    return attrgetter(name)


def _domain(contact: Contact) -> object:
    return contact.email.rpartition("@")[2] if contact.email else None


def _words(conversation: Conversation) -> object:
    """The body's words: "the search will … be performed … against every element of the value separately"."""
    return re.findall(r"\w+", plain_text(conversation.body))


def _assignee(conversation: Conversation) -> object:
    return int(conversation.admin_assignee_id or 0)


_CONTACT_FIELDS: Mapping[str, Field[Contact]] = {
    **{name: Field("text", _of_contact(name)) for name in ("id", "role", "name", "phone", "external_id")},
    "email": Field("text", _of_contact("email"), folds=True),
    "email_domain": Field("text", _domain, folds=True),
    **{name: Field("day", _of_contact(name)) for name in ("created_at", "updated_at", "last_seen_at")},
}
_CONVERSATION_FIELDS: Mapping[str, Field[Conversation]] = {
    "id": Field("text", _of_conversation("id")),
    **{name: Field("date", _of_conversation(name)) for name in ("created_at", "updated_at", "snoozed_until")},
    "source.id": Field("text", _of_conversation("source_id")),
    "source.delivered_as": Field("text", _of_conversation("delivered_as")),
    "source.body": Field("text", _words, folds=True),
    **{f"source.author.{part}": Field("text", _of_conversation(f"author.{part}")) for part in ("id", "type", "name")},
    "source.author.email": Field("text", _of_conversation("author.email"), folds=True),
    "contact_ids": Field("text", lambda one: [one.contact_id]),
    "teammate_ids": Field("text", teammates_of),
    "admin_assignee_id": Field("number", _assignee),
    "open": Field("truth", _of_conversation("open")),
    "read": Field("truth", _of_conversation("read")),
    "state": Field("text", _of_conversation("state")),
    "tag_ids": Field("text", lambda one: [use.id for use in one.tags]),
}

_ZONE = ZoneInfo(TIME_ZONE)
CONTACTS = Language(_CONTACT_FIELDS, _ZONE)
CONVERSATIONS = Language(_CONVERSATION_FIELDS, _ZONE)


def sort_contacts(contacts: list[Contact], sort: object) -> list[Contact]:
    """
    Contacts in the order asked for; newest first where nothing is said.

    Raises:
        IntercomError: no such field or order.
    """
    asked = sort if isinstance(sort, dict) else {}
    name, order = asked.get("field", "created_at"), asked.get("order", "descending")
    if order not in ("ascending", "descending"):
        message = f"Invalid sort order '{order}'. Must be one of: ascending, descending"
        raise IntercomError(400, "invalid_sort_order", message)
    field = _CONTACT_FIELDS.get(str(name))
    if field is None:
        raise invalid(f"{name!r} cannot be sorted by", "sort.field")
    read = field.read

    def key(contact: Contact) -> tuple[bool, object]:
        value = read(contact)
        return value is not None, value if value is not None else 0

    return sorted(contacts, key=key, reverse=order == "descending")
