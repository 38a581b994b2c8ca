"""The operators' HTTP to erase a person: how much there is, and its removal."""

from dataclasses import asdict
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dispatcher.domain.states import CancelAsked
from dispatcher.storage.erasing import PostgresErasing
from dispatcher.storage.jobs import PostgresJobs
from proactive_contracts.values import E164, Service
from runtime.http import problem
from runtime.logs import get_logger, masked

log = get_logger()


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: Annotated[str, StringConstraints(pattern=f"^{E164.pattern}$")] = Field(repr=False)
    by: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    erase: bool


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
            asked = _Asked.model_validate_json(await request.read())
        except ValidationError:
            return problem(400, "Bad request", "It takes number (E.164), by (who asks) and erase (true or false).")
        workspace_id = request.match_info["workspace_id"]
        found = await self._erasing.count(workspace_id, asked.number)
        if asked.erase:
            await self._stop(workspace_id, asked)
            await self._erasing.erase(workspace_id, asked.number)
            log.warning(
                "person_erased", workspace_id=workspace_id, number=masked(asked.number), by=asked.by, **asdict(found)
            )
        return web.json_response(asdict(found))

    async def _stop(self, workspace_id: str, asked: _Asked) -> None:
        by = Service(name=f"{asked.by} (erasure)")
        for message_id in await self._erasing.waiting(workspace_id, asked.number):
            await self._jobs.settle(workspace_id, message_id, CancelAsked(by), tell_in=0)
