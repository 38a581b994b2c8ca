"""What the statements run on, and how rows become the arrays of an UNNEST."""

from collections.abc import Iterable
from typing import Any

import asyncpg

from runtime.postgres import Connection, Pool, Record

__all__ = ["UNSTORABLE", "Connection", "Pool", "Record", "columns"]


UNSTORABLE: tuple[type[Exception], ...] = (asyncpg.DataError,)
"""A value that PostgreSQL cannot hold, such as the NUL character in a text."""


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """The columns of `rows`, of which there has to be at least one."""
    return [list(column) for column in zip(*rows, strict=True)]
