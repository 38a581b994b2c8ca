"""Receipts and replies in: what providers POST to us, verified, published with a confirm, then answered."""

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from dispatcher import metrics
from dispatcher.handlers import SOURCE
from dispatcher.ports import (
    Announcements,
    Callback,
    ChannelDirectory,
    ChannelInUse,
    Jobs,
    Provider,
    UnreadableCallback,
)
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import receipt_id
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from runtime import clock
from runtime.amqp.publisher import PublishFailed
from runtime.http import MAX_BODY, errors_as_problems, problem
from runtime.logs import get_logger
from runtime.postgres import TROUBLE

_TROUBLE: tuple[type[Exception], ...] = (PublishFailed, *TROUBLE)

log = get_logger()


class Webhooks:
    """POST /webhooks/<provider>/<channel id>: the address that we give to providers, below `public_url`."""

    def __init__(
        self,
        channels: ChannelDirectory,
        providers: Mapping[str, Provider],
        jobs: Jobs,
        announcements: Announcements,
        public_url: str,
    ) -> None:
        self._channels = channels
        self._providers = providers
        self._jobs = jobs
        self._announcements = announcements
        self._public_url = public_url.rstrip("/")

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[errors_as_problems])
        app.router.add_post("/webhooks/{provider}/{channel_id}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        name = request.match_info["provider"]
        provider = self._providers.get(name)
        try:
            channel = await self._channel(request, name) if provider else None
            if provider is None or channel is None:
                return problem(404, "No such webhook", "No connected channel has this address.")
            if not channel.credentials:
                metrics.called_back(name, "not_stored")
                return problem(503, "Not stored", "The channel's credentials cannot be read now. Send it again.")
            return await self._take(request, provider, channel)
        except _TROUBLE as error:
            log.warning("callback_not_stored", provider=name, error=type(error).__name__)
            metrics.called_back(name if provider else "unknown", "not_stored")
            return problem(503, "Not stored", "It could not be stored now. Send it again.")

    async def _channel(self, request: web.Request, provider: str) -> ChannelInUse | None:
        try:
            channel = await self._channels.find(UUID(request.match_info["channel_id"]))
        except ValueError:
            return None
        return channel if channel is not None and channel.provider == provider else None

    async def _take(self, request: web.Request, provider: Provider, channel: ChannelInUse) -> web.Response:
        callback = Callback(
            url=self._public_url + request.raw_path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
            received_at=clock.now(),
        )
        if not provider.verify(callback, channel):
            metrics.called_back(provider.name, "bad_signature")
            log.warning("callback_refused", provider=provider.name, channel_id=str(channel.id))
            return problem(401, "Bad signature", "The signature does not match the address and the body.")
        try:
            reports = provider.read_callback(callback, channel)
        except UnreadableCallback as error:
            metrics.called_back(provider.name, "unreadable")
            log.warning("callback_unreadable", provider=provider.name, channel_id=str(channel.id), detail=str(error))
            return problem(400, "Not understood", str(error))
        for report in reports:
            await self._publish(report)
        metrics.called_back(provider.name, "stored")
        return web.Response(status=204)

    async def _publish(self, report: DeliveryReported | ReplyReceived) -> None:
        word = report.status.value if isinstance(report, DeliveryReported) else "reply"
        code = report.provider_code if isinstance(report, DeliveryReported) else None
        identity = receipt_id(report.channel_id, report.provider_message_id, word, code)
        event = make_event(report, id=identity, time=clock.now(), source=SOURCE)
        await self._announcements.send(event)
        if isinstance(report, DeliveryReported):
            await self._jobs.record_receipt(report)
        log.info("callback_stored", channel_id=str(report.channel_id), kind=word)
