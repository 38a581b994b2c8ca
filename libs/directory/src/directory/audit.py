"""Who did what by hand, when, and how it ended: written before the act, so that one cut short is on record as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from directory.database import Database, Record
from runtime.logs import without_numbers

Detail: TypeAlias = Mapping[str, str | int | float | bool | None]
"""Ids, names, counts, settings. Never a text of a message; a phone number is masked before it is written."""

LIMIT = 50
_LONGEST = 500
"""Characters that are kept of each word or sentence."""


@dataclass(frozen=True)
class Act:
    """
    One thing that somebody did.

    `action` is a stable word such as parked.replay; `subject` what it was done to: a message's id, a channel's, a
    queue. Without an `outcome` it is under way, or was interrupted.
    """

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    detail: Detail
    ended_at: datetime | None
    outcome: str | None


class Audit:
    """The book of what operators did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, who: str, action: str, subject: str, detail: Detail) -> int:
        """Note that somebody is about to do something; the number of the entry, for `end`."""
        number: int = await self._database.fetchval(
            "INSERT INTO directory.audit (who, action, subject, detail) VALUES ($1, $2, $3, $4) RETURNING id",
            _kept(who),
            _kept(action),
            _kept(subject),
            {name: _kept(value) if isinstance(value, str) else value for name, value in detail.items()},
        )
        return number

    async def end(self, number: int, outcome: str) -> None:
        """Note how it ended, in a word or a sentence; the first one stands."""
        await self._database.execute(
            "UPDATE directory.audit SET ended_at = now(), outcome = $2 WHERE id = $1 AND outcome IS NULL",
            number,
            _kept(outcome),
        )

    async def list(self, *, limit: int = LIMIT, action: str | None = None, subject: str | None = None) -> list[Act]:
        """The latest acts, newest first; with `action` or `subject`, only those."""
        rows = await self._database.fetch(
            """
            SELECT id, at, who, action, subject, detail, ended_at, outcome FROM directory.audit
            WHERE ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR subject = $3)
            ORDER BY at DESC, id DESC LIMIT $1
            """,
            limit,
            action,
            subject,
        )
        return [_act(row) for row in rows]


def _kept(words: str) -> str:
    return without_numbers(words.replace("\x00", " "))[:_LONGEST]


def _act(row: Record) -> Act:
    return Act(**dict(row))
