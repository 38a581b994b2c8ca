"""How long each workspace keeps what, for the services that remove what was kept long enough."""

from dataclasses import dataclass

from directory.database import Database


@dataclass(frozen=True)
class Kept:
    """How long a workspace keeps what."""

    workspace_id: str
    text_days: int
    rest_months: int


async def kept(database: Database, table: str) -> list[Kept]:
    """
    What every workspace wants that is connected, or has rows in `table`; the defaults for one that is not connected.

    By one look a workspace at the table's index, which begins with workspace_id.
    """
    statement = f"""
        WITH RECURSIVE here AS (
            (SELECT workspace_id FROM {table} ORDER BY workspace_id LIMIT 1)
            UNION ALL
            SELECT (SELECT workspace_id FROM {table} WHERE workspace_id > here.workspace_id
                    ORDER BY workspace_id LIMIT 1)
            FROM here WHERE here.workspace_id IS NOT NULL)
        SELECT coalesce(here.workspace_id, workspace.id) AS workspace_id,
               coalesce(keep_text_days, 30) AS text_days, coalesce(keep_rest_months, 13) AS rest_months
        FROM here FULL JOIN directory.workspace ON workspace.id = here.workspace_id
        WHERE coalesce(here.workspace_id, workspace.id) IS NOT NULL
    """
    return [Kept(*row) for row in await database.fetch(statement)]
