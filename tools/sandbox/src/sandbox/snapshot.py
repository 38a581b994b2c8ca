"""Keeps the sandbox's state in one file, so that a restart goes on with the same conversations."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sandbox.behaviour import Behaviours
from sandbox.intercom.oauth import Grants
from sandbox.ledger import Ledger
from sandbox.world import World

_SAVE_AFTER_SECONDS = 0.5


class SnapshotError(Exception):
    """The state file cannot be read or written; the text says which file and what to do."""


@dataclass
class State:
    """All that the sandbox remembers."""

    world: World
    ledger: Ledger
    behaviours: Behaviours
    grants: Grants = field(default_factory=Grants)


_STATE = TypeAdapter(State)


def load(path: Path) -> State | None:
    """
    The state saved in a file, None where there is none yet.

    Raises:
        SnapshotError: the file is there but is no state of this sandbox.
    """
    try:
        return _STATE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SnapshotError(f"SANDBOX_STATE_FILE {path} cannot be read: remove it to start anew") from error


def save(path: Path, state: State) -> None:
    """
    Write the state, so that a crash leaves either the old file or the new one, never half of one.

    Raises:
        SnapshotError: the file cannot be written.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(_STATE.dump_json(state))
        beside.replace(path)
    except OSError as error:
        raise SnapshotError(f"SANDBOX_STATE_FILE {path} cannot be written: {error.strerror}") from error


class Saver:
    """Saves a while after a change, and at the end; several changes at once cost one write."""

    def __init__(self, path: Path | None, state: Callable[[], State]) -> None:
        self._path = path
        self._state = state
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """
        Begin to follow changes.

        Raises:
            SnapshotError: the file cannot be written; better said now than when something is lost.
        """
        if self._path is not None:
            save(self._path, self._state())
            self._task = asyncio.create_task(self._follow(self._path))

    def changed(self) -> None:
        """Note that there is something to save."""
        self._changed.set()

    async def stop(self) -> None:
        """Save what is not saved yet."""
        if self._task is None or self._path is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        save(self._path, self._state())

    async def _follow(self, path: Path) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SAVE_AFTER_SECONDS)
            self._changed.clear()
            try:
                save(path, self._state())
            except SnapshotError as error:
                logging.getLogger("sandbox").warning("%s", error)
