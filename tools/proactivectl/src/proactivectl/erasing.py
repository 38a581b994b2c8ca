"""`erase`: remove a person everywhere, by their number, while messages are being sent."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import uuid5

import typer
from pydantic_core import from_json

from directory import Erasures, Workspaces
from directory.recent import SECONDS as UNSEEN_SECONDS
from proactive_contracts.codec import decode
from proactive_contracts.errors import ContractError
from proactive_contracts.requests import CancelRequested, SendRequested
from proactive_contracts.values import Service
from proactivectl import masking, phones, replaying
from proactivectl.auditing import audited, operator
from proactivectl.controls import NAME, publish
from proactivectl.dispatcher_api import OperatorsApi, dispatcher, tracker_operators
from proactivectl.environment import amqp_url, channel_vault, database, workspace_vault
from proactivectl.failures import Failure, WrongUsage
from proactivectl.output import AsJson, count, say, show
from proactivectl.parking import Held, Parked, Wanted, parked_queues

PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Theirs(Wanted):
    """What is parked in a workspace and names the person."""

    workspace_id: str = ""
    number: str = field(default="", repr=False)

    def takes(self, found: Parked) -> bool:
        """Whether one is to or from them; where it cannot be read, whether it holds the number."""
        return names(found.body, self.workspace_id, self.number)


@dataclass
class Holdings:
    """What was found: in the dispatcher, the tracker and the parked queues."""

    dispatcher: Mapping[str, Any]
    tracker: Mapping[str, Any]
    parked: int

    @property
    def left(self) -> list[str]:
        """The messages that cannot be removed yet."""
        return sorted({*self.dispatcher["left"], *self.tracker["left"]})

    @property
    def ended(self) -> Counter[str]:
        """How much is removed by the round that finds it."""
        jobs, messages, replies = self.dispatcher["ended"], self.tracker["ended"], self.tracker["replies"]
        people = self.dispatcher["recipients"]
        return Counter(jobs=jobs, recipients=people, messages=messages, replies=replies, parked=self.parked)

    def document(self) -> dict[str, Any]:
        """For --json."""
        jobs = {name: value for name, value in self.dispatcher.items() if name != "ids"}
        return {"dispatcher": jobs, "tracker": self.tracker, "parked": self.parked}


def erase(
    phone: Annotated[str, typer.Option(help="The person's number, in international format.")],
    workspace: Annotated[str, typer.Option(help="The workspace's id.")],
    wait: Annotated[
        float, typer.Option(min=0, max=600, metavar="SECONDS", help="How long to wait for what is under way.")
    ] = 60,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without this, it is only told what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """
    Erase a person: what waits is stopped, what is under way ends first, then texts, number, names and replies go.

    Messages to them that are asked for later are sent as usual. Exit code 1: something is left; run it again.
    """
    try:
        number = phones.e164(phone)
    except ValueError as error:
        words = str(error).replace(repr(phone), "what was given")
        raise WrongUsage(f"--phone: {words}", "Nothing was changed.") from None
    if not yes:
        _tell_plan(number, asyncio.run(_look(workspace, number)))
        return
    _tell_done(number, *asyncio.run(_erase(workspace, number, wait)))


async def _look(workspace_id: str, number: str) -> Holdings:
    await _check(workspace_id)
    async with AsyncExitStack() as stack:
        return await (await _everywhere(stack, workspace_id, number)).visit(erase=False)


async def _erase(workspace_id: str, number: str, wait_seconds: float) -> tuple[Counter[str], Holdings]:
    """What was removed, and what was found last."""
    await _check(workspace_id)
    vaults = workspace_vault(), channel_vault()
    async with AsyncExitStack() as stack:
        everywhere = await _everywhere(stack, workspace_id, number)
        async with database() as connection:
            persons = [Erasures(connection, vault).person(workspace_id, number) for vault in vaults]
        detail = {"number": masking.number(number), "person": persons[0]}
        async with audited("person.erase", workspace_id, detail) as outcome:
            async with database() as connection:
                for vault in vaults:
                    await Erasures(connection, vault).note(workspace_id, number)
            removed, last = await _until_gone(everywhere, wait_seconds)
            outcome.words = f"{_counted(removed)} removed, {len(last.left)} left"
    return removed, last


async def _until_gone(everywhere: "_Everywhere", wait_seconds: float) -> tuple[Counter[str], Holdings]:
    """
    Go round until what was asked for before is gone.

    A process may take an earlier request of theirs for as long as an erasure may be unseen. After that, only what was
    left then is meant: what is asked for later is none of this erasure's.
    """
    loop = asyncio.get_running_loop()
    seen_by_all = loop.time() + UNSEEN_SECONDS + PAUSE_SECONDS
    end = max(seen_by_all, loop.time() + wait_seconds)
    removed: Counter[str] = Counter()
    only: Sequence[str] | None = None
    parked = True
    while True:
        began = loop.time()
        seen = began > seen_by_all
        last = await everywhere.visit(erase=True, only=only, parked=parked or (seen and only is None))
        removed += last.ended
        only, parked = last.left if seen else None, False
        if began > end or (seen and not only):
            return removed, last
        await asyncio.sleep(PAUSE_SECONDS)


@dataclass(frozen=True)
class _Everywhere:
    """Wherever something of a person is."""

    dispatcher: OperatorsApi
    tracker: OperatorsApi
    workspace_id: str
    number: str = field(repr=False)

    async def visit(self, *, erase: bool, only: Sequence[str] | None = None, parked: bool = True) -> Holdings:
        """What was there; with `erase`, it is removed as far as it is not under way. With `only`, of these messages."""

        async def act(held: Held) -> bool:
            if erase:
                await _stop(held.parked.body)
                await held.take_away()
            return erase

        queues = parked_queues() if parked else ()
        theirs = Theirs(queues, workspace_id=self.workspace_id, number=self.number)
        found = await replaying.go_through(theirs, None, act)
        person, by = (self.workspace_id, self.number), operator()
        jobs = await self.dispatcher.erase(*person, by=by, erase=False, only=only)
        # First, while the dispatcher can say which they are: the tracker may have heard of their results alone.
        messages = await self.tracker.erase(*person, by=by, erase=erase, only=only, also=jobs["ids"])
        if erase:
            jobs = await self.dispatcher.erase(*person, by=by, erase=True, only=only)
        return Holdings(jobs, messages, found.matched)


async def _stop(body: bytes) -> None:
    """Cancel what a parked request asks for, so that it ends as what waits does; an event id that repeats is known."""
    try:
        event = decode(body)
    except ContractError:
        return
    if not isinstance(event.data, SendRequested):
        return
    asked = event.data
    stop = CancelRequested(
        message_id=asked.message_id,
        workspace_id=asked.workspace_id,
        channel=asked.channel,
        channel_id=asked.channel_id,
        requested_by=Service(name=f"{operator()} ({NAME})"),
        answers=event.id,
        result_route=asked.result_route,
    )
    await publish(amqp_url(), stop, uuid5(event.id, "erase"))


async def _everywhere(stack: AsyncExitStack, workspace_id: str, number: str) -> _Everywhere:
    return _Everywhere(
        await stack.enter_async_context(dispatcher()),
        await stack.enter_async_context(tracker_operators()),
        workspace_id,
        number,
    )


async def _check(workspace_id: str) -> None:
    async with database() as connection:
        if await Workspaces(connection, None).get(workspace_id) is None:
            raise Failure(f"workspace {workspace_id} is not connected", "See: proactivectl workspace list")


def names(body: bytes, workspace_id: str, number: str) -> bool:
    """Whether an event is to or from this number, or repeats it in a provider's words, and is of no other workspace."""
    digits = number.removeprefix("+")
    try:
        event = from_json(body, allow_inf_nan=False)
        data = event.get("data") if isinstance(event, Mapping) else None
        of = data.get("workspace_id") if isinstance(data, Mapping) else None
        return of in (None, workspace_id) and _names(event, digits)
    except ValueError:
        return re.search(rb"(?<![0-9])" + digits.encode() + rb"(?![0-9])", body) is not None


