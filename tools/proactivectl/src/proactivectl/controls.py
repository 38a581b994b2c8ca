"""`message …`: show what is known of one message, stop it, or say what became of it."""

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from proactive_contracts.codec import make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Model, Service
from proactivectl import masking
from proactivectl.auditing import audited, operator
from proactivectl.dispatcher_api import dispatcher
from proactivectl.environment import amqp_url, broker_failures
from proactivectl.failures import Failure, WrongUsage
from proactivectl.history import LEFT, REQUEST_SECONDS, History, clock_time, entry_in_words, meaning_of, tracker
from proactivectl.output import AsJson, say, show
from proactivectl.wishes import Cancel, Resolve, Wish
from runtime import clock
from runtime.amqp.connection import connect
from runtime.amqp.publisher import Publisher, PublishFailed, Unroutable
from runtime.http import client_session
from runtime.logs import without_numbers

NAME = "proactivectl"
CONFIRM_SECONDS = 5.0
PUBLISHES = 3
PAUSE_SECONDS = 0.5

_STATES = {
    "resolving": Status.SENDING,
    "accepted": Status.SENT,
    **{status.value: status for status in Status if status not in LEFT},
}
"""The states of a dispatcher's job as statuses."""

_RECEIPTS = {
    **{status.value: status for status in LEFT},
    "failed": Status.FAILED,
    "undelivered": Status.FAILED,
}

_SPOKEN_OF = frozenset(Status) - {Status.QUEUED, Status.NOT_CONFIRMED}
"""What the tracker says once a dispatcher's word reached it."""

one_message = typer.Typer(no_args_is_help=True, help="Messages: list, show, cancel, resolve.")

MessageId = Annotated[UUID, typer.Argument(help="The message's id.")]
Workspace = Annotated[str, typer.Option(help="The workspace's id.")]
Wait = Annotated[
    float, typer.Option(min=0, max=600, metavar="SECONDS", help="How long to wait for what becomes of it; 0: not.")
]


@dataclass(frozen=True)
class Known:
    """
    What the tracker knows of a message, and the dispatcher; its job is "not asked" where that is not set up.

    `silence` is why the tracker says nothing, where it does not answer.
    """

    message: dict[str, Any] | None
    job: dict[str, Any] | str | None
    silence: Failure | None = None

    @property
    def status(self) -> Status | None:
        """What people see."""
        return Status(self.message["status"]) if self.message else None

    def status_for(self, wish: Wish) -> Status | None:
        """The tracker's, or the dispatcher's where no dispatcher's word reached the tracker, or it decides the wish."""
        job = self._job_status
        if job is None or (self.status in _SPOKEN_OF and (wish.settled(self.status) or not wish.settled(job))):
            return self.status
        return job

    def words(self, wish: Wish, status: Status) -> str:
        """What came of a wish that `status` is known for."""
        if self.message is not None and status is self.status:
            return wish.words(status, meaning_of(self.message))
        marked_by = self.job.get("marked_by") if isinstance(self.job, dict) else None
        marked = status is Status.SENT and marked_by
        return wish.words(status, f"{marked_by} marked it as sent." if marked else status.meaning)

    @property
    def _job_status(self) -> Status | None:
        if not isinstance(self.job, dict):
            return None
        return _RECEIPTS.get(str(self.job.get("receipt"))) or _STATES.get(str(self.job.get("state")))


@one_message.command("show")
def show_message(message_id: MessageId, workspace: Workspace, as_json: AsJson = False) -> None:
    """Show what the tracker and the dispatcher know of a message, without its text and number."""
    known = asyncio.run(_known(workspace, message_id, tracker()))
    document = {"message": _masked(known.message), "job": known.job}
    if known.silence:
        document["tracker"] = f"not known: {known.silence.what}"
    show(document, lambda: _tell(known))


@one_message.command("cancel")
def cancel_message(message_id: MessageId, workspace: Workspace, wait: Wait = 15, as_json: AsJson = False) -> None:
    """Stop a message that has not left yet. Exit code 0: it is stopped, and nothing was sent."""
    found = asyncio.run(_ask(workspace, message_id, Cancel(), wait))
    _finish(found)


