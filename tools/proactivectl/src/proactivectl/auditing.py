"""What operators do is written down before it is done, and how it ended after; `audit list` shows it."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from directory import Act, Audit, Detail
from directory.audit import LIMIT
from proactivectl.environment import database
from proactivectl.failures import Failure
from proactivectl.output import AsJson, show, table

audits = typer.Typer(no_args_is_help=True, help="What operators did: list.")

OPERATOR = "PROACTIVE_OPERATOR"
"""The environment variable that names whoever acts; without it, their account on this machine does."""


@dataclass
class Outcome:
    """How an act ended; set `words` before the block is left. An error says it by itself."""

    words: str = "done"


def operator() -> str:
    """Who acts, at most 100 characters."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in containers
        account = ""
    return (os.environ.get(OPERATOR, "").strip() or account or "unnamed operator")[:100]


@asynccontextmanager
async def audited(action: str, subject: str, detail: Detail) -> AsyncIterator[Outcome]:
    """
    Note an act, let the block do it, and note how it ended. Nothing is done where it cannot be noted.

    Raises:
        Failure: the database does not take the note; or whatever the block raises.
    """
    outcome = Outcome()
    async with database() as connection:
        number = await Audit(connection).begin(operator(), action, subject, detail)
    try:
        yield outcome
    except Failure as failure:
        await _end(number, f"failed: {failure.what}")
        raise
    except BaseException as error:
        await _end(number, f"failed: {type(error).__name__}")
        raise
    await _end(number, outcome.words)


async def _end(number: int, words: str) -> None:
    """On a connection of its own: an act may take long. What cannot be noted any more stays as begun."""
    try:
        async with database() as connection:
            await Audit(connection).end(number, words)
    except Failure:
        pass


@audits.command("list")
def list_acts(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the latest ones.")] = LIMIT,
    action: Annotated[str | None, typer.Option(help="Only this action, such as parked.replay.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what was done to this message, channel or queue.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what operators did with this command, newest first."""
    acts = asyncio.run(_list(limit, action, subject))
    rows = [
        (f"{act.at.astimezone():%Y-%m-%d %H:%M:%S}", act.who, act.action, act.subject, _words(act), act.outcome)
        for act in acts
    ]
    columns = ("WHEN", "WHO", "ACTION", "SUBJECT", "DETAIL", "OUTCOME")
    show({"acts": [_document(act) for act in acts]}, lambda: table(columns, rows, "Nothing was done so far."))


async def _list(limit: int, action: str | None, subject: str | None) -> list[Act]:
    async with database() as connection:
        return await Audit(connection).list(limit=limit, action=action, subject=subject)


def _words(act: Act) -> str:
    return ", ".join(f"{name} {value}" for name, value in act.detail.items() if value is not None)


def _document(act: Act) -> dict[str, Any]:
    ended = act.ended_at.isoformat() if act.ended_at else None
    return asdict(act) | {"at": act.at.isoformat(), "ended_at": ended}
