"""`parked …`: what could not be handled: list it, show one, replay it to where it came from, or drop it."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from proactivectl import masking, replaying
from proactivectl.failures import WrongUsage
from proactivectl.output import AsJson, count, say, show, table
from proactivectl.parking import Parked, Wanted, chosen_queues
from proactivectl.replaying import Done
from runtime.logs import without_numbers

REPLAYED, DROPPED = "replayed", "dropped"
_NONE = "Nothing of this is parked."

parkeds = typer.Typer(no_args_is_help=True, help="What could not be handled: list, show, replay, drop.")

QueueOption = Annotated[
    str | None, typer.Option("--queue", metavar="NAME", help="Only what is parked beside this queue.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only what was parked for this reason.")]
IdOption = Annotated[
    list[str] | None,
    typer.Option("--message-id", metavar="ID", help="Only this message or event, as the list shows it. Repeatable."),
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Everything that is parked.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it. Without this, it is only told what would be done.")]


@parkeds.command("list")
def list_parked(queue: QueueOption = None, reason: ReasonOption = None, as_json: AsJson = False) -> None:
    """
    List what is parked, by queue and reason, with some ids; how many, and since when.

    What another proactivectl has in hand at that moment is not in it.
    """
    done = asyncio.run(replaying.go_through(Wanted(chosen_queues(queue), reason)))
    show({"parked": _documents(done)}, lambda: _table(done, "Nothing is parked."))


@parkeds.command("show")
def show_parked(
    id: Annotated[str, typer.Argument(help="The id of a message or event, as the list shows it.")],  # noqa: A002
    queue: QueueOption = None,
    as_json: AsJson = False,
) -> None:
    """Show one parked message: why, from where, and what is in it, without texts and numbers."""
    found = asyncio.run(replaying.find(Wanted(chosen_queues(queue), ids=frozenset({id}))))
    document = _document(found)
    show(document, lambda: _tell(document))


@parkeds.command("replay")
def replay_parked(
    queue: QueueOption = None,
    reason: ReasonOption = None,
    message_id: IdOption = None,
    limit: LimitOption = None,
    everything: EverythingOption = False,
    per_second: Annotated[int, typer.Option(min=1, max=1000, help="At most so many a second.")] = 50,
    yes: YesOption = False,
    as_json: AsJson = False,
) -> None:
    """Put parked messages back, as they were, into the queues they are parked beside. What is late ends as expired."""
    wanted = _wanted(queue, reason, message_id, everything=everything)
    if not yes:
        _tell_done(asyncio.run(replaying.go_through(wanted, limit)), REPLAYED, yes=False)
        return
    done = asyncio.run(replaying.replay(wanted, limit, per_second))
    _tell_done(done, REPLAYED, yes=True)


@parkeds.command("drop")
def drop_parked(
    queue: QueueOption = None,
    reason: ReasonOption = None,
    message_id: IdOption = None,
    limit: LimitOption = None,
    everything: EverythingOption = False,
    yes: YesOption = False,
    as_json: AsJson = False,
) -> None:
    """Throw parked messages away. What was asked for in them never happens."""
    wanted = _wanted(queue, reason, message_id, everything=everything)
    if not yes:
        _tell_done(asyncio.run(replaying.go_through(wanted, limit)), DROPPED, yes=False)
        return
    _tell_done(asyncio.run(replaying.drop(wanted, limit)), DROPPED, yes=True)


def _wanted(queue: str | None, reason: str | None, ids: Sequence[str] | None, *, everything: bool) -> Wanted:
    if not (queue or reason or ids or everything):
        what = "nothing says which messages are meant"
        raise WrongUsage(what, "Give --queue, --reason or --message-id, or --all for everything that is parked.")
    return Wanted(chosen_queues(queue), reason, frozenset(ids or ()))


def _documents(done: Done) -> list[dict[str, Any]]:
    return [
        {
            "queue": group.queue,
            "reason": group.reason,
            "count": group.count,
            "oldest": group.oldest.isoformat() if group.oldest else None,
            "examples": group.examples,
            "detail": group.detail,
        }
        for group in sorted(done.groups.values(), key=lambda group: (group.queue, group.reason))
    ]


def _table(done: Done, empty: str) -> None:
    rows = [
        (d["queue"], d["reason"], d["count"], d["oldest"], "\n".join(d["examples"]), d["detail"])
        for d in _documents(done)
    ]
    table(("QUEUE", "REASON", "COUNT", "OLDEST", "SUCH AS", "DETAIL"), rows, empty)


def _tell_done(done: Done, verb: str, *, yes: bool) -> None:
    document = {"dry_run": not yes, "matched": done.matched, verb: done.done}
    show(document | {"parked": _documents(done)}, lambda: _tell_done_in_words(done, verb, yes=yes))


def _tell_done_in_words(done: Done, verb: str, *, yes: bool) -> None:
    if yes:
        say(f"{count(done.done, 'message')} {verb}." if done.matched else _NONE)
    else:
        _table(done, _NONE)
        if done.matched:
            say(f"{count(done.matched, 'message')} would be {verb}; nothing was changed. To do it: --yes")


def _document(one: Parked) -> dict[str, Any]:
    return {
        "id": one.id,
        "queue": one.queue,
        "reason": one.reason,
        "detail": without_numbers(one.detail) if one.detail else None,
        "parked_at": one.at.isoformat() if one.at else None,
        "origin": one.origin,
        "routing_key": one.routing_key,
        "type": one.properties.type or None,
        "message_id": one.about,
        "bytes": len(one.body),
        "event": masking.event_in_view(one.body),
    }


def _tell(document: dict[str, Any]) -> None:
    for name, value in document.items():
        if name != "event":
            say(f"{name:<12} {'–' if value is None else value}")
    event = document["event"]
    if event is None:
        say("It is no JSON object, so nothing of it can be shown.")
    else:
        for line in json.dumps(event, indent=2, ensure_ascii=False).splitlines():
            say(line)
