"""The calls that we make: contacts found, notes written, conversations opened, teammates listed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from intercom_api.calls import Answer, Calls
from intercom_api.errors import IntercomError, NoAnswer, NotFound
from intercom_api.models import Admin, Contact, Conversation, Identity
from intercom_api.spellings import spellings

REGIONS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
"""Where a workspace's REST API is, by the region that Intercom keeps its data in."""

_APPS = {
    "us": "https://app.intercom.com",
    "eu": "https://app.eu.intercom.com",
    "au": "https://app.au.intercom.com",
}

MATCHES = 50
"""Contacts of one search that are looked at: one page, Intercom's own default."""

MAX_CONVERSATION = 8 * 1024 * 1024
"""Bytes of a conversation that are read: Intercom gives its 500 latest parts with it, all in HTML."""

_INTERCOM_ID = re.compile(r"[0-9a-fA-F]{24}")
_CANONICAL = re.compile(r"<[^>]*/contacts/([0-9A-Za-z_-]+)>\s*;\s*rel=\"?canonical\"?")
_NEVER = datetime.fromtimestamp(0, UTC)

Read = TypeVar("Read", Contact, Admin, Conversation, Identity)


class Intercom:
    """
    One workspace's Intercom.

    Every call raises an IntercomError where Intercom did not do what was asked. Contacts that were just made
    may be missing from searches for minutes; merged ones never appear in them.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, token: str, *, timeout_seconds: float = 3
    ) -> None:
        self._calls = Calls(session, base_url.rstrip("/"), token, timeout_seconds)

    async def me(self) -> Identity:
        """Whose token it is."""
        return _read(Identity, (await self._calls.read("GET", "/me")).body)

    async def admins(self) -> list[Admin]:
        """The workspace's teammates."""
        answer = await self._calls.read("GET", "/admins")
        return [_read(Admin, fields) for fields in _objects(answer.body, "admins")]

    async def get_contact(self, contact_id: str) -> Contact:
        """
        One contact by Intercom's id; the one that it was merged into, where it was.

        Raises:
            NotFound: there is none, or what it was merged into is gone as well.
        """
        return await self._contact(f"/contacts/{_segment(contact_id)}")

    async def find_by_id(self, text: str) -> list[Contact]:
        """
        Whoever `text` is the id of: Intercom's own (24 hexadecimal digits), else an external id.

        External ids are looked up directly, which knows users only, and then searched, which finds leads.
        They may have 24 hexadecimal digits as well, so what is no Intercom id is tried as one of them.
        """
        text = text.strip()
        if _INTERCOM_ID.fullmatch(text):
            try:
                return [await self.get_contact(text.lower())]
            except NotFound:
                pass
        return await self.find_by_external_id(text)

    async def find_by_external_id(self, external_id: str) -> list[Contact]:
        """The user with the id that the customer's own systems use, else the leads; newest seen first."""
        if not external_id:
            return []
        try:
            return [await self._contact(f"/contacts/find_by_external_id/{_segment(external_id)}")]
        except NotFound:
            return await self.search_contacts({"field": "external_id", "operator": "=", "value": external_id})

    async def find_by_email(self, email: str) -> list[Contact]:
        """Whoever has this e-mail address, newest seen first."""
        email = email.strip()
        if not email:
            return []
        return await self.search_contacts({"field": "email", "operator": "=", "value": email})

    async def find_by_phone(self, phone: str) -> list[Contact]:
        """Whoever has this phone number in any usual spelling, newest seen first."""
        filters = [{"field": "phone", "operator": "=", "value": text} for text in spellings(phone)]
        if not filters:
            return []
        return await self.search_contacts({"operator": "OR", "value": filters})

    async def search_contacts(self, query: Mapping[str, Any]) -> list[Contact]:
        """The first MATCHES contacts of a search in Intercom's query language, newest seen first."""
        answer = await self._calls.read(
            "POST",
            "/contacts/search",
            {
                "query": query,
                "pagination": {"per_page": MATCHES},
                "sort": {"field": "last_seen_at", "order": "descending"},
            },
        )
        found = [_read(Contact, fields) for fields in _objects(answer.body, "data")]
        once = {contact.id: contact for contact in found}
        return sorted(once.values(), key=lambda contact: contact.last_seen_at or _NEVER, reverse=True)

    async def conversation_parts_contain(self, conversation_id: str, marker: str) -> bool:
        """
        Whether one of the conversation's parts, notes included, holds `marker`.

        Intercom gives the 500 latest parts. The marker has to be plain letters and digits: bodies are HTML.
        """
        path = f"/conversations/{_segment(conversation_id)}"
        answer = await self._calls.read("GET", path, max_answer=MAX_CONVERSATION)
        return any(marker in str(part.get("body") or "") for part in _parts(answer))

    async def add_note(self, conversation_id: str, admin_id: str, html_body: str) -> str | None:
        """
        Write an internal note, which customers never see; its part id where Intercom's answer names it.

        Raises:
            NoAnswer: it may have been written; look for it before writing again.
            NotFound: the conversation, or the teammate, is not there.
        """
        answer = await self._calls.write(
            f"/conversations/{_segment(conversation_id)}/reply",
            {"message_type": "note", "type": "admin", "admin_id": admin_id, "body": html_body},
        )
        notes = [part for part in _parts(answer) if part.get("part_type") == "note"]
        return str(notes[-1]["id"]) if notes and notes[-1].get("id") else None

    async def open_conversation(self, admin_id: int, contact: Contact, html_body: str) -> str | None:
        """
        Send a contact an in-app message of a teammate's, and open its conversation at once; the conversation's id.

        The contact reads it in the Messenger. None: it was sent, and Intercom does not say in which conversation.

        Raises:
            NoAnswer: it may have been sent.
            NotFound: the contact cannot be written to, which passes where it was just made; or there is no such admin.
        """
        answer = await self._calls.write(
            "/messages",
            {
                "message_type": "in_app",
                "body": html_body,
                "from": {"type": "admin", "id": admin_id},
                "to": {"type": contact.role, "id": contact.id},
                "create_conversation_without_contact_reply": True,
            },
        )
        opened = answer.body.get("conversation_id")
        return str(opened) if opened else await self._conversation_of(str(answer.body.get("id")))

    async def conversations_since(self, contact_id: str, since: datetime) -> list[Conversation]:
        """A contact's conversations that began after a moment, oldest first; the newest may be missing for minutes."""
        contact = {"field": "contact_ids", "operator": "=", "value": contact_id}
        recent = {"field": "created_at", "operator": ">", "value": int(since.timestamp())}
        return await self._search_conversations({"operator": "AND", "value": [contact, recent]})

    async def mark_as_read(self, conversation_id: str) -> None:
        """Mark a conversation as read by the teammates."""
        await self._calls.write(f"/conversations/{_segment(conversation_id)}", {"read": True}, "PUT")

    async def assign(self, conversation_id: str, admin_id: str) -> None:
        """Assign a conversation to a teammate, as that teammate."""
        await self._calls.write(
            f"/conversations/{_segment(conversation_id)}/parts",
            {"message_type": "assignment", "type": "admin", "admin_id": admin_id, "assignee_id": admin_id},
        )

    async def _conversation_of(self, message_id: str) -> str | None:
        """The conversation that a message began; the message was sent, so no error may say that it was not."""
        try:
            found = await self._search_conversations({"field": "source.id", "operator": "=", "value": message_id})
        except IntercomError:
            return None
        return found[0].id if found else None

    async def _search_conversations(self, query: Mapping[str, Any]) -> list[Conversation]:
        body = {"query": query, "pagination": {"per_page": MATCHES}}
        answer = await self._calls.read("POST", "/conversations/search", body, max_answer=MAX_CONVERSATION)
        found = [_read(Conversation, fields) for fields in _objects(answer.body, "conversations")]
        return sorted(found, key=lambda conversation: (conversation.created_at or _NEVER, conversation.id))

    async def _contact(self, path: str) -> Contact:
        answer = await self._calls.read("GET", path)
        if answer.status == 410:
            answer = await self._calls.read("GET", f"/contacts/{_canonical(path, answer)}")
        if answer.status == 410:
            raise NotFound(f"GET {path}", 410, "contact_merged", "merged more than once")
        return _read(Contact, answer.body)


