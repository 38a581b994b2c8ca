"""Whether the database has our schema."""

import asyncio

from runtime.logs import get_logger
from runtime.migrations import MigrationChanged, pending
from runtime.postgres import TROUBLE
from status_tracker.storage import SOURCE
from status_tracker.storage.database import Pool

log = get_logger()


async def schema_trouble(pool: Pool) -> str | None:
    """What keeps the database from being used; None when it answers and has our schema."""
    try:
        async with pool.acquire(timeout=2) as connection:
            waiting = await pending(connection, [SOURCE])
    except MigrationChanged as error:
        return str(error)
    except TROUBLE as error:
        return f"the database does not answer ({type(error).__name__})"
    return f"{len(waiting)} migrations are missing: run `proactivectl migrate`" if waiting else None


async def wait_for_schema(pool: Pool) -> None:
    """Return once the schema is there; each thing that is missing is logged once."""
    told: str | None = None
    while (lacking := await schema_trouble(pool)) is not None:
        if lacking != told:
            log.warning("schema_awaited", missing=lacking)
        told = lacking
        await asyncio.sleep(0.5)
