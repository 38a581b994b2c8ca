"""What customers wrote back and teammates answered, kept as it came."""

from typing import Any

from proactive_contracts.envelope import Event
from status_tracker.storage.database import Pool


async def keep(pool: Pool, event: Event[Any]) -> bool:
    """Keep it; False where it was known already."""
    kept: str = await pool.execute(
        "INSERT INTO tracker.reply (event_id, workspace_id, event) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        event.id,
        event.data.workspace_id,
        event.model_dump(mode="json", exclude_none=True),
    )
    return kept.endswith(" 1")