def inbox_url(workspace_id: str, region: str, conversation_id: str) -> str:
    """Where teammates read a conversation in their browser."""
    app = _APPS.get(region, _APPS["us"])
    workspace, conversation = quote(workspace_id, safe=""), quote(conversation_id, safe="")
    return f"{app}/a/inbox/{workspace}/inbox/conversation/{conversation}"


def _canonical(path: str, answer: Answer) -> str:
    """The contact that another was merged into, as the Link header names it."""
    link = _CANONICAL.search(answer.headers.get("Link", ""))
    if link is None:
        raise NotFound(f"GET {path}", 410, "contact_merged", "the answer does not say into which contact")
    return link[1]


def _segment(text: str) -> str:
    """One step of a path. Only dots would be read as a way up, and no id consists of them."""
    if not text.strip("."):
        raise NotFound(f"id {text!r}", 404, "not_found", "no such id")
    return quote(text, safe="")


def _parts(answer: Answer) -> list[dict[str, Any]]:
    parts = answer.body.get("conversation_parts")
    return _objects(parts, "conversation_parts") if isinstance(parts, dict) else []


def _objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = body.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _read(model: type[Read], fields: Mapping[str, Any]) -> Read:
    try:
        return model.read(fields)
    except ValueError as error:
        raise NoAnswer(f"Intercom's answer is not what we know as {model.__name__}: {error}") from None