@one_message.command("resolve")
def resolve_message(
    message_id: MessageId,
    workspace: Workspace,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent: the customer or the provider says so.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It was not sent.")] = False,
    wait: Wait = 15,
    as_json: AsJson = False,
) -> None:
    """Say what became of a message that may have been sent. Exit code 0: it counts as what you said."""
    if sent and not_sent:
        raise WrongUsage("only one of --sent and --not-sent can be true", "Ask the customer or the provider first.")
    if not (sent or not_sent):
        raise WrongUsage("one of --sent and --not-sent is needed", "Ask the customer or the provider first.")
    found = asyncio.run(_ask(workspace, message_id, Resolve("sent" if sent else "not_sent"), wait))
    _finish(found)


@dataclass(frozen=True)
class _Asked:
    """How asking for something ended; without a status it was not waited for."""

    status: Status | None
    reached: bool
    published: bool
    words: str


async def _ask(workspace_id: str, message_id: UUID, wish: Wish, wait_seconds: float) -> _Asked:
    """Publish what is wished for, where that can change anything, and wait for what becomes of it."""
    at, url = tracker(), amqp_url()
    known = await _known(workspace_id, message_id, at)
    if (status := known.status_for(wish)) and wish.settled(status):
        return _Asked(status, wish.reached(status), published=False, words=known.words(wish, status))
    subject, answers = _subject(workspace_id, message_id, known)
    async with audited(wish.action, str(message_id), {"workspace": workspace_id} | dict(wish.detail)) as outcome:
        await publish(url, wish.event(subject, Service(name=f"{operator()} ({NAME})"), answers))
        if wait_seconds == 0:
            outcome.words = "asked for"
            return _Asked(None, reached=True, published=True, words="Asked for; what becomes of it was not waited for.")
        known = await _wait(workspace_id, message_id, at, wish, wait_seconds)
        status = known.status_for(wish)
        outcome.words = f"{status.label}" if status else "no answer"
    if status is None:
        words = "It was asked for, but nobody says what became of it so far. Look again with: message show"
        return _Asked(None, reached=False, published=True, words=words)
    return _Asked(status, wish.reached(status), published=True, words=known.words(wish, status))


async def _wait(workspace_id: str, message_id: UUID, at: tuple[str, str], wish: Wish, wait_seconds: float) -> Known:
    """What is known when the wish came true or cannot any more, or when the time is over."""
    end = asyncio.get_running_loop().time() + wait_seconds
    while True:
        known, trouble = Known(None, None), None
        try:
            known = await _known(workspace_id, message_id, at)
        except Failure as failure:
            trouble = failure
        if (status := known.status_for(wish)) and wish.settled(status):
            return known
        if asyncio.get_running_loop().time() + PAUSE_SECONDS > end:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    if trouble is not None:
        raise Failure(f"it was asked for, but {trouble.what}", trouble.advice)
    return known


async def publish(url: str, payload: Model, event_id: UUID | None = None) -> None:
    """
    Publish one event and wait until the broker has it.

    Raises:
        Failure: it did not confirm it, or has no queue that takes it.
    """
    event = make_event(payload, id=event_id or clock.new_id(), time=clock.now(), source=NAME)
    with broker_failures(url):
        await (await connect(url, NAME)).close()  # says why where it fails; the publisher only tries again
        async with Publisher(url, NAME) as publisher:
            for _ in range(PUBLISHES):
                try:
                    await publisher.send(event, timeout=CONFIRM_SECONDS)
                    return
                except Unroutable:
                    what = "the broker has no queue that takes it, so nothing was changed"
                    raise Failure(what, "Run: proactivectl topology apply") from None
                except PublishFailed:
                    continue
    raise Failure("the broker did not confirm it: it may be done, or not", "Run this again, which does no harm.")


def _subject(workspace_id: str, message_id: UUID, known: Known) -> tuple[dict[str, Any], UUID | None]:
    """What names the message on the bus, and the request that is to be stopped."""
    source = known.message or (known.job if isinstance(known.job, dict) else {})
    try:
        channel, channel_id = Channel(source["channel"]), UUID(source["channel_id"])
    except (
        KeyError,
        ValueError,
        TypeError,
    ):  # an older dispatcher's job, or of a message that was stopped before it came
        what = f"the dispatcher has message {message_id}, but does not say through which channel it goes"
        raise Failure(what, "Update the dispatcher, or start the tracker, and run this again.") from None
    event_id = source.get("event_id")
    subject = {"message_id": message_id, "workspace_id": workspace_id, "channel": channel, "channel_id": channel_id}
    return subject, UUID(event_id) if event_id else None


