"""Notes out: what became of a message is written into its Intercom conversation, at most once each."""

import asyncio
import random
from datetime import timedelta

from runtime import clock, failpoints
from runtime.logs import get_logger
from status_tracker import metrics
from status_tracker.domain.history import Shown, shown
from status_tracker.domain.notes import kind_of, marker, note
from status_tracker.loop import Loop
from status_tracker.ports import Impossible, MaybeDone, NotDone, ThreadError, Threads
from status_tracker.storage import effects, entries
from status_tracker.storage.database import Pool
from status_tracker.storage.effects import Effect

LEASE_SECONDS = 60.0
"""Longer than looking for a note and writing it may take, each of which has its time limit in clients.threads."""

WRITE_SECONDS = 20.0
"""A write is begun only when the lease lasts this long still."""

GIVE_UP = timedelta(hours=24)
CONCURRENCY = 10

_FIRST_PAUSE = 2.0
"""Seconds; also what Intercom gets to finish a write that it did not answer, before we look for it."""

_LONGEST_PAUSE = 300.0

log = get_logger()


class ThreadWriter(Loop):
    """Any number of them may run: a note is one writer's while its lease lasts."""

    def __init__(
        self, pool: Pool, threads: Threads, *, poll_seconds: float = 0.5, first_pause: float = _FIRST_PAUSE
    ) -> None:
        super().__init__("thread", self.turn, poll_seconds=poll_seconds, drain_seconds=5)
        self._pool = pool
        self._threads = threads
        self._first_pause = first_pause
        self._running: set[asyncio.Task[None]] = set()

    async def __aexit__(self, *error: object) -> None:
        """Take no more, and let what is under way end."""
        await super().__aexit__(*error)
        if self._running:
            await asyncio.wait(self._running, timeout=WRITE_SECONDS + 5)

    async def turn(self) -> bool:
        """Begin what is due, as far as there is room; the end of each wakes the loop for its successor."""
        room = CONCURRENCY - len(self._running)
        claimed = await effects.claim(self._pool, room, LEASE_SECONDS) if room else []
        for effect in claimed:
            task = asyncio.create_task(self._execute(effect, asyncio.get_running_loop().time() + LEASE_SECONDS))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return False

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("note_interrupted", error=type(error).__name__, detail=str(error)[:300])
        self.wake()

    async def _execute(self, effect: Effect, lease_until: float) -> None:
        """Write one note, or plan its next attempt. Anything unexpected leaves it to the end of its lease."""
        try:
            outcome, detail = await self._write(effect, lease_until), None
        except Impossible as error:
            outcome, detail = "refused", str(error)
        except ThreadError as error:
            if clock.now() - effect.recorded_at < GIVE_UP:
                await self._again(effect, error)
                return
            outcome, detail = "given_up", str(error)
        metrics.NOTES.labels(outcome).inc()
        if detail is not None:
            log.warning("note_closed", outcome=outcome, detail=detail, message_id=str(effect.key[1]))
        await effects.close(self._pool, effect, outcome, detail)

    async def _write(self, effect: Effect, lease_until: float) -> str:
        """The note tells what is true now, which may be more than what it was planned for."""
        if await effects.is_overtaken(self._pool, effect):
            return "overtaken"
        now = await self._known(effect)
        if now is None or kind_of(now.status) is None:
            return "nothing_to_tell"
        workspace_id, message_id = effect.key
        reference = marker(message_id, effect.kind)
        if effect.may_exist and await self._threads.contains(workspace_id, effect.conversation_id, reference):
            return "found"
        if lease_until - asyncio.get_running_loop().time() < WRITE_SECONDS:
            raise NotDone("there was too little time left to write it")
        asked = now.request.asked
        admin_id = asked.requested_by.id if asked.requested_by.kind == "admin" else None
        html = note(asked, now.decisive, reference)
        await self._threads.add_note(workspace_id, effect.conversation_id, admin_id, html)
        await failpoints.reach("tracker.after_note")
        return "written"

    async def _known(self, effect: Effect) -> Shown | None:
        requests = await entries.requests_of(self._pool, [effect.key])
        said = await entries.entries_of(self._pool, [effect.key])
        return shown(requests.get(effect.key, ()), said.get(effect.key, ()))

    async def _again(self, effect: Effect, error: ThreadError) -> None:
        asked_pause = error.pause_seconds if isinstance(error, NotDone) else None
        seconds = asked_pause or self._pause(effect.attempts)
        metrics.NOTES.labels("maybe_done" if isinstance(error, MaybeDone) else "not_done").inc()
        log.info("note_delayed", seconds=seconds, detail=str(error), message_id=str(effect.key[1]))
        may_exist = effect.may_exist or isinstance(error, MaybeDone)
        await effects.again(self._pool, effect, seconds, str(error)[:500], may_exist=may_exist)

    def _pause(self, attempts: int) -> float:
        longest = min(_LONGEST_PAUSE, self._first_pause * 2.0 ** min(attempts - 1, 20))
        return longest * random.uniform(0.75, 1.25)
