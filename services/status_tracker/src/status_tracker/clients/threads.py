"""Intercom's conversations, each workspace with its own token and region."""

import aiohttp

from directory import DirectoryError, UnknownWorkspace, Workspace, Workspaces
from intercom_api import (
    REGIONS,
    Intercom,
    IntercomError,
    NoAnswer,
    RateLimited,
    Refused,
    Unauthorized,
)
from runtime.postgres import TROUBLE
from status_tracker.ports import Impossible, MaybeDone, NotDone, ThreadError

CALL_SECONDS = 8.0
"""One call to Intercom: nobody waits for a note."""


class IntercomThreads:
    """`base_url` stands in for Intercom's own addresses where it is given."""

    def __init__(self, session: aiohttp.ClientSession, workspaces: Workspaces, base_url: str | None) -> None:
        self._session = session
        self._workspaces = workspaces
        self._base_url = base_url

    async def contains(self, workspace_id: str, conversation_id: str, marker: str) -> bool:
        """Whether a part of the conversation holds the marker. Looking changes nothing, so it is never MaybeDone."""
        _, intercom = await self._connected(workspace_id)
        try:
            return await intercom.conversation_parts_contain(conversation_id, marker)
        except NoAnswer as error:
            raise NotDone(str(error)) from error
        except IntercomError as error:
            raise _as_thread_error(error) from error

    async def add_note(self, workspace_id: str, conversation_id: str, admin_id: str | None, html: str) -> None:
        """Write a note as the teammate, or as the workspace's default one."""
        workspace, intercom = await self._connected(workspace_id)
        author = admin_id or workspace.default_admin_id
        if author is None:
            raise Impossible(
                f"workspace {workspace_id} has no default_admin_id to write notes of services as; "
                "set one with `proactivectl apply`"
            )
        try:
            await intercom.add_note(conversation_id, author, html)
        except IntercomError as error:
            raise _as_thread_error(error) from error

    async def _connected(self, workspace_id: str) -> tuple[Workspace, Intercom]:
        try:
            workspace = await self._workspaces.get(workspace_id)
            if workspace is None:
                raise Impossible(f"workspace {workspace_id} is not connected")
            token = await self._workspaces.token(workspace_id)
        except UnknownWorkspace as error:
            raise Impossible(str(error)) from error
        except DirectoryError as error:
            raise NotDone(str(error)) from error
        except TROUBLE as error:
            raise NotDone(f"the database does not answer ({type(error).__name__})") from error
        base_url = self._base_url or REGIONS[workspace.region]
        return workspace, Intercom(self._session, base_url, token, timeout_seconds=CALL_SECONDS)


def _as_thread_error(error: IntercomError) -> ThreadError:
    """A token can be repaired by an administrator within the day that a note is tried for; other refusals stay."""
    match error:
        case RateLimited():
            return NotDone(str(error), error.retry_after_seconds)
        case NoAnswer():
            return MaybeDone(str(error))
        case Unauthorized():
            return NotDone(str(error))
        case Refused():
            return Impossible(str(error))
        case _:
            return NotDone(str(error))
