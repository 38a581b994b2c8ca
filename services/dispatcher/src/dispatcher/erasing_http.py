"""The operators' HTTP to erase a person: how much there is, and its removal."""

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web
from pydantic import ValidationError

from directory.erasures import ErasureAsked
from dispatcher.domain.states import CancelAsked
from dispatcher.storage.erasing import PostgresErasing
from dispatcher.storage.jobs import PostgresJobs
from proactive_contracts.values import Service
from runtime.http import problem
from runtime.logs import get_logger, masked

log = get_logger()


class Erasing:
    """POST /v1/workspaces/{workspace_id}/erasures: only counts unless `erase` is true. Safe to repeat."""

    def __init__(self, jobs: PostgresJobs, erasing: PostgresErasing) -> None:
        self._jobs = jobs
        self._erasing = erasing

    def add_to(self, app: web.Application) -> None:
        """Serve it."""
        app.router.add_post("/v1/workspaces/{workspace_id:[A-Za-z0-9_-]{1,64}}/erasures", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        """What was there before; of that, what waits is stopped, and what has ended removed."""
        try:
            asked = ErasureAsked.model_validate_json(await request.read())
        except ValidationError:
            return problem(400, "Bad request", "It takes number (E.164), by, erase (true or false), and only (ids).")
        workspace_id = request.match_info["workspace_id"]
        found = await self._erasing.find(workspace_id, asked.number, asked.only)
        counts = {
            "waiting": len(found.waiting),
            "under_way": len(found.under_way),
            "ended": len(found.ended),
            "recipients": found.recipients,
        }
        if asked.erase:
            await self._stop(workspace_id, found.waiting, asked.by)
            await self._erasing.erase(workspace_id, asked.number, asked.only)
            log.warning("person_erased", workspace_id=workspace_id, number=masked(asked.number), by=asked.by, **counts)
        left = [*found.waiting, *found.under_way]
        return web.json_response({**counts, "left": list(map(str, left)), "ids": list(map(str, found.ended))})

    async def _stop(self, workspace_id: str, waiting: Sequence[UUID], by: str) -> None:
        for message_id in waiting:
            await self._jobs.settle(workspace_id, message_id, CancelAsked(Service(name=by)), tell_in=0)
