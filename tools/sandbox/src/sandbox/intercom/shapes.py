"""Contacts, conversations and teammates as Intercom's API writes them."""

import html
import re
from urllib.parse import quote

from sandbox.fixtures import TIME_ZONE
from sandbox.world import Admin, Author, Contact, Conversation, Part, World

_AVATAR = "https://static.intercomassets.com/assets/default-avatars/admins/128.png"
_MOST_PARTS = 500


def admin(person: Admin) -> dict[str, object]:
    """A teammate in GET /admins and in canvas requests."""
    return {
        "type": "admin",
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "away_mode_enabled": False,
        "away_mode_reassign": False,
        "has_inbox_seat": True,
        "team_ids": [],
    }


def canvas_admin(person: Admin) -> dict[str, object]:
    """A teammate in a canvas request, where the avatar is an object."""
    return {**admin(person), "avatar": {"type": "avatar", "image_url": _AVATAR}}


def me(person: Admin, workspace_id: str, created_at: int) -> dict[str, object]:
    """GET /me: the teammate who made the token, and the workspace."""
    return {
        **canvas_admin(person),
        "email_verified": True,
        "app": {
            "type": "app",
            "id_code": workspace_id,
            "name": "Sandbox",
            "created_at": created_at,
            "secure": False,
            "identity_verification": False,
            "timezone": TIME_ZONE,
            "region": "US",
        },
    }


def contact(person: Contact, workspace_id: str) -> dict[str, object]:
    """A contact with every field of the description that an app meets; unknown ones are null."""
    empty = dict.fromkeys(_UNKNOWN_OF_CONTACT)
    return {
        "type": "contact",
        "id": person.id,
        "workspace_id": workspace_id,
        "external_id": person.external_id,
        "role": person.role,
        **_email(person),
        "phone": person.phone,
        "name": person.name,
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": False,
        "created_at": person.created_at,
        "updated_at": person.updated_at,
        "signed_up_at": person.created_at if person.role == "user" else None,
        "last_seen_at": person.last_seen_at,
        **empty,
        "custom_attributes": {},
        "tags": _sublist(person, "tags"),
        "notes": _sublist(person, "notes"),
        "companies": _sublist(person, "companies"),
        "location": {"type": "location", "country": None, "region": None, "city": None},
        "social_profiles": {"type": "list", "data": []},
        "merge_history": None,
    }


_UNKNOWN_OF_CONTACT = (
    "avatar",
    "owner_id",
    "last_replied_at",
    "last_contacted_at",
    "last_email_opened_at",
    "last_email_clicked_at",
    "language_override",
    "browser",
    "browser_version",
    "browser_language",
    "os",
    "android_app_name",
    "android_app_version",
    "android_device",
    "android_os_version",
    "android_sdk_version",
    "android_last_seen_at",
    "ios_app_name",
    "ios_app_version",
    "ios_device",
    "ios_os_version",
    "ios_sdk_version",
    "ios_last_seen_at",
)


def _email(person: Contact) -> dict[str, object]:
    # The description has no null here: a contact without an address has an empty one in practice.
    if person.email is None:
        return {"email": ""}
    return {"email": person.email, "email_domain": person.email.rpartition("@")[2]}


def _sublist(person: Contact, what: str) -> dict[str, object]:
    url = f"/contacts/{quote(person.id)}/{what}"
    return {"type": "list", "data": [], "url": url, "total_count": 0, "has_more": False}


def conversation(thread: Conversation, world: World, plain: bool = False) -> dict[str, object]:
    """A conversation with its parts, as GET /conversations/{id} gives it; `plain` takes the HTML out."""
    parts = [_part(part, plain) for part in thread.parts[-_MOST_PARTS:]]
    return {
        **canvas_conversation(thread, world, plain),
        "conversation_parts": {
            "type": "conversation_part.list",
            "conversation_parts": parts,
            "total_count": len(thread.parts),
        },
    }


def canvas_conversation(thread: Conversation, world: World, plain: bool = False) -> dict[str, object]:
    """A conversation without its parts, as canvas requests carry it."""
    person = world.contacts[thread.contact_id]
    return {
        "type": "conversation",
        "id": thread.id,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "waiting_since": None,
        "snoozed_until": thread.snoozed_until,
        "source": {
            "type": "conversation",
            "id": thread.source_id,
            "delivered_as": thread.delivered_as,
            "subject": "",
            "body": plain_text(thread.body) if plain else thread.body,
            "author": _author(thread.author),
            "attachments": [],
            "url": None,
            "redacted": False,
        },
        "contacts": {
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": person.id, "external_id": person.external_id}],
        },
        "first_contact_reply": None,
        **_assignee(thread),
        "open": thread.open,
        "state": thread.state,
        "read": thread.read,
        "tags": {
            "type": "tag.list",
            "tags": [tag_use(use.id, use.name, use.applied_at, use.admin_id) for use in thread.tags],
        },
        "priority": "none",
        "sla_applied": None,
        "statistics": None,
        "conversation_rating": None,
        "teammates": {
            "type": "admin.list",
            "teammates": [{"type": "admin", "id": one} for one in teammates_of(thread)],
        },
        "title": None,
        "custom_attributes": {},
        "linked_objects": {"type": "list", "data": [], "total_count": 0, "has_more": False},
        "ai_agent": None,
        "ai_agent_participated": False,
    }


def tag_use(tag_id: str, name: str, applied_at: int, admin_id: str) -> dict[str, object]:
    """A tag on a conversation."""
    applied_by = {"type": "admin", "id": admin_id}
    return {"type": "tag", "id": tag_id, "name": name, "applied_at": applied_at, "applied_by": applied_by}


def plain_text(body: str) -> str:
    """An HTML body as text, for display_as=plaintext."""
    broken = re.sub(r"(?i)<br\s*/?>|</(p|div|li|h[1-6])>", "\n", body)
    return html.unescape(re.sub(r"<[^>]*>", "", broken)).strip()


def _assignee(thread: Conversation) -> dict[str, object]:
    # Whom nobody is assigned to has 0 in both, by the description.
    return {"admin_assignee_id": int(thread.admin_assignee_id or 0), "team_assignee_id": 0}


def teammates_of(thread: Conversation) -> list[str]:
    """Who of the workspace wrote in a conversation."""
    return sorted({part.author.id for part in thread.parts if part.author.type == "admin"})


def _part(part: Part, plain: bool) -> dict[str, object]:
    return {
        "type": "conversation_part",
        "id": part.id,
        "part_type": part.part_type,
        "body": plain_text(part.body) if plain and part.body else part.body,
        "created_at": part.created_at,
        "updated_at": part.created_at,
        "notified_at": part.created_at,
        "assigned_to": {"type": "admin", "id": part.assigned_to} if part.assigned_to else None,
        "author": _author(part.author),
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "metadata": None,
        "email_message_metadata": None,
        "app_package_code": None,
        "tags": [],
    }


def _author(author: Author) -> dict[str, object]:
    given: dict[str, object] = {"type": author.type, "id": author.id, "name": author.name}
    return {**given, "email": author.email} if author.email else given
