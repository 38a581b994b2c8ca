"""What a statement reads, as its later executions do: by the generic plan of a prepared statement."""

import json
from typing import Any

from runtime.postgres import Pool


async def rows_read(pool: Pool, table: str, statement: str, *parameters: Any) -> int:
    """How many rows of `table` it looks at; it is carried out, and rolled back. No scan of the whole table may do."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
        finally:
            await transaction.rollback()
    scans = [node for node in _nodes(json.loads(found)[0]["Plan"]) if node.get("Relation Name") == table]
    scans = [node for node in scans if "Scan" in node["Node Type"]]
    assert scans, f"{table} is not read"
    assert not [node for node in scans if node["Node Type"] == "Seq Scan"], scans
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in scans
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]
