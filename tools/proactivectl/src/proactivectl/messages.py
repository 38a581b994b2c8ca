"""`send`: publish one message as a service would, and watch what becomes of it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from directory import Channels, ConnectedChannel, Workspaces
from proactive_contracts.codec import make_event
from proactive_contracts.envelope import Event, request_id
from proactive_contracts.requests import MAX_LIFETIME, SendRequested
from proactive_contracts.status import Status
from proactive_contracts.topology import send_queue
from proactive_contracts.values import Lane, Service, TextContent
from proactivectl import files, phones
from proactivectl.environment import amqp_url, broker_failures, database
from proactivectl.failures import Failure, WrongUsage
from proactivectl.history import FINAL, LEFT, REQUEST_SECONDS, History, clock_time, entry_in_words, meaning_of
from proactivectl.history import tracker as tracker_at
from proactivectl.output import AsJson, say, show
from runtime import clock
from runtime.amqp.connection import connect
from runtime.amqp.publisher import NotPublished, Publisher, Unconfirmed, Unroutable
from runtime.http import client_session

NAME = "proactivectl"
"""Who asks, as history and status events show it."""

CONFIRM_SECONDS = 5.0
PUBLISHES = 3
"""An unconfirmed publish is repeated; the same event counts once."""


@dataclass(frozen=True)
class Sending:
    """One message, and how to follow it."""

    event: Event[SendRequested]
    channel: ConnectedChannel
    lane: Lane
    wait_seconds: float


def send(
    workspace: Annotated[str, typer.Option(help="The workspace's id.")],
    to: Annotated[str, typer.Option(help="The customer's number in international format.")],
    text: Annotated[str, typer.Option(help="What the customer gets.")],
    channel: Annotated[str | None, typer.Option(help="A channel's name, or its kind (sms) where there is one.")] = None,
    channel_id: Annotated[UUID | None, typer.Option(help="A channel's id; instead of --channel.")] = None,
    lane: Annotated[Lane, typer.Option(help="bulk never delays what agents send.")] = Lane.BULK,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to follow it; 0: not.")] = 30,
    lifetime: Annotated[
        float, typer.Option(min=1, max=MAX_LIFETIME.total_seconds(), metavar="SECONDS", help="After it, never sent.")
    ] = 900,
    message_id: Annotated[
        UUID | None, typer.Option(help="To ask again for a message whose publishing was not confirmed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send one message, and follow it until its status is final. Exit code 0: it has left for the customer."""
    if channel is not None and channel_id is not None:
        raise WrongUsage("--channel and --channel-id name a channel twice", "Give only one of them.")
    if channel is None and channel_id is None:
        raise WrongUsage("one of --channel and --channel-id is needed", "See: proactivectl channel list")
    tracker = None if wait == 0 else tracker_at(", or use --wait 0 to only publish")
    url = amqp_url()
    chosen = asyncio.run(_choose(workspace, channel, channel_id))
    now = clock.now()
    request = _request(message_id or clock.new_id(), chosen, to, text, now + timedelta(seconds=lifetime))
    event = make_event(request, id=request_id(request), time=now, source=NAME)
    message = asyncio.run(_send(Sending(event, chosen, lane, wait), url, tracker))
    _finish(event, message, followed=tracker is not None)


async def _choose(workspace_id: str, name: str | None, channel_id: UUID | None) -> ConnectedChannel:
    async with database() as connection:
        if await Workspaces(connection, None).get(workspace_id) is None:
            raise Failure(f"workspace {workspace_id} is not connected", "See: proactivectl workspace list")
        here = await Channels(connection, None).of_workspace(workspace_id)
    wanted = str(channel_id or name)
    found = [one for one in here if wanted in (str(one.id), one.name)]
    found = found or [one for one in here if one.channel.value == name and one.enabled]
    see = f"See: proactivectl channel list --workspace {workspace_id}"
    if not found:
        raise Failure(f"workspace {workspace_id} has no channel {wanted}", see)
    if len(found) > 1:
        names = ", ".join(f"{one.name} ({one.id})" for one in found)
        raise WrongUsage(f"workspace {workspace_id} has several {wanted} channels: {names}", "Choose by --channel-id.")
    if not found[0].enabled:
        enable = f"Enable it first: proactivectl channel enable {found[0].id}"
        raise Failure(f"channel {found[0].name} is disabled", enable)
    return found[0]


