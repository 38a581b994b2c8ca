"""What is removed after its time, in small batches; what is not done, or not told, is never touched."""

from dataclasses import dataclass

from runtime.postgres import Pool

BATCH = 200

_KEPT = """
WITH RECURSIVE here AS (
    (SELECT workspace_id FROM dispatch.job ORDER BY workspace_id LIMIT 1)
    UNION ALL
    SELECT (SELECT workspace_id FROM dispatch.job WHERE workspace_id > here.workspace_id
            ORDER BY workspace_id LIMIT 1)
    FROM here WHERE here.workspace_id IS NOT NULL)
SELECT here.workspace_id, coalesce(keep_text_days, 30) AS text_days, coalesce(keep_rest_months, 13) AS rest_months
FROM here LEFT JOIN directory.workspace ON workspace.id = here.workspace_id
WHERE here.workspace_id IS NOT NULL
"""
"""Each workspace that has jobs, by one look at the primary key's index a workspace."""

DONE = "due_at IS NULL AND tell_at IS NULL AND state NOT IN ('waiting', 'sending', 'resolving')"
"""What nothing happens to any more by itself: its result was told, too."""

REMOVE_TEXTS = f"""
WITH old AS (
    SELECT workspace_id, message_id FROM dispatch.job
    WHERE workspace_id = $1 AND since < now() - make_interval(days => $2) AND request ? 'content' AND {DONE}
    ORDER BY since LIMIT $3 FOR UPDATE SKIP LOCKED)
UPDATE dispatch.job SET request = request - 'content'
FROM old WHERE job.workspace_id = old.workspace_id AND job.message_id = old.message_id
"""
"""The digest stays: the same message, asked for again, is recognised without its text."""

REMOVE_JOBS = f"""
WITH old AS (
    SELECT workspace_id, message_id FROM dispatch.job
    WHERE workspace_id = $1 AND since < now() - make_interval(months => $2) AND not_after < now() - interval '30 days'
          AND {DONE}
    ORDER BY since LIMIT $3 FOR UPDATE SKIP LOCKED)
DELETE FROM dispatch.job
USING old WHERE job.workspace_id = old.workspace_id AND job.message_id = old.message_id
"""
"""Its id need not be known any more: whoever asks for it again is too late by its not_after."""


@dataclass(frozen=True)
class Kept:
    """How long a workspace keeps what."""

    workspace_id: str
    text_days: int
    rest_months: int


class Retention:
    """dispatcher.ports.Retained on schema `dispatch`; any number of replicas may remove at the same time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def kept(self) -> list[Kept]:
        """What every workspace that has jobs wants, the defaults for one that is not connected."""
        return [Kept(*row) for row in await self._pool.fetch(_KEPT)]

    async def remove(self, kept: Kept) -> tuple[int, int]:
        """Remove one batch; how many texts went, and how many jobs."""
        texts = await self._pool.execute(REMOVE_TEXTS, kept.workspace_id, kept.text_days, BATCH)
        jobs = await self._pool.execute(REMOVE_JOBS, kept.workspace_id, kept.rest_months, BATCH)
        return int(texts.split()[-1]), int(jobs.split()[-1])
