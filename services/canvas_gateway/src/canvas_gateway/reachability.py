"""Who can be reached, read from the dispatcher over HTTP: what is not told at once is not told."""

import asyncio
from collections.abc import Mapping
from urllib.parse import quote
from uuid import UUID

import aiohttp
from pydantic import SecretStr, ValidationError

from canvas_gateway.domain.reach import Reach, Reached
from directory.recent import Recent
from runtime.logs import get_logger

SECONDS = 1.0
"""How long an agent waits for it."""

REMEMBERED_SECONDS = 10.0
"""Also that nothing was told: a dispatcher that hangs costs a second now and then, not at each click."""

log = get_logger()


class DispatcherReachability:
    """The dispatcher's HTTP, in the panel's words. Never raises and never takes long."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: SecretStr) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._recent: Recent[tuple[str, str | None], Mapping[UUID, Reach]] = Recent(REMEMBERED_SECONDS)

    async def of(self, workspace_id: str, recipient: str | None) -> Mapping[UUID, Reach]:
        """What is known of each connected channel, and of this number there; nothing where that was not told."""
        return await self._recent.get((workspace_id, recipient), self._ask)

    async def _ask(self, about: tuple[str, str | None]) -> Mapping[UUID, Reach]:
        workspace_id, recipient = about
        url = f"{self._base_url}/v1/workspaces/{quote(workspace_id, safe='')}/reachability"
        query = {} if recipient is None else {"recipient": recipient}
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._session.get(url, params=query, headers=self._headers, allow_redirects=False) as answer,
            ):
                status, body = answer.status, await answer.read()
            if status != 200:
                log.warning("reachability_refused", status=status)
                return {}
            return {one.channel_id: one for one in Reached.model_validate_json(body).channels}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("reachability_not_told", error=type(error).__name__)
        except ValidationError as error:
            log.error("reachability_unreadable", fields=[str(problem["loc"]) for problem in error.errors()[:5]])
        return {}
