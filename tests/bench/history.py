"""How long the history takes with so many messages: `make bench-history`."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import aiohttp
import asyncpg
from pydantic import SecretStr

from devstack.backends import choose
from devstack.errors import DevstackError
from runtime.http import serve
from runtime.migrations import migrate
from runtime.postgres import pool
from status_tracker.http import application
from status_tracker.storage import SOURCE
from tests.bench.filling import WORKSPACE, Filled, Say, fill
from tests.bench.measuring import TIMES, Measured, cases, export, measure
from tests.bench.rows import Row, figure
from tests.support.backends import temporary_state

TOKEN = "bench-token"
MOST_ROWS = 50_000_000
BYTES_PER_ROW = 2_500
"""On the disk, its indexes and what is sorted for them included."""


def measure_history(rows: int, target: Path, say: Say) -> list[Row]:
    """
    Fill a private PostgreSQL, ask, tell, and write the report as JSON; what it says about the benchmark's table.

    Raises:
        DevstackError: there is no room for so many.
    """
    with temporary_state("bench") as state:
        _look_for_room(state.folder, rows)
        only_ours = {"PROACTIVE_BACKENDS": "private"}
        database = choose(state, purpose="tests", report=say, environment=only_ours).database
        database.start()
        try:
            report = asyncio.run(run(database.create_database("bench"), rows, say))
        finally:
            database.stop()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")
    say(f"As JSON: {os.path.relpath(target)}")
    slowest = max(cast(Sequence[Mapping[str, float]], report["cases"]), key=lambda case: case["p99"])
    name = f"first page or any filter of the history at {rows:,} rows, p99 of the slowest"
    return [Row(name, figure([slowest["p99"]]), "ms", 100, 20, less_is_better=True)]


def _look_for_room(folder: Path, rows: int) -> None:
    wanted, free = rows * BYTES_PER_ROW, shutil.disk_usage(folder).free
    if wanted > free:
        raise DevstackError(f"{rows:,} messages take {wanted / 1e9:.0f} GB, {folder} has {free / 1e9:.0f}: take fewer.")


async def run(database_url: str, rows: int, say: Say, times: int = TIMES) -> dict[str, object]:
    """Fill an empty database and ask each kind of question so often; the report, as the JSON file has it."""
    connection = await asyncpg.connect(database_url)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    await migrate(connection, [SOURCE])
    began = time.monotonic()
    filled = await fill(connection, rows, say)
    seconds = time.monotonic() - began
    size = await connection.fetchval(
        "SELECT pg_total_relation_size('tracker.message') + pg_total_relation_size('tracker.request')"
    )
    ids = [f"{row['id']}" for row in await connection.fetch(_SOME_IDS, min(rows, 500), rows)]
    version = await connection.fetchval("SHOW server_version")
    await connection.close()
    say(f"filled {rows:,} messages in {seconds:.0f} s, {size / 1e9:.1f} GB")
    measured, speed = await _measure(database_url, filled, ids, times)
    for line in _table(measured):
        say(line)
    say(f"CSV export: {speed:,.0f} messages a second")
    return {
        "rows": rows,
        "workspace": WORKSPACE,
        "postgresql": version,
        "fill_seconds": round(seconds, 1),
        "bytes": size,
        "exported_per_second": round(speed),
        "cases": [asdict(one) for one in measured],
    }


_SOME_IDS = """
    SELECT md5('message' || (1 + place * $2::bigint / $1::bigint))::uuid AS id
    FROM generate_series(0, $1::bigint - 1) AS place
"""


async def _measure(database_url: str, filled: Filled, ids: Sequence[str], times: int) -> tuple[list[Measured], float]:
    async with pool(database_url, application="bench") as opened:
        app = application(opened, [SecretStr(TOKEN)])
        async with serve(app, "127.0.0.1", 0) as port:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as api:
                measured = [await measure(api, case, filled, times) for case in cases(ids)]
                return measured, await export(api)


def _table(measured: Sequence[Measured]) -> list[str]:
    """Milliseconds from question to answer over HTTP, one question at a time."""
    wide = max(len(one.name) for one in measured)
    head = f"{'':<{wide}}  {'times':>5}  {'found':>5}  {'p50 ms':>8}  {'p99 ms':>8}  {'max ms':>8}"
    return [
        head,
        *(
            f"{one.name:<{wide}}  {one.times:>5}  {one.messages:>5.1f}  {one.p50:>8.1f}  {one.p99:>8.1f}  "
            f"{one.slowest:>8.1f}"
            for one in measured
        ),
    ]
