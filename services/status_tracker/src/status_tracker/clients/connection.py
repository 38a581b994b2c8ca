"""Which Intercom a workspace is at, with its token; and Intercom's errors as ours."""

import aiohttp

from directory import DirectoryError, UnknownWorkspace, Workspace, Workspaces
from intercom_api import REGIONS, Intercom, IntercomError, NoAnswer, RateLimited, Refused, Unauthorized
from runtime.postgres import TROUBLE
from status_tracker.ports import Impossible, MaybeDone, NotDone, ThreadError

CALL_SECONDS = 8.0
"""One call to Intercom: nobody waits for a note."""


class Connection:
    """`base_url` stands in for Intercom's own addresses where it is given."""

    def __init__(self, session: aiohttp.ClientSession, workspaces: Workspaces, base_url: str | None) -> None:
        self._session = session
        self._workspaces = workspaces
        self._base_url = base_url

    async def to(self, workspace_id: str) -> tuple[Workspace, Intercom]:
        """The workspace and its Intercom. Raises ThreadError where it is not connected, or cannot be read now."""
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


def author(workspace: Workspace, admin_id: str | None) -> str:
    """The teammate, or the workspace's default one. Raises Impossible where there is neither."""
    found = admin_id or workspace.default_admin_id
    if found is None:
        raise Impossible(
            f"workspace {workspace.id} has no default_admin_id to write as for services; "
            "set one with `proactivectl apply`"
        )
    return found


def of_write(error: IntercomError) -> ThreadError:
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


def of_read(error: IntercomError) -> ThreadError:
    """The same for a call that changes nothing: it is never MaybeDone."""
    return NotDone(str(error)) if isinstance(error, NoAnswer) else of_write(error)
