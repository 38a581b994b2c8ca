"""HTTP for operators and proactivectl: how much is under way, and the erasing of a person. Never public."""

from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web
from pydantic import SecretStr, ValidationError

from directory.erasures import ErasureAsked
from runtime.http import errors_as_problems, measured, problem, require_bearer
from runtime.logs import get_logger, masked
from status_tracker.storage import erasing, messages
from status_tracker.storage.database import Pool

log = get_logger()


def operators_app(pool: Pool, tokens: Sequence[SecretStr]) -> web.Application:
    """
    GET /v1/waiting: how many messages are under way, by channel, lane and status, and the age of the oldest.

    POST /v1/workspaces/{workspace_id}/erasures: only counts unless `erase` is true. Safe to repeat.
    """

    async def waiting(_request: web.Request) -> web.Response:
        return web.json_response({"waiting": [asdict(group) for group in await messages.waiting(pool)]})

    async def erase(request: web.Request) -> web.Response:
        """What was there before."""
        try:
            asked = ErasureAsked.model_validate_json(await request.read())
        except ValidationError:
            return problem(400, "Bad request", "It takes number (E.164), by, erase (true or false), and only (ids).")
        workspace_id = request.match_info["workspace_id"]
        found = await erasing.find(pool, workspace_id, asked.number, asked.only, asked.also)
        counts = {"under_way": len(found.under_way), "ended": found.ended, "replies": found.replies}
        if asked.erase:
            await erasing.erase(pool, workspace_id, asked.number, asked.only, asked.also)
            log.warning("person_erased", workspace_id=workspace_id, number=masked(asked.number), by=asked.by, **counts)
        return web.json_response({**counts, "left": [str(one) for one in found.under_way]})

    app = web.Application(middlewares=[measured("tracker_operators"), errors_as_problems, require_bearer(tokens)])
    app.router.add_get("/v1/waiting", waiting)
    app.router.add_post("/v1/workspaces/{workspace_id:[A-Za-z0-9_-]{1,64}}/erasures", erase)
    return app
