"""The other services that have a durable queue of status events."""

from dataclasses import dataclass
from datetime import datetime

from directory.database import Database, Record


@dataclass(frozen=True)
class Listener:
    """A queue of MessageStatusChanged events, of one workspace or, with None, of all."""

    name: str
    workspace_id: str | None
    created_at: datetime


class Listeners:
    """What `topology apply` declares queues for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, workspace_id: str | None) -> bool:
        """Note a listener; False where one of this name is noted already, which stays as it is."""
        row = await self._database.fetchrow(
            "INSERT INTO directory.listener (name, workspace_id) VALUES ($1, $2) "
            "ON CONFLICT (name) DO NOTHING RETURNING name",
            name,
            workspace_id,
        )
        return row is not None

    async def get(self, name: str) -> Listener | None:
        """The listener, or None."""
        row = await self._database.fetchrow(_SELECT + " WHERE name = $1", name)
        return None if row is None else _listener(row)

    async def list(self) -> list[Listener]:
        """Every listener, by name."""
        rows = await self._database.fetch(_SELECT + " ORDER BY name")
        return [_listener(row) for row in rows]

    async def remove(self, name: str) -> bool:
        """Forget a listener; False where there was none."""
        row = await self._database.fetchrow("DELETE FROM directory.listener WHERE name = $1 RETURNING name", name)
        return row is not None


_SELECT = "SELECT name, workspace_id, created_at FROM directory.listener"


def _listener(row: Record) -> Listener:
    return Listener(**dict(row))
