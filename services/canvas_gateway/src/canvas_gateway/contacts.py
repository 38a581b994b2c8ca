"""People in Intercom, found with the workspace's token; Intercom's troubles become ours, one for one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp

from canvas_gateway.canvas_kit.plain import without_unfit
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Person, Workspace
from intercom_api import (
    REGIONS,
    Contact,
    Intercom,
    IntercomError,
    NoAnswer,
    NotFound,
    RateLimited,
    Unreachable,
)
from runtime.logs import get_logger

_CALL_SECONDS = 3.0

log = get_logger()


class IntercomContacts:
    """Users and leads of any connected workspace. `base_url`, where it is given, stands in for every region's."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        token_of: Callable[[str], Awaitable[str]],
        base_url: str | None = None,
    ) -> None:
        self._session = session
        self._token_of = token_of
        self._base_url = base_url

    async def get(self, workspace: Workspace, contact_id: str, seconds: float) -> Person | None:
        """One person, or the one that they were merged into; None where there is none."""
        async with self._intercom(workspace, seconds) as intercom:
            try:
                return _person(await intercom.get_contact(contact_id))
            except NotFound:
                return None

    async def find(self, workspace: Workspace, field: str, value: str, seconds: float) -> Sequence[Person]:
        """Everybody whose `id`, `email` or `phone` it is, newest seen first."""
        async with self._intercom(workspace, seconds) as intercom:
            searches = {
                "id": intercom.find_by_id,
                "email": intercom.find_by_email,
                "phone": intercom.find_by_phone,
            }
            try:
                return [_person(contact) for contact in await searches[field](value)]
            except NotFound:
                return []

    @asynccontextmanager
    async def _intercom(self, workspace: Workspace, seconds: float) -> AsyncIterator[Intercom]:
        token = await self._token_of(workspace.id)
        base_url = self._base_url or REGIONS.get(workspace.region, REGIONS["us"])
        try:
            async with asyncio.timeout(max(0.05, seconds)):
                yield Intercom(self._session, base_url, token, timeout_seconds=_CALL_SECONDS)
        except (IntercomError, TimeoutError) as error:
            log.warning("intercom_failed", error=type(error).__name__, workspace_id=workspace.id)
            raise _interruption(error) from None


def _interruption(error: Exception) -> Interruption:
    match error:
        case RateLimited() as busy:
            return Interruption(Kind.INTERCOM_BUSY, busy.retry_after_seconds)
        case Unreachable():
            return Interruption(Kind.INTERCOM_DOWN)
        case TimeoutError() | NoAnswer(__cause__=TimeoutError()):
            return Interruption(Kind.INTERCOM_SLOW)
        case NoAnswer(__cause__=aiohttp.ClientError()):
            return Interruption(Kind.INTERCOM_DOWN)
        case NoAnswer():
            return Interruption(Kind.INTERCOM_FAILED)
        case _:
            return Interruption(Kind.INTERCOM_REFUSED)


def _person(contact: Contact) -> Person:
    return Person(
        id=contact.id,
        external_id=_short(contact.external_id),
        role=_short(contact.role),
        name=_short(contact.name),
        email=_short(contact.email),
        phone=_short(contact.phone),
        last_seen_at=contact.last_seen_at,
    )


def _short(text: str | None) -> str | None:
    """A panel's state holds 64 KB; what is longer than that is nobody's name."""
    return without_unfit(text)[:200] or None if text else None
