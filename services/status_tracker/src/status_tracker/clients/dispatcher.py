"""The dispatcher's operators' HTTP."""

from uuid import UUID

import aiohttp
from pydantic import SecretStr

from runtime.logs import get_logger
from status_tracker.ports import Taken

log = get_logger()


class DispatcherClient:
    """Asks whether a message was ever seen there."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: SecretStr) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._token = token

    async def has_taken(self, workspace_id: str, message_id: UUID) -> Taken:
        """404 means that it never saw it; only 200 means that it did."""
        url = f"{self._base_url}/v1/workspaces/{workspace_id}/jobs/{message_id}"
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                status = response.status
                if status == 404 and response.content_type != "application/problem+json":
                    status = 0  # a stranger's 404, from a wrong address or a proxy, proves nothing
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("dispatcher_unreachable", error=type(error).__name__, detail=str(error)[:200])
            return Taken.NO_ANSWER
        if status not in (200, 404):
            log.warning("dispatcher_answer_unusable", status=status)
        return {200: Taken.YES, 404: Taken.NEVER}.get(status, Taken.NO_ANSWER)
