"""What status_tracker knows of a message, asked over its HTTP until it is final."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp

from proactive_contracts.status import Status
from proactivectl.environment import explained
from proactivectl.failures import Failure

PAUSE_SECONDS = 0.5
REQUEST_SECONDS = 5.0

FINAL = frozenset(
    {
        Status.NOT_CONFIRMED,
        Status.CANCELLED,
        Status.EXPIRED,
        Status.NOT_SENT,
        Status.FAILED,
        Status.DELIVERED,
        Status.READ,
    }
)
"""Statuses after which waiting longer tells nothing new."""

LEFT = frozenset({Status.SENT, Status.DELIVERED, Status.READ})
"""Statuses of a message that has left for the customer."""


@dataclass(frozen=True)
class History:
    """The tracker's HTTP, with a service token."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def follow(self, workspace_id: str, message_id: UUID, seconds: float) -> AsyncIterator[dict[str, Any]]:
        """
        The message each time that it was asked for, until its status is final or `seconds` are over.

        Nothing is yielded while the tracker has not read of it. An answer that fails is asked for again.

        Raises:
            Failure: the tracker refuses our token, or did not answer once.
        """
        loop = asyncio.get_running_loop()
        end, trouble, answered = loop.time() + seconds, "", False
        while True:
            try:
                message = await self._message(workspace_id, message_id)
                answered = True
                if message is not None:
                    yield message
                    if Status(message["status"]) in FINAL:
                        return
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                trouble = explained(error)
            if loop.time() + PAUSE_SECONDS > end:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        if not answered:
            what = f"message {message_id} was published, but the tracker at {self.url} does not answer ({trouble})"
            raise Failure(what, "Start it, or correct PROACTIVE_TRACKER_URL.")

    async def _message(self, workspace_id: str, message_id: UUID) -> dict[str, Any] | None:
        url = f"{self.url.rstrip('/')}/v1/workspaces/{quote(workspace_id)}/messages/{message_id}"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.get(url, headers=headers, allow_redirects=False) as answer:
            if answer.status == 404:
                return None
            if answer.status in (401, 403):
                what = f"message {message_id} was published, but the tracker at {self.url} refused our token"
                raise Failure(what, "Correct PROACTIVE_TRACKER_TOKEN.")
            answer.raise_for_status()
            message: dict[str, Any] = await answer.json()
            return message