async def _known(workspace_id: str, message_id: UUID, at: tuple[str, str]) -> Known:
    """What both know. Raises Failure where neither does, or the tracker does not answer and the other knows nothing."""
    message, silence = None, None
    try:
        async with client_session(REQUEST_SECONDS) as session:
            message = await History(session, *at).find(workspace_id, message_id)
    except Failure as failure:
        silence = failure
    job: dict[str, Any] | str | None = "not asked: PROACTIVE_DISPATCHER_URL is not set"
    if os.environ.get("PROACTIVE_DISPATCHER_URL"):
        try:
            async with dispatcher() as api:
                job = await api.job(workspace_id, message_id)
        except Failure as failure:
            job = f"not known: {failure.what}"
    if message is None and not isinstance(job, dict):
        if silence is not None:
            raise Failure(silence.what, silence.advice, [f"dispatcher: {job or 'never took it'}"])
        raise Failure(
            f"workspace {workspace_id} has no message {message_id} in its history",
            "Check both ids.",
            [f"dispatcher: {job or 'never took it'}"],
        )
    return Known(message, job, silence)


def _finish(asked: _Asked) -> None:
    document = {"published": asked.published, "status": asked.status, "reached": asked.reached, "words": asked.words}
    show(document, lambda: say(asked.words, style="bold"))
    if not asked.reached:
        raise typer.Exit(1)


def _masked(message: dict[str, Any] | None) -> dict[str, Any] | None:
    if message is None:
        return None
    timeline = [
        entry | {"detail": "[hidden]" if entry.get("event") == "reply" else _words(entry.get("detail"))}
        for entry in message.get("timeline") or ()
    ]
    left_out = {"text", "contact"}
    shown = {name: value for name, value in message.items() if name not in left_out}
    recipient = masking.number(str(message.get("recipient", "")))
    return shown | {"recipient": recipient, "detail": _words(message.get("detail")), "timeline": timeline}


def _words(words: object) -> str | None:
    return without_numbers(str(words)) if words else None


def _tell(known: Known) -> None:
    message = _masked(known.message)
    if message is None or known.status is None:
        nothing = "The tracker has not read of it so far."
        say(f"Not known: {known.silence.what}." if known.silence else nothing, style="bold")
    else:
        why = " ".join(str(message[part]) for part in ("reason", "provider_code", "detail") if message.get(part))
        meaning = meaning_of(message)
        told = f" ({why})" if why and why != meaning else ""
        say(f"{known.status.label}. {meaning}{told}", style="bold")
        asked, until = message.get("requested_at"), message.get("not_after")
        say(f"{message.get('channel')} to {message.get('recipient')}, asked for at {asked}, not after {until}")
        for entry in message["timeline"]:
            say(entry_in_words(entry))
    job = known.job
    if isinstance(job, dict):
        for line in _job_in_words(job):
            say(line)
    else:
        say(f"dispatcher: {job or 'never took it'}")


def _job_in_words(job: dict[str, Any]) -> list[str]:
    """What the dispatcher says, for people; an older one leaves things out."""
    why, doubts = job.get("reason"), job.get("doubts") or 0
    tries = f"{job.get('attempt') or 0} tries so far"
    stands = f"{job.get('state')}" + (f" since {_at(job['since'])}" if job.get("since") else "")
    moves_on = f"it moves on at {_at(job['due_at'])}" if job.get("due_at") else ""
    attempts = f"{doubts} of them may have sent it" if doubts else ""
    lines = ["dispatcher: " + "; ".join(filter(None, (stands, tries, attempts, moves_on)))]
    if why:
        lines.append(f"  why: {FailureReason(why).why} ({why})")
    if job.get("provider"):
        lines.append(f"  provider: {job['provider']}, its id: {job.get('provider_message_id') or 'not known'}")
    if job.get("receipt"):
        lines.append(f"  best receipt: {job['receipt']}")
    if job.get("channel_id"):
        lines.append(f"  channel: {job.get('channel')} {job['channel_id']}, lane {job.get('lane')}")
    return lines


def _at(moment: object) -> str:
    return clock_time(datetime.fromisoformat(str(moment)))
