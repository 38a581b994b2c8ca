"""New conversations in Intercom, opened as a teammate's in-app message."""

from collections.abc import Sequence
from datetime import datetime

from intercom_api import Contact, Intercom, IntercomError, NotFound, Refused, Unauthorized, inbox_url
from status_tracker.clients.connection import Connection, author, of_read, of_write
from status_tracker.domain.conversations import same_text
from status_tracker.ports import Impossible, NotYet


class IntercomConversations:
    """Of every workspace, each with its own token and region. A merged contact stands for the one it became."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(
        self, workspace_id: str, contact_id: str, admin_id: str | None, html: str, since: datetime
    ) -> Sequence[str]:
        """Those that the teammate, or the workspace's default one, began with this text since then, oldest first."""
        workspace, intercom = await self._connection.to(workspace_id)
        sender = author(workspace, admin_id)
        contact = await _contact(intercom, contact_id)
        try:
            found = await intercom.conversations_since(contact.id, since)
        except IntercomError as error:
            raise _refusal(error) or of_read(error) from error
        return [one.id for one in found if one.was_begun_by(sender) and same_text(one.body or "", html)]

    async def open(self, workspace_id: str, contact_id: str, admin_id: str | None, html: str) -> str:
        """Open one; its id."""
        workspace, intercom = await self._connection.to(workspace_id)
        sender = author(workspace, admin_id)
        if not (sender.isascii() and sender.isdigit()):
            raise Impossible(f"{sender[:50]!r} is no teammate's id in Intercom.")
        contact = await _contact(intercom, contact_id)
        try:
            opened = await intercom.open_conversation(int(sender), contact, html)
        except NotFound as error:
            raise NotYet(_words(error)) from error
        except IntercomError as error:
            raise _refusal(error) or of_write(error) from error
        if opened is None:
            raise Impossible("Intercom took the text, but does not say where. Look for it in the customer's profile.")
        return opened

    async def settle(self, workspace_id: str, conversation_id: str, admin_id: str | None) -> None:
        """Mark it as read and assign it to its sender, as far as the workspace wants that."""
        workspace, intercom = await self._connection.to(workspace_id)
        try:
            if workspace.open_new_read:
                await intercom.mark_as_read(conversation_id)
            if workspace.open_new_assign and admin_id is not None:
                await intercom.assign(conversation_id, admin_id)
        except IntercomError as error:
            raise of_read(error) from error

    async def address(self, workspace_id: str, conversation_id: str) -> str:
        """Where teammates read it."""
        workspace, _ = await self._connection.to(workspace_id)
        return inbox_url(workspace_id, workspace.region, conversation_id)


async def _contact(intercom: Intercom, contact_id: str) -> Contact:
    """The user or lead as Intercom has them now, which the request may not know: leads become users, and merge."""
    try:
        contact = await intercom.get_contact(contact_id)
    except NotFound as error:
        raise NotYet(f"Intercom does not know this user or lead ({error.status}).") from error
    except IntercomError as error:
        raise of_read(error) from error
    if contact.role not in ("user", "lead"):
        raise Impossible(f"Intercom opens conversations with users and leads only; this one is a {contact.role[:30]}.")
    return contact


def _refusal(error: IntercomError) -> Impossible | None:
    """A refusal for good in words that an agent can pass on."""
    if isinstance(error, Refused) and not isinstance(error, Unauthorized):
        return Impossible(_words(error))
    return None


def _words(error: Refused) -> str:
    said = " ".join(part for part in (str(error.status), error.code, error.detail) if part)
    return f"Intercom refused it ({said})."
