"""One new conversation, opened in Intercom for a message that the provider took."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from proactive_contracts.requests import SendRequested
from runtime import failpoints
from runtime.logs import get_logger
from status_tracker.domain.conversations import body_of, opens
from status_tracker.domain.decision import MessageKey
from status_tracker.domain.entries import Request
from status_tracker.ports import Conversations, Impossible, NotDone
from status_tracker.storage import effects, entries, openings
from status_tracker.storage.database import Pool
from status_tracker.storage.effects import Effect

LOOK_SECONDS = 300.0
"""How long Intercom's search may lag behind ("a few minutes", its reference says of contacts)."""

MOST_WRITES = 2
"""Openings of one conversation of which nobody knows whether Intercom did them: the customer gets each that it did."""

_SKEW = timedelta(minutes=1)
"""How far Intercom's clock may be behind our database's when we look for what may have been opened."""

log = get_logger()


class Opening:
    """
    Opens conversations, once each; after an answer of Intercom's that tells nothing, possibly twice.

    Such a one is looked for by its text before and after the next attempt, so that both are known; and once more later,
    since Intercom may not find the newest ones yet.
    """

    def __init__(self, pool: Pool, conversations: Conversations, look_seconds: float = LOOK_SECONDS) -> None:
        self._pool = pool
        self._conversations = conversations
        self._look_seconds = look_seconds

    async def execute(self, effect: Effect, still_time: Callable[[], None]) -> str:
        """Open it and treat it as the workspace wants; says how that ended. Raises ThreadError, as noting does."""
        now = await entries.shown_of(self._pool, effect.key)
        if now is None:
            return "nothing_to_tell"
        asked = now.request.asked
        opened = await openings.of_message(self._pool, effect.key)
        conversation_ids: Sequence[str] = opened.conversation_ids if opened else ()
        if not conversation_ids:
            if not opens(asked, now.status):
                raise Impossible(f"The message did not reach the customer: {now.status.label}.")
            _check_text(now.request)
            conversation_ids = await self._open(effect, asked, still_time)
        await self._settle(asked, conversation_ids)
        return "opened"

    async def look_again(self, effect: Effect, _still_time: Callable[[], None]) -> str:
        """Find the one that Intercom did not tell of, and have it noted; says how that ended. Raises ThreadError."""
        now = await entries.shown_of(self._pool, effect.key)
        if now is None or (contact := now.request.asked.contact) is None:
            return "nothing_to_tell"
        _check_text(now.request)
        before = await openings.of_message(self._pool, effect.key)
        found = await self._look(effect.key, now.request.asked, contact.id, now.request.at)
        more = [one for one in found if before is None or one not in before.conversation_ids]
        if not more:
            return "nothing_more"
        await openings.note_found(self._pool, effect.key)
        await self._settle(now.request.asked, more)
        return "found"

    async def _open(self, effect: Effect, asked: SendRequested, still_time: Callable[[], None]) -> Sequence[str]:
        if asked.contact is None:
            raise Impossible("The request names no user or lead of Intercom's.")
        if effect.may_exist:
            await openings.look_later(self._pool, effect.key, self._look_seconds)
            if found := await self._look(effect.key, asked, asked.contact.id, effect.recorded_at):
                return found
        still_time()
        html = body_of(asked.content)
        if await effects.begin_write(self._pool, effect) > MOST_WRITES:
            raise Impossible("Intercom did not say whether it was opened. Look for it in the customer's profile.")
        try:
            made = await self._conversations.open(asked.workspace_id, asked.contact.id, _sender(asked), html)
        except (NotDone, Impossible):
            await effects.not_written(self._pool, effect)
            raise
        await failpoints.reach("tracker.after_opening")
        await openings.record(self._pool, effect.key, [made])
        if not effect.may_exist:
            return [made]
        return await self._look(effect.key, asked, asked.contact.id, effect.recorded_at)

    async def _look(self, key: MessageKey, asked: SendRequested, contact_id: str, since: datetime) -> Sequence[str]:
        """What an earlier attempt opened all the same; recorded, except what belongs to another message."""
        html = body_of(asked.content)
        found = await self._conversations.find(asked.workspace_id, contact_id, _sender(asked), html, since - _SKEW)
        await openings.record(self._pool, key, found)
        opened = await openings.of_message(self._pool, key)
        return opened.conversation_ids if opened else ()

    async def _settle(self, asked: SendRequested, conversation_ids: Sequence[str]) -> None:
        for conversation_id in conversation_ids:
            try:
                await self._conversations.settle(asked.workspace_id, conversation_id, _sender(asked))
            except Impossible as error:
                log.warning("conversation_not_settled", conversation_id=conversation_id, detail=str(error))


def _check_text(request: Request) -> None:
    if request.text_removed:
        raise Impossible("The message's text is not kept any more, and a conversation opens with it.")


def _sender(asked: SendRequested) -> str | None:
    return asked.requested_by.id if asked.requested_by.kind == "admin" else None
