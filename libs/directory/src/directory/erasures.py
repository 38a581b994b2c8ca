"""Whom an operator erased: what was asked for before that must not bring them back, what is asked for later may."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

from directory.database import Database
from directory.recent import Recent
from directory.secrets import Vault
from proactive_contracts.values import E164


class ErasureAsked(BaseModel):
    """
    What a service's operators' HTTP is asked: to count what it has of a person, or to `erase` it; of `only` some.

    `also` are messages that are theirs although the service may not have heard for whom they were.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: Annotated[str, StringConstraints(pattern=f"^{E164.pattern}$")] = Field(repr=False)
    by: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    erase: bool
    only: list[Annotated[UUID, Strict(False)]] | None = None
    also: list[Annotated[UUID, Strict(False)]] = []


class Erasures:
    """
    Numbers are known by their keyed hashes only, under the keys of `vault`.

    A new erasure may stay unseen for directory.recent.SECONDS.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._latest: Recent[str, datetime | None] = Recent()

    def person(self, workspace_id: str, number: str) -> str:
        """What is kept of a number: its hash under the newest key."""
        return self._hashes(workspace_id, number)[0]

    async def note(self, workspace_id: str, number: str) -> None:
        """Remember that everything that was asked for until now is erased."""
        await self._database.execute(
            """
            INSERT INTO directory.erasure (workspace_id, person) VALUES ($1, $2)
            ON CONFLICT (workspace_id, person) DO UPDATE SET erased_at = clock_timestamp()
            """,
            workspace_id,
            self.person(workspace_id, number),
        )
        self._latest.forget()

    async def covers(self, workspace_id: str, number: str, asked_at: datetime) -> bool:
        """Whether the person was erased after `asked_at`. Costs nothing for what is newer than the last erasure."""
        latest = await self._latest.get(workspace_id, self._load_latest)
        if latest is None or asked_at > latest:
            return False
        found: bool = await self._database.fetchval(
            """
            SELECT EXISTS (SELECT FROM directory.erasure
                WHERE workspace_id = $1 AND person = ANY($2::text[]) AND erased_at >= $3)
            """,
            workspace_id,
            self._hashes(workspace_id, number),
            asked_at,
        )
        return found

    async def _load_latest(self, workspace_id: str) -> datetime | None:
        latest: datetime | None = await self._database.fetchval(
            "SELECT max(erased_at) FROM directory.erasure WHERE workspace_id = $1", workspace_id
        )
        return latest

    def _hashes(self, workspace_id: str, number: str) -> Sequence[str]:
        return self._vault.hashes(number, bound_to=f"person of {workspace_id}")
