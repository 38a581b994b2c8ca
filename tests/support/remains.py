"""What is left of somebody: every row of ours, and everything that is parked, which holds given words."""

import base64
from collections.abc import Sequence

import asyncpg

from devstack.probes import run_async
from tests.support.bus import channel_to

PARKED = [
    *(f"dispatcher.{kind}.{lane}.parked" for kind in ("sms", "whatsapp", "viber") for lane in ("interactive", "bulk")),
    "status_tracker.history.parked",
]


def rows_with(database_url: str, *words: str) -> list[str]:
    """Tables of ours in which a row holds one of these words, in plain or in base64, once per row."""
    return run_async(_rows_with(database_url, words))


async def _rows_with(database_url: str, words: Sequence[str]) -> list[str]:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname IN ('dispatch', 'tracker', 'directory') ORDER BY name"
        )
        found = []
        for table in tables:
            rows = await connection.fetch(
                f"SELECT to_jsonb(t)::text FROM {table['name']} t WHERE to_jsonb(t)::text LIKE ANY($1::text[])",
                [f"%{one}%" for word in words for one in (word, _encoded(word))],
            )
            found += [table["name"]] * len(rows)
        return found
    finally:
        await connection.close()


def _encoded(word: str) -> str:
    """Some part of it that base64 has wherever it stands, as in WhatsApp's ids."""
    return base64.b64encode(word.encode()).decode().rstrip("=")[:-2]


def parked_with(amqp_url: str, word: str) -> int:
    """How many parked messages hold this word; they stay parked."""
    found = 0
    with channel_to(amqp_url) as channel:
        for queue in PARKED:
            while (got := channel.basic_get(queue))[0] is not None:
                found += word.encode() in got[2]
        channel.basic_recover(requeue=True)
    return found