def _names(value: object, digits: str) -> bool:
    if isinstance(value, list):
        return any(_names(one, digits) for one in value)
    if not isinstance(value, Mapping):
        return False
    if any(str(value.get(name, "")).removeprefix("+") == digits for name in ("recipient", "sender")):
        return True
    return digits in str(value.get("detail", "")) or any(_names(one, digits) for one in value.values())


def _tell_plan(number: str, found: Holdings) -> None:
    document = {"dry_run": True, "number": masking.number(number), **found.document()}
    show(document, lambda: _tell_plan_in_words(number, found))


def _tell_plan_in_words(number: str, found: Holdings) -> None:
    if not found.left and not found.ended.total():
        say(f"Nothing is kept of {masking.number(number)}.")
        return
    jobs, messages = found.dispatcher, found.tracker
    say(f"Of {masking.number(number)} is kept:")
    stopped = f"{jobs['waiting']} waiting (would be stopped)"
    say(f"  dispatcher  {stopped}, {jobs['under_way']} under way, {jobs['ended']} ended")
    say(f"              when they wrote or opted out: {count(jobs['recipients'], 'channel')}")
    say(f"  tracker     {messages['under_way']} under way, {messages['ended']} ended, {messages['replies']} replies")
    say(f"  parked      {found.parked}")
    say("Nothing was changed. To erase it: --yes")


def _tell_done(number: str, removed: Counter[str], last: Holdings) -> None:
    if last.left:
        left = count(len(last.left), "message")
        raise Failure(
            f"{left} to {masking.number(number)} could not be removed yet ({_counted(removed)} removed)",
            "Run this again: what was removed stays so, and nothing older comes back.",
        )
    document = {"dry_run": False, "number": masking.number(number), "removed": dict(removed), "left": len(last.left)}
    show(document, lambda: say(f"{masking.number(number)} was erased: {_counted(removed)} removed."))


def _counted(removed: Counter[str]) -> str:
    return ", ".join(f"{removed[name]} {name}" for name in ("jobs", "recipients", "messages", "replies", "parked"))
