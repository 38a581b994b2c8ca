"""The operators' HTTP about channels: how each sender stands, and what it may be told to do."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatcher.domain import gates
from dispatcher.domain.breakers import Breaker
from dispatcher.domain.gates import Shut, Wait
from dispatcher.gates import host_of
from dispatcher.ports import ChannelDirectory
from dispatcher.storage.senders import ListedSender, Senders
from proactive_contracts.values import Channel
from runtime.http import problem
from runtime.logs import get_logger

LIST = "/v1/channels"

log = get_logger()


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    by: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")


class _Pause(_Asked):
    paused: bool


class _Limit(_Asked):
    per_second: float | None = Field(ge=gates.LEAST_PER_SECOND, le=gates.MOST_PER_SECOND, allow_inf_nan=False)


Body = TypeVar("Body", bound=_Asked)


class OperatedChannels:
    """GET /v1/channels, PUT /v1/channels/{id}/pause and PUT /v1/channels/{id}/limit."""

    def __init__(self, senders: Senders, channels: ChannelDirectory) -> None:
        self._senders = senders
        self._channels = channels

    def add_to(self, app: web.Application) -> None:
        """Serve them."""
        app.router.add_get(LIST, self._list)
        app.router.add_put("/v1/channels/{channel_id}/pause", self._pause)
        app.router.add_put("/v1/channels/{channel_id}/limit", self._limit)

    async def _list(self, _request: web.Request) -> web.Response:
        listed = await self._senders.list()
        return web.json_response({"channels": [_document(one) for one in listed], "due": _due(listed)})

    async def _pause(self, request: web.Request) -> web.Response:
        found = await self._read(request, _Pause)
        if isinstance(found, web.Response):
            return found
        channel_id, asked = found
        if asked.paused:
            await self._senders.pause(channel_id, asked.by)
        else:
            await self._senders.resume(channel_id)
        log.warning("channel_paused" if asked.paused else "channel_resumed", channel_id=str(channel_id), by=asked.by)
        return await self._shown(channel_id)

    async def _limit(self, request: web.Request) -> web.Response:
        found = await self._read(request, _Limit)
        if isinstance(found, web.Response):
            return found
        channel_id, asked = found
        await self._senders.limit(channel_id, asked.per_second)
        log.warning("channel_limited", channel_id=str(channel_id), per_second=asked.per_second, by=asked.by)
        return await self._shown(channel_id)

    async def _read(self, request: web.Request, model: type[Body]) -> tuple[UUID, Body] | web.Response:
        """The channel, with a row to write to, and what is asked."""
        try:
            channel_id = UUID(request.match_info["channel_id"])
        except ValueError:
            return problem(400, "Bad channel id", "The channel's id must be a UUID.")
        try:
            asked = model.model_validate_json(await request.read())
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False, include_context=False)
            words = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}" for one in wrong)
            return problem(400, "Bad request", words)
        channel = await self._channels.find(channel_id)
        if channel is None:
            return problem(404, "Unknown channel", "No such channel is connected.")
        await self._senders.know(channel_id, channel.channel, channel.workspace_id, host_of(channel))
        return channel_id, asked

    async def _shown(self, channel_id: UUID) -> web.Response:
        return web.json_response(_document((await self._senders.list(channel_id))[0]))


def _document(listed: ListedSender) -> dict[str, Any]:
    standing = listed.standing
    sender, host, now = standing.sender, standing.host, standing.now
    admission = gates.admit(sender, host, now)
    return {
        "channel_id": str(listed.channel_id),
        "workspace_id": listed.workspace_id,
        "name": listed.name,
        "channel": listed.channel,
        "state": _state(admission),
        "waiting": listed.waiting,
        "per_second": sender.meter.per_second,
        "paused_at": _moment(sender.paused_at),
        "paused_by": sender.paused_by,
        "held_until": _moment(sender.held_until) if sender.held_until and sender.held_until > now else None,
        "breaker": _breaker(sender.breaker),
        "provider": host.name,
        "provider_breaker": _breaker(host.breaker),
    }


def _due(listed: Iterable[ListedSender]) -> dict[str, int]:
    """For each kind of channel, the jobs that wait for a worker or their sender's rate alone: what workers scale by."""
    due = dict.fromkeys(map(str, Channel), 0)
    for one in listed:
        standing = one.standing
        if not isinstance(gates.admit(standing.sender, standing.host, standing.now), Shut):
            due[one.channel] += one.due
    return due


def _state(admission: Wait | Shut | None) -> str:
    """One word: open, or what keeps its messages."""
    return admission.gate.value if isinstance(admission, Shut) else "open"


def _breaker(breaker: Breaker) -> dict[str, Any] | None:
    if breaker.cause is None:
        return None
    why = breaker.why
    return {
        "cause": breaker.cause.value,
        "opened_at": _moment(breaker.opened_at),
        "retry_at": _moment(breaker.retry_at),
        "probing": breaker.probing_since is not None,
        "provider_code": None if why is None else why.provider_code,
        "detail": None if why is None else why.detail,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
