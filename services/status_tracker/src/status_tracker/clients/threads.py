"""Notes in Intercom's conversations."""

from intercom_api import IntercomError
from status_tracker.clients.connection import Connection, author, of_read, of_write


class IntercomThreads:
    """Of every workspace, each with its own token and region."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def contains(self, workspace_id: str, conversation_id: str, marker: str) -> bool:
        """Whether a part of the conversation holds the marker."""
        _, intercom = await self._connection.to(workspace_id)
        try:
            return await intercom.conversation_parts_contain(conversation_id, marker)
        except IntercomError as error:
            raise of_read(error) from error

    async def add_note(self, workspace_id: str, conversation_id: str, admin_id: str | None, html: str) -> None:
        """Write a note as the teammate, or as the workspace's default one."""
        workspace, intercom = await self._connection.to(workspace_id)
        try:
            await intercom.add_note(conversation_id, author(workspace, admin_id), html)
        except IntercomError as error:
            raise of_write(error) from error
