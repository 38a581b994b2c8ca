"""HTTP for panels: how a workspace's channels stand, and what each knows of one person. Never public."""

from datetime import datetime
from typing import Any

from aiohttp import web

from dispatcher.domain import gates
from dispatcher.domain.gates import Gate, Shut, Standing
from dispatcher.domain.recipients import window_open_until
from dispatcher.storage.recipients import Reach, Recipients
from runtime.http import problem

_LONGEST_RECIPIENT = 200


class Reachability:
    """GET /v1/workspaces/{workspace_id}/reachability?recipient=…: connected channels, and the one person if any."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients

    def add_to(self, app: web.Application) -> None:
        """Serve it."""
        app.router.add_get("/v1/workspaces/{workspace_id:[A-Za-z0-9_-]{1,64}}/reachability", self._tell)

    async def _tell(self, request: web.Request) -> web.Response:
        recipient = request.query.get("recipient") or None
        if recipient is not None and (len(recipient) > _LONGEST_RECIPIENT or "\x00" in recipient):
            return problem(400, "Bad recipient", f"At most {_LONGEST_RECIPIENT} characters, without NUL.")
        found = await self._recipients.reach(request.match_info["workspace_id"], recipient)
        return web.json_response({"channels": [_document(one) for one in found]})


def _document(reach: Reach) -> dict[str, Any]:
    standing = reach.standing
    admission = gates.admit(standing.sender, standing.host, standing.now)
    shut = admission if isinstance(admission, Shut) else None
    opt_out = reach.opt_out
    return {
        "channel_id": str(reach.channel_id),
        "state": "open" if shut is None else shut.gate.value,
        "since": None if shut is None else _moment(_since(shut, standing)),
        "until": None if shut is None else _moment(shut.until),
        "reason": None if shut is None else shut.why.reason.value,
        "opted_out": None
        if opt_out is None
        else {"at": opt_out.at.isoformat(), "provider_code": opt_out.provider_code},
        "seen_at": _moment(reach.seen_at),
        "window_open_until": _moment(window_open_until(reach.channel, reach.seen_at)),
    }


def _since(shut: Shut, standing: Standing) -> datetime | None:
    """When it was paused, or the breaker opened that keeps it from sending."""
    if shut.gate is Gate.PAUSED:
        return standing.sender.paused_at
    opened = (standing.sender.breaker.opened_at, standing.host.breaker.opened_at)
    return next((at for at in opened if at is not None), None) if shut.gate in {Gate.BLOCKED, Gate.FAILING} else None


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
