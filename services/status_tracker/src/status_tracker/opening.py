"""One new conversation, opened in Intercom for a message that the provider took."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from proactive_contracts.requests import SendRequested
from runtime import failpoints
from runtime.logs import get_logger
from status_tracker.domain.conversations import body_of, opens
from status_tracker.ports import Conversations, Impossible
from status_tracker.storage import entries, openings
from status_tracker.storage.database import Pool
from status_tracker.storage.effects import Effect

_SKEW = timedelta(minutes=1)
"""How far Intercom's clock may be behind our database's when we look for what may have been opened."""

log = get_logger()


class Opening:
    """
    Opens conversations, once each; after an answer of Intercom's that tells nothing, possibly twice.

    Such a one is looked for by its text before and after the next attempt, so that both are known.
    """

    def __init__(self, pool: Pool, conversations: Conversations) -> None:
        self._pool = pool
        self._conversations = conversations

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
            conversation_ids = await self._open(effect, asked, still_time)
        await self._settle(asked, conversation_ids)
        return "opened"

    async def _open(self, effect: Effect, asked: SendRequested, still_time: Callable[[], None]) -> Sequence[str]:
        if asked.contact is None:
            raise Impossible("The request names no user or lead of Intercom's.")
        if effect.may_exist and (found := await self._look(effect, asked, asked.contact.id)):
            return found
        still_time()
        html = body_of(asked.content)
        made = await self._conversations.open(asked.workspace_id, asked.contact.id, _sender(asked), html)
        await failpoints.reach("tracker.after_opening")
        await openings.record(self._pool, effect.key, [made])
        return await self._look(effect, asked, asked.contact.id) if effect.may_exist else [made]

    async def _look(self, effect: Effect, asked: SendRequested, contact_id: str) -> Sequence[str]:
        """What an earlier attempt opened all the same; recorded, except what belongs to another message."""
        since = effect.recorded_at - _SKEW
        html = body_of(asked.content)
        found = await self._conversations.find(asked.workspace_id, contact_id, _sender(asked), html, since)
        await openings.record(self._pool, effect.key, found)
        opened = await openings.of_message(self._pool, effect.key)
        return opened.conversation_ids if opened else ()

    async def _settle(self, asked: SendRequested, conversation_ids: Sequence[str]) -> None:
        for conversation_id in conversation_ids:
            try:
                await self._conversations.settle(asked.workspace_id, conversation_id, _sender(asked))
            except Impossible as error:
                log.warning("conversation_not_settled", conversation_id=conversation_id, detail=str(error))


def _sender(asked: SendRequested) -> str | None:
    return asked.requested_by.id if asked.requested_by.kind == "admin" else None
