"""The dispatcher's operators' HTTP."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from runtime.logs import get_logger
from status_tracker.domain.findings import Job
from status_tracker.ports import LookUp, Taken

_STATES: Final = {
    "waiting": Status.WAITING,
    "sending": Status.SENDING,
    "resolving": Status.SENDING,
    "unknown": Status.UNKNOWN,
    "accepted": Status.SENT,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "expired": Status.EXPIRED,
    "not_sent": Status.NOT_SENT,
}
"""A job's states as statuses."""

log = get_logger()


class DispatcherClient:
    """Asks what is known there of a message."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: SecretStr) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._token = token

    async def look_up(self, workspace_id: str, message_id: UUID) -> LookUp:
        """404 means that it never saw it; only 200 means that it did."""
        url = f"{self._base_url}/v1/workspaces/{workspace_id}/jobs/{message_id}"
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                return await _look_up(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("dispatcher_unreachable", error=type(error).__name__, detail=str(error)[:200])
            return LookUp(Taken.NO_ANSWER)


async def _look_up(response: aiohttp.ClientResponse) -> LookUp:
    if response.status == 200:
        return LookUp(Taken.YES, await _job(response))
    if response.status == 404 and response.content_type == "application/problem+json":
        return LookUp(Taken.NEVER)
    # also a stranger's 404: from a wrong address or a proxy, it proves nothing
    log.warning("dispatcher_answer_unusable", status=response.status)
    return LookUp(Taken.NO_ANSWER)


async def _job(response: aiohttp.ClientResponse) -> Job | None:
    try:
        return _read(await response.json())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("dispatcher_job_unreadable", error=type(error).__name__)
        return None


def _read(told: dict[str, Any]) -> Job:
    reason, due_at = told.get("reason"), told.get("due_at")
    return Job(
        event_id=UUID(told["event_id"]),
        status=_STATES[told["state"]],
        attempt=int(told["attempt"]),
        since=_moment(told["since"]),
        reason=FailureReason(reason) if reason else None,
        due_at=_moment(due_at) if due_at else None,
        provider=told.get("provider"),
        provider_message_id=told.get("provider_message_id"),
    )


def _moment(told: str) -> datetime:
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a moment without its offset")
    return moment
