"""Receipts and replies in: what providers POST to us, verified, published with a confirm, then answered."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from aiohttp import web

from directory.providers import PROVIDERS
from dispatcher import metrics
from dispatcher.handlers import SOURCE
from dispatcher.ports import (
    Announcements,
    Callback,
    ChannelDirectory,
    ChannelInUse,
    Jobs,
    Provider,
    RecipientJournal,
    Report,
    SharedCallbacks,
    Unreadable,
    UnreadableCallback,
)
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import receipt_id, traceparent_of
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReplyReceived
from runtime import clock
from runtime.amqp.publisher import PublishFailed
from runtime.http import errors_as_problems, measured, problem
from runtime.logs import about, get_logger
from runtime.postgres import TROUBLE

MAX_CALLBACK = 3 * 1024 * 1024
"""Bytes of a callback that are read: Meta's largest. A larger one would come again for days, and never be taken."""

_TROUBLE: tuple[type[Exception], ...] = (PublishFailed, *TROUBLE)

log = get_logger()


class _SealedChannel(Exception):
    """A channel that the callback is for has credentials that cannot be opened now."""


_Act: TypeAlias = Callable[[Callback, Provider, ChannelInUse], Awaitable[web.Response]]


class Webhooks:
    """
    POST /webhooks/<provider>/<channel id>: the address that we give to providers, below `public_url`.

    GET of the same address answers the question of those providers that ask whether it is ours.
    """

    def __init__(
        self,
        channels: ChannelDirectory,
        providers: Mapping[str, Provider],
        jobs: Jobs,
        announcements: Announcements,
        recipients: RecipientJournal,
        public_url: str,
    ) -> None:
        self._channels = channels
        self._providers = providers
        self._jobs = jobs
        self._announcements = announcements
        self._recipients = recipients
        self._public_url = public_url.rstrip("/")

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=MAX_CALLBACK, middlewares=[measured("webhooks"), errors_as_problems])
        address = "/webhooks/{provider}/{channel_id}"
        app.router.add_post(address, self._receive)
        app.router.add_get(address, self._challenge, allow_head=False)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._take)

    async def _challenge(self, request: web.Request) -> web.Response:
        provider = self._providers.get(request.match_info["provider"])
        if provider is not None and not isinstance(provider, SharedCallbacks):
            refusal = problem(405, "Method not allowed", "This webhook takes POST only.")
            refusal.headers["Allow"] = "POST"
            return refusal
        return await self._answer(request, self._greet)

    async def _answer(self, request: web.Request, act: _Act) -> web.Response:
        name = request.match_info["provider"]
        provider = self._providers.get(name)
        try:
            channel = await self._channel(request, name) if provider else None
            if provider is None or channel is None:
                return problem(404, "No such webhook", "No connected channel has this address.")
            if not channel.credentials:
                raise _SealedChannel
            return await act(await self._callback(request), provider, channel)
        except _SealedChannel:
            metrics.called_back(name, "not_stored")
            return problem(503, "Not stored", "The channel's credentials cannot be read now. Send it again.")
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

    async def _callback(self, request: web.Request) -> Callback:
        return Callback(
            url=self._public_url + request.raw_path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
            received_at=clock.now(),
        )

    async def _greet(self, callback: Callback, provider: Provider, channel: ChannelInUse) -> web.Response:
        answer = provider.answer_challenge(callback, channel) if isinstance(provider, SharedCallbacks) else None
        if answer is None:
            metrics.called_back(provider.name, "bad_challenge")
            log.warning("challenge_refused", provider=provider.name, channel_id=str(channel.id))
            return problem(403, "Not verified", "The verify token is not the one that this channel was connected with.")
        metrics.called_back(provider.name, "challenge")
        return web.Response(text=answer, content_type="text/plain")

    async def _take(self, callback: Callback, provider: Provider, channel: ChannelInUse) -> web.Response:
        if not provider.verify(callback, channel):
            metrics.called_back(provider.name, "bad_signature")
            log.warning("callback_refused", provider=provider.name, channel_id=str(channel.id))
            return problem(401, "Not verified", provider.not_genuine)
        try:
            readers, sealed = await self._readers(callback, provider, channel)
            read = [(reader, report) for reader in readers for report in provider.read_callback(callback, reader)]
        except UnreadableCallback as error:
            metrics.called_back(provider.name, "unreadable")
            log.warning("callback_unreadable", provider=provider.name, channel_id=str(channel.id), detail=str(error))
            return problem(400, "Not understood", str(error))
        for reader, report in read:
            if not (isinstance(report, ReplyReceived) and _is_replaced(reader, readers)):
                await self._store(report, provider, channel)
        if sealed:
            raise _SealedChannel
        metrics.called_back(provider.name, "stored")
        return web.Response(status=provider.stored_status)

    async def _readers(
        self, callback: Callback, provider: Provider, channel: ChannelInUse
    ) -> tuple[Sequence[ChannelInUse], bool]:
        """The channels that a verified callback is for, and whether one of them cannot be told to be of its app."""
        if not isinstance(provider, SharedCallbacks):
            return [channel], False
        wanted = provider.addressees(callback)
        connected = await self._channels.having(provider.name, wanted.setting, wanted.values)
        own = [one for one in connected if provider.verify(callback, one)]
        strangers = wanted.values - {one.settings[wanted.setting] for one in own}
        sealed = {one.settings[wanted.setting] for one in connected if not one.credentials} & strangers
        for _ in strangers - sealed:
            metrics.called_back(provider.name, "not_ours")
        if strangers:
            log.warning("callback_for_others", channel_id=str(channel.id), senders=len(strangers), sealed=len(sealed))
        return own, bool(sealed)

    async def _store(self, report: Report | Unreadable, provider: Provider, channel: ChannelInUse) -> None:
        if isinstance(report, Unreadable):
            metrics.called_back(provider.name, "unreadable")
            log.warning("callback_unreadable", provider=provider.name, channel_id=str(channel.id), detail=report.detail)
        else:
            await self._publish(report)

    async def _publish(self, report: Report) -> None:
        word = report.status.value if isinstance(report, DeliveryReported) else "reply"
        code = report.provider_code if isinstance(report, DeliveryReported) else None
        identity = receipt_id(report.channel_id, report.provider_message_id, word, code)
        trace = None if report.message_id is None else traceparent_of(report.workspace_id, report.message_id)
        event = make_event(report, id=identity, time=clock.now(), source=SOURCE, traceparent=trace)
        with about(report.workspace_id, report.message_id, trace):
            await self._announcements.send(event)
            if isinstance(report, ReplyReceived):
                await self._recipients.seen(report)
            else:
                await self._jobs.record_receipt(report)
                if report.reason is FailureReason.OPTED_OUT:
                    await self._recipients.reported_opted_out(report)
            log.info("callback_stored", channel_id=str(report.channel_id), kind=word)


def _is_replaced(channel: ChannelInUse, readers: Sequence[ChannelInUse]) -> bool:
    """Whether an enabled channel took over a disabled one's number: a reply is told once, a receipt to whoever sent."""
    needs = PROVIDERS.get(channel.provider)
    setting = needs.told_apart_by if needs else None
    if channel.enabled or setting is None:
        return False
    return any(one.enabled and one.settings.get(setting) == channel.settings.get(setting) for one in readers)