def _request(message_id: UUID, channel: ConnectedChannel, to: str, text: str, not_after: datetime) -> SendRequested:
    try:
        return SendRequested(
            message_id=message_id,
            workspace_id=channel.workspace_id,
            channel=channel.channel,
            channel_id=channel.id,
            recipient=_recipient(to),
            content=TextContent(text=text),
            requested_by=Service(name=NAME),
            not_after=not_after,
        )
    except ValidationError as error:
        raise WrongUsage(f"--{'; '.join(files.explain(error))}", "Nothing was sent.") from None


def _recipient(typed: str) -> str:
    try:
        return phones.e164(typed)
    except ValueError as error:
        raise WrongUsage(f"--to: {error}", "Nothing was sent.") from None


async def _send(sending: Sending, url: str, tracker: tuple[str, str] | None) -> dict[str, Any] | None:
    with broker_failures(url):
        await (await connect(url, NAME)).close()  # says why where it fails; the publisher only tries again
        async with Publisher(url, NAME) as publisher:
            await _publish(publisher, sending)
    request = sending.event.data
    say(f"{request.message_id}  {sending.channel.name} ({sending.channel.channel.label}) to {request.recipient}")
    say(f"{clock_time(sending.event.time)}  Published", style="dim")
    if tracker is None:
        return None
    async with client_session(REQUEST_SECONDS) as session:
        return await _follow(History(session, *tracker), sending)


async def _publish(publisher: Publisher, sending: Sending) -> None:
    for publish in range(1, PUBLISHES + 1):
        try:
            await publisher.send(sending.event, lane=sending.lane, timeout=CONFIRM_SECONDS)
            return
        except Unroutable:
            queue = send_queue(sending.channel.channel, sending.lane)
            raise Failure(f"the broker has no queue {queue} for it", "Run: proactivectl topology apply") from None
        except NotPublished:
            if publish == 1:
                raise ConnectionError(f"no connection within {CONFIRM_SECONDS:g} s; nothing was sent") from None
        except Unconfirmed:
            pass
    raise Failure(
        "the broker did not confirm the message: it may be sent, or not",
        f"Ask again, which never sends it twice: the same command with --message-id {sending.event.data.message_id}",
    )


async def _follow(history: History, sending: Sending) -> dict[str, Any] | None:
    request, message, told = sending.event.data, None, 0
    async for message in history.follow(request.workspace_id, request.message_id, sending.wait_seconds):
        timeline = message.get("timeline") or []
        for entry in timeline[told:]:
            say(entry_in_words(entry))
        told = max(told, len(timeline))
    return message


def _finish(event: Event[SendRequested], message: dict[str, Any] | None, *, followed: bool) -> None:
    """Print what became of it. Raises typer.Exit(1) where it was followed and has not left."""
    status = Status(message["status"]) if message else None
    shown = (message or {}).get("event_id") or str(event.id)
    if status is not Status.QUEUED and shown != str(event.id):
        raise Failure(
            f"this text was not sent: another version of message {event.data.message_id} was taken before "
            f"({status.label if status else 'unknown'})",
            "To send this text as a message of its own, leave --message-id out.",
        )
    document = {
        "message_id": str(event.data.message_id),
        "event_id": str(event.id),
        "published": True,
        "status": status,
        "final": status in FINAL,
        "message": message,
    }
    show(document, lambda: say(_outcome(event, message, status, followed=followed), style="bold"))
    if followed and status not in LEFT:
        raise typer.Exit(1)


def _outcome(
    event: Event[SendRequested], message: dict[str, Any] | None, status: Status | None, *, followed: bool
) -> str:
    again = f"To look again: the same command with --message-id {event.data.message_id}"
    if not followed:
        return "Published; what becomes of it was not followed (--wait 0)."
    if message is None or status is None:
        until = clock_time(event.data.not_after)
        return f"The tracker has not read of it yet; it may still leave until {until}. {again}"
    why = " ".join(str(message[part]) for part in ("reason", "provider_code") if message.get(part))
    words = f"{status.label}. {meaning_of(message)}" + (f" ({why})" if why else "")
    return f"{words} {status.advice if status in FINAL else again}"
