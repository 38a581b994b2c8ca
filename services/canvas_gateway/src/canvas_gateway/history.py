"""The history of sent messages, read from status_tracker over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

import aiohttp
from pydantic import BaseModel, SecretStr, ValidationError

from canvas_gateway.domain.history import Message, Page, SearchRefused, SearchTrouble
from canvas_gateway.domain.state import Filter
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.ports import NO_FILTER
from proactive_contracts.envelope import text_digest
from runtime.logs import get_logger

Read = TypeVar("Read", bound=BaseModel)

REFUSALS = {
    "urn:proactive:search-unclear": SearchTrouble.UNCLEAR,
    "urn:proactive:search-ends-too-many-numbers": SearchTrouble.TOO_MANY,
}
"""The types of the problems that are about what was typed (docs/history-api.md)."""

log = get_logger()


class TrackedHistory:
    """status_tracker's HTTP API. Raises Interruption(HISTORY_DOWN) for every answer that is not one."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: SecretStr) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"}

    async def page(
        self,
        workspace_id: str,
        *,
        limit: int,
        seconds: float,
        conversation_id: str | None = None,
        requested_by: str | None = None,
        wanted: Filter = NO_FILTER,
        cursor: str | None = None,
    ) -> Page:
        """Some messages, newest first. Raises SearchRefused as well."""
        asked = {
            "conversation_id": conversation_id,
            "requested_by": requested_by,
            "channel": wanted.channel,
            "status": ",".join(wanted.standing.statuses) if wanted.standing else None,
            "search": wanted.search,
            "cursor": cursor,
        }
        query = {"limit": str(limit), **{name: value for name, value in asked.items() if value}}
        found = await self._get(Page, workspace_id, "messages", query, seconds)
        return found or Page()

    async def message(self, workspace_id: str, message_id: UUID, seconds: float) -> Message | None:
        """One message with its timeline; None where the history does not know it."""
        return await self._get(Message, workspace_id, f"messages/{message_id}", {}, seconds)

    async def repeated(
        self, workspace_id: str, recipient: str, text: str, message_id: UUID, resend_of: UUID | None, seconds: float
    ) -> Message | None:
        """The message of the last minutes that `message_id`, or the re-send of another, would repeat."""
        query = {"recipient": recipient, "text_digest": text_digest(text), "message_id": str(message_id)}
        if resend_of is not None:
            query["resend_of"] = str(resend_of)
        found = await self._get(Page, workspace_id, "repeated", query, seconds)
        return found.messages[0] if found is not None and found.messages else None

    async def _get(
        self, model: type[Read], workspace_id: str, path: str, query: Mapping[str, str], seconds: float
    ) -> Read | None:
        url = f"{self._base_url}/v1/workspaces/{quote(workspace_id, safe='')}/{path}"
        try:
            async with (
                asyncio.timeout(max(0.05, seconds)),
                self._session.get(url, params=query, headers=self._headers, allow_redirects=False) as answer,
            ):
                status, body = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("history_unreachable", error=type(error).__name__)
            raise Interruption(Kind.HISTORY_DOWN) from None
        return self._read(model, status, body)

    def _read(self, model: type[Read], status: int, body: bytes) -> Read | None:
        if status == 404:
            return None
        if status == 400 and (why := _about_the_search(body)) is not None:
            raise SearchRefused(why)
        if status != 200:
            log.warning("history_refused", status=status)
            raise Interruption(Kind.HISTORY_DOWN)
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            log.error("history_unreadable", fields=[str(problem["loc"]) for problem in error.errors()[:5]])
            raise Interruption(Kind.HISTORY_DOWN) from None


def _about_the_search(problem: bytes) -> SearchTrouble | None:
    try:
        return REFUSALS.get(json.loads(problem)["type"])
    except (ValueError, KeyError, TypeError):
        return None
