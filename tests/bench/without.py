"""
Starts one of our services with something taken away: `python -m tests.bench.without journal dispatcher worker …`.

What it costs is what the others gain by doing without. Nothing in the services knows of this.
"""

import runpy
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import dispatcher.app
import dispatcher.storage.jobs
from dispatcher.ports import Claim
from proactive_contracts.envelope import Event
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Lane
from runtime.batching import Batcher
from status_tracker.storage import outgoing
from tests.unit.dispatcher.fakes import FakeJobs


class _Forgetful(FakeJobs):
    """Lets nothing wait: it has no scheduler's side."""

    async def claim(
        self, event: Event[SendRequested], lane: Lane, provider: str | None = None, *, held: bool = False
    ) -> Claim:
        """Sent at once, whatever `held` says."""
        return await super().claim(event, lane, provider)


def _journal() -> None:
    """Claims and outcomes are in memory: a message may be lost, or sent twice."""

    def forgetful(_pool: object, _lease_seconds: float, capabilities: dict[str, Any], **_: object) -> FakeJobs:
        return _Forgetful(*capabilities.values())

    _replace(dispatcher.app, "PostgresJobs", forgetful)


def _batches() -> None:
    """Claims, outcomes and announcements are committed one by one."""
    _replace(dispatcher.storage.jobs, "Batcher", partial(Batcher, max_batch=1))


def _status_events() -> None:
    """Nobody is told what became of messages."""

    async def add(*_: object) -> outgoing.InLine:
        return outgoing.InLine()

    _replace(outgoing, "add", add)


def _replace(module: ModuleType, name: str, part: object) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, part)


_TAKE_AWAY: dict[str, Callable[[], None]] = {
    "journal": _journal,
    "batches": _batches,
    "status_events": _status_events,
}

if __name__ == "__main__":
    _TAKE_AWAY[sys.argv[1]]()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__")
