"""One note: what became of a message, or of the conversation that was to be opened for it."""

from collections.abc import Callable

from runtime import failpoints
from status_tracker.domain.conversations import Opening
from status_tracker.domain.history import Shown
from status_tracker.domain.notes import GOOD, ON_OPENING, Kind, NewConversation, kind_of, marker, note, note_on_opening
from status_tracker.ports import Conversations, Impossible, Threads
from status_tracker.storage import effects, entries, openings
from status_tracker.storage.database import Pool
from status_tracker.storage.effects import Effect


class Noting:
    """Writes notes, at most once each."""

    def __init__(self, pool: Pool, threads: Threads, conversations: Conversations) -> None:
        self._pool = pool
        self._threads = threads
        self._conversations = conversations

    async def execute(self, effect: Effect, still_time: Callable[[], None]) -> str:
        """
        Write it, and say how that ended. It tells what is true now, which may be more than what it was planned for.

        `still_time` raises where too little of the lease is left to write. Raises ThreadError.
        """
        kind = Kind(effect.kind)
        now = await entries.shown_of(self._pool, effect.key)
        # Asked last: what is planned together with a change that was just read is seen as well.
        if kind not in ON_OPENING and await effects.is_overtaken(self._pool, effect):
            return "overtaken"
        if now is None or effect.conversation_id is None or kind_of(now.decisive) is None:
            return "nothing_to_tell"
        workspace_id, message_id = effect.key
        reference = marker(message_id, kind)
        if effect.may_exist and await self._threads.contains(workspace_id, effect.conversation_id, reference):
            return "found"
        html = await self._html(effect, now, kind, reference)
        still_time()
        by = now.request.asked.requested_by
        admin_id = by.id if by.kind == "admin" else None
        await self._threads.add_note(workspace_id, effect.conversation_id, admin_id, html)
        await failpoints.reach("tracker.after_note")
        return "written"

    async def _html(self, effect: Effect, now: Shown, kind: Kind, reference: str) -> str:
        asked = now.request.asked
        if kind in ON_OPENING:
            opening = await openings.of_message(self._pool, effect.key)
            return note_on_opening(asked, await self._told(effect, opening or Opening()), reference)
        left = kind_of(now.decisive) in GOOD  # nothing is opened for what did not
        new = await self._new(effect) if asked.thread.open_new and left else None
        return note(now.request, now.decisive, reference, new)

    async def _new(self, effect: Effect) -> NewConversation:
        """What is known of the new conversation; where that is nothing yet, a note of its own will follow."""
        opening = await openings.of_message(self._pool, effect.key) or Opening()
        pending = not opening.conversation_ids and opening.failure is None
        if pending and not await openings.note_afterwards(self._pool, effect.key):
            opening = await openings.of_message(self._pool, effect.key) or Opening()
        return await self._told(effect, opening)

    async def _told(self, effect: Effect, opening: Opening) -> NewConversation:
        workspace_id, _ = effect.key
        try:
            addresses = [await self._conversations.address(workspace_id, one) for one in opening.conversation_ids]
        except Impossible:
            addresses = []
        return NewConversation(addresses, opening.failure)
