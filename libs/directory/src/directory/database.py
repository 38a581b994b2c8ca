"""What the repositories run their statements on."""

from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Record: TypeAlias = "asyncpg.Record"

Database: TypeAlias = (
    "asyncpg.Pool[asyncpg.Record] | asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
)
"""
A pool, or one connection, for statements that belong to one transaction.

jsonb columns have to be Python values on it, as runtime.postgres sets them up.
"""
