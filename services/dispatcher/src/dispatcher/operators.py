"""HTTP for operators, proactivectl, tracker and panels: what the dispatcher knows of a message. Never public."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import SecretStr

from dispatcher.channels_http import LIST, OperatedChannels
from dispatcher.domain.states import MOVING, Job
from dispatcher.erasing_http import Erasing
from dispatcher.ports import Jobs
from dispatcher.reachability import Reachability
from runtime.http import errors_as_problems, measured, problem, require_bearer


def operators_app(
    jobs: Jobs,
    tokens: Sequence[SecretStr],
    *others: OperatedChannels | Reachability | Erasing,
    service_tokens: Sequence[SecretStr] = (),
    scaling_tokens: Sequence[SecretStr] = (),
) -> web.Application:
    """
    GET /v1/workspaces/{workspace_id}/jobs/{message_id}, and what `others` serve, with a bearer token.

    With one of `service_tokens` everything may be read, and with one of `scaling_tokens` GET /v1/channels alone.
    """

    async def show(request: web.Request) -> web.Response:
        try:
            message_id = UUID(request.match_info["message_id"])
        except ValueError:
            return problem(400, "Bad message id", "message_id must be a UUID.")
        job = await jobs.find(request.match_info["workspace_id"], message_id)
        if job is None:
            return problem(404, "Unknown message", "No dispatcher took a message with this id in this workspace.")
        return web.json_response(_document(job))

    def lesser(request: web.Request) -> Sequence[SecretStr]:
        if request.method != "GET":
            return ()
        return [*service_tokens, *scaling_tokens] if request.path == LIST else service_tokens

    bearer = require_bearer(tokens, lesser=lesser)
    app = web.Application(middlewares=[measured("dispatcher_operators"), errors_as_problems, bearer])
    app.router.add_get("/v1/workspaces/{workspace_id:[A-Za-z0-9_-]{1,64}}/jobs/{message_id}", show)
    for other in others:
        other.add_to(app)
    return app


def _document(job: Job) -> dict[str, Any]:
    """
    Without text and number. `reason`: of a message that failed or waits; `doubts`: how many attempts may have sent it.

    `due_at`: when it moves on by itself; null where nothing is left to do.
    """
    told = job.result or {}
    about = job.request.model_dump(mode="json") if job.request else told
    return {
        "workspace_id": job.workspace_id,
        "message_id": str(job.message_id),
        "event_id": str(job.event_id),
        "channel": about.get("channel"),
        "channel_id": about.get("channel_id"),
        "lane": job.lane,
        "state": job.state,
        "since": job.since.isoformat(),
        "reason": told.get("reason"),
        "attempt": job.attempt,
        "doubts": len(job.doubts),
        "due_at": job.due_at.isoformat() if job.due_at and job.state in MOVING else None,
        "not_after": job.not_after.isoformat(),
        "provider": job.provider,
        "provider_message_id": job.provider_message_id,
        "receipt": job.receipt,
        "marked_by": told["requested_by"]["name"] if "verdict" in told else None,
    }
