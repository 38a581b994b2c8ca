"""What is removed after its time, in small batches; what is not done, or not told, is never touched."""

from directory import retention
from directory.retention import Kept
from runtime.postgres import Pool

BATCH = 200

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


REMOVE_RECIPIENTS = """
WITH old AS (
    SELECT workspace_id, recipient, channel_id FROM dispatch.recipient
    WHERE workspace_id = $1 AND greatest(seen_at, opted_out_at, opted_in_at) < now() - make_interval(months => $2)
    LIMIT $3 FOR UPDATE SKIP LOCKED)
DELETE FROM dispatch.recipient
USING old WHERE recipient.workspace_id = old.workspace_id AND recipient.recipient = old.recipient
    AND recipient.channel_id = old.channel_id
"""
"""Of whom nothing was heard for so long."""

REST = (REMOVE_JOBS, REMOVE_RECIPIENTS)
"""$1 the workspace, $2 months, $3 how many at most."""


class Retention:
    """Removal from schema `dispatch`; any number of replicas may remove at the same time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def kept(self) -> list[Kept]:
        """What every workspace wants, the defaults for one that is not connected."""
        return await retention.kept(self._pool, "dispatch.job")

    async def remove(self, kept: Kept) -> tuple[int, int]:
        """Remove one batch; how many texts went, and how much of the rest."""
        texts = await self._removed(REMOVE_TEXTS, kept.workspace_id, kept.text_days)
        rest = [await self._removed(statement, kept.workspace_id, kept.rest_months) for statement in REST]
        return texts, sum(rest)

    async def _removed(self, statement: str, workspace_id: str, time: int) -> int:
        done: str = await self._pool.execute(statement, workspace_id, time, BATCH)
        return int(done.split()[-1])
