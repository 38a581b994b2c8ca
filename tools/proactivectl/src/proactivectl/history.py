"""What status_tracker knows of a message, asked over its HTTP until it is final."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp

from proactive_contracts.status import Status
from proactivectl.environment import explained, variable
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

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, ValueError, KeyError)


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
            except _NO_ANSWER as error:
                trouble = explained(error)
            if loop.time() + PAUSE_SECONDS > end:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        if not answered:
            raise self._silent(f"message {message_id} was published, but ", trouble)

    async def find(self, workspace_id: str, message_id: UUID) -> dict[str, Any] | None:
        """
        The message with its timeline; None where the tracker knows none.

        Raises:
            Failure: the tracker refuses our token, or does not answer.
        """
        try:
            return await self._message(workspace_id, message_id)
        except _NO_ANSWER as error:
            raise self._silent("", explained(error)) from None

    async def page(self, workspace_id: str, **query: str | int) -> dict[str, Any]:
        """
        A page of messages, as docs/history-api.md has it.

        Raises:
            Failure: the tracker refuses our token or the question, or does not answer as it should.
        """
        url = f"{self.url.rstrip('/')}/v1/workspaces/{quote(workspace_id)}/messages"
        try:
            async with self.session.get(url, params=query, headers=self._headers, allow_redirects=False) as answer:
                self._check_token(answer)
                document: dict[str, Any] = await answer.json(content_type=None)
                if answer.status == 400:
                    raise Failure(f"the tracker does not understand it ({document['detail']})", "Correct it.")
                if answer.status >= 500:
                    what = f"the tracker at {self.url} has trouble of its own (HTTP {answer.status})"
                    raise Failure(what, "See the log of `status_tracker`, and its /readyz: they name what it misses.")
                if answer.status != 200 or "messages" not in document:
                    raise self._silent("", f"HTTP {answer.status}")
                return document
        except _NO_ANSWER as error:
            raise self._silent("", explained(error)) from None

    def _silent(self, before: str, trouble: str) -> Failure:
        what = f"{before}the tracker at {self.url} does not answer ({trouble})"
        return Failure(what, "Start it, or correct PROACTIVE_TRACKER_URL.")

    async def _message(self, workspace_id: str, message_id: UUID) -> dict[str, Any] | None:
        url = f"{self.url.rstrip('/')}/v1/workspaces/{quote(workspace_id)}/messages/{message_id}"
        async with self.session.get(url, headers=self._headers, allow_redirects=False) as answer:
            if answer.status == 404:
                return None
            self._check_token(answer, f" and tells nothing of message {message_id}")
            answer.raise_for_status()
            message: dict[str, Any] = await answer.json()
            return message

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _check_token(self, answer: aiohttp.ClientResponse, and_so: str = "") -> None:
        if answer.status in (401, 403):
            what = f"the tracker at {self.url} refused our token{and_so}"
            advice = "Correct PROACTIVE_TRACKER_TOKEN, or PROACTIVE_TRACKER_URL if it leads to another service."
            raise Failure(what, advice)


def tracker(otherwise: str = "") -> tuple[str, str]:
    """The tracker's address and our token for it; `otherwise` is what else one may do. Raises WrongUsage."""
    url = variable("PROACTIVE_TRACKER_URL", f"status_tracker's address{otherwise}")
    return url, variable("PROACTIVE_TRACKER_TOKEN", "one of the tracker's service tokens")


def entry_in_words(entry: dict[str, Any]) -> str:
    """One line of a timeline."""
    status = entry.get("status")
    what = Status(status).label if status else str(entry.get("event"))
    details = [
        str(entry.get("source") or ""),
        f"attempt {entry['attempt']}" if entry.get("attempt") else "",
        str(entry.get("reason") or ""),
        str(entry.get("provider_code") or ""),
        str(entry.get("detail") or ""),
        f"next try {_typed(entry['due_at'])}" if entry.get("due_at") else "",
        "" if entry.get("for_this_request", True) else "(another version of this message)",
    ]
    return f"{_typed(entry['at'])}  {what:<18} " + " · ".join(filter(None, details))


def meaning_of(message: dict[str, Any]) -> str:
    """What the message's status means; where nobody but a person says that it was sent, who."""
    status = Status(message["status"])
    entries = [one for one in message.get("timeline") or () if one.get("for_this_request", True)]
    marks = [one for one in entries if one.get("status") in LEFT]
    if status in LEFT and marks and {one.get("source") for one in marks} == {"person"}:
        return str(marks[-1].get("detail") or "A teammate marked it as sent.")
    return status.meaning


def clock_time(moment: datetime) -> str:
    """In the time zone of whoever runs the command."""
    return f"{moment.astimezone():%H:%M:%S}"


def _typed(moment: object) -> str:
    return clock_time(datetime.fromisoformat(str(moment)))
