"""A teammate decides about a message that is not settled, on the screen that tells of it or on its details."""

import asyncio

from canvas_gateway.domain.compose import asked_by
from canvas_gateway.domain.deciding import (
    Decision,
    after_answer,
    after_history,
    as_told,
    decide,
    offered,
    pending,
)
from canvas_gateway.domain.flow import Press
from canvas_gateway.domain.history import SENT, Message
from canvas_gateway.domain.outcome import Outcome
from canvas_gateway.domain.state import State
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Screen, Wish
from canvas_gateway.handlers.asking import Asking
from canvas_gateway.handlers.remembering import Remembering
from canvas_gateway.handlers.telling import tell
from canvas_gateway.handlers.turn import Reply, Turn
from canvas_gateway.ports import History
from canvas_gateway.screens.deciding import remarks
from proactive_contracts.envelope import traceparent_of
from runtime.logs import about, get_logger

_LOOKUP_SECONDS = 2.0
_AFTERWARDS_SECONDS = 1.0
"""Kept for the history after the wait: it is a moment behind the dispatcher."""

_LOOK_AGAIN_SECONDS = 0.1

log = get_logger()


class Deciding:
    """
    "Stop trying", "Mark as sent" and "Mark as not sent", and what came of them.

    The dispatchers decide, under a lock of the message's row: whoever clicks twice, late or beside somebody else gets
    what the message is now. `wait_seconds` is how long their answer is waited for.
    """

    def __init__(self, asking: Asking, tracked: History, remembering: Remembering, *, wait_seconds: float) -> None:
        self._asking = asking
        self._tracked = tracked
        self._remembering = remembering
        self._wait_seconds = wait_seconds

    async def decide(self, turn: Turn, state: State, press: Press) -> Reply:
        """Decide about the submitted message."""
        assert state.submission is not None
        assert state.outcome is not None
        wish = Wish(press.what)
        if wish not in offered(state.outcome):
            raise Interruption(Kind.OTHER_SCREEN)
        submission = state.submission
        decision = decide(wish, submission.request, submission.event_id, asked_by(turn.teammate), turn.now)
        return await self._ask_and_tell(turn, state, decision)

    async def refresh(self, turn: Turn, state: State, _press: Press) -> Reply:
        """What history knows of it; where that is nothing final, the decision is published again."""
        assert state.submission is not None
        assert state.decision is not None
        try:
            found = await self._look_up(turn, state.decision)
        except Interruption:
            found = None
        if (known := after_history(state.decision, found)) is not None:
            return tell(turn, state, state.submission, known)
        return await self._ask_and_tell(turn, state, state.decision)

    async def decide_shown(self, turn: Turn, state: State, press: Press) -> Reply:
        """The same about the message whose details are shown."""
        found = await self._shown(turn, state)
        decision = decide(Wish(press.what), found, found.event_id, asked_by(turn.teammate), turn.now)
        return await self._settle_shown(turn, state, found, decision)

    async def refresh_shown(self, turn: Turn, state: State, _press: Press) -> Reply:
        """The details anew; a decision that nobody answered is published again."""
        if state.decision is None:
            return await self._remembering.show_details(turn, state)
        return await self._settle_shown(turn, state, await self._shown(turn, state), state.decision)

    async def _ask_and_tell(self, turn: Turn, state: State, decision: Decision) -> Reply:
        assert state.submission is not None
        decision, known = await self._ask(turn, decision)
        unanswered = decision if known.screen is Screen.DECIDING else None
        return tell(turn, state, state.submission, known, unanswered)

    async def _settle_shown(self, turn: Turn, state: State, found: Message, decision: Decision) -> Reply:
        known = after_history(decision, found)
        if known is None:
            decision, known = await self._ask(turn, decision)
            found = as_told(await self._caught_up(turn, found, known), known)
        unanswered = decision if known.screen is Screen.DECIDING else None
        state = state.model_copy(update={"screen": Screen.DETAILS, "decision": unanswered})
        return await self._remembering.draw_details(turn, state, found, remarks(known, decision.wish))

    async def _ask(self, turn: Turn, decision: Decision) -> tuple[Decision, Outcome]:
        patience = turn.left(self._wait_seconds + _AFTERWARDS_SECONDS) - _AFTERWARDS_SECONDS
        answered = await self._asking.ask_decision(decision, patience)
        decision = decision.after(answered.published)
        known = None if answered.event is None else after_answer(decision.wish, answered.event)
        known = known or pending(decision, answered.published)
        with about(turn.workspace.id, decision.message_id, traceparent_of(turn.workspace.id, decision.message_id)):
            log.info(
                "decision_asked",
                wish=decision.wish,
                admin_id=decision.by.id,
                published=answered.published,
                told=known.screen,
            )
        return decision, known

    async def _shown(self, turn: Turn, state: State) -> Message:
        found = None
        if state.shown is not None:
            found = await self._tracked.message(turn.workspace.id, state.shown, turn.left(_LOOKUP_SECONDS))
        if found is None:
            raise Interruption(Kind.MESSAGE_GONE)
        return found

    async def _look_up(self, turn: Turn, decision: Decision) -> Message | None:
        return await self._tracked.message(turn.workspace.id, decision.message_id, turn.left(_LOOKUP_SECONDS))

    async def _caught_up(self, turn: Turn, found: Message, known: Outcome) -> Message:
        """The message once the history tells what the dispatcher told, if it does within a moment."""
        try:
            async with asyncio.timeout(turn.left(min(_AFTERWARDS_SECONDS, self._wait_seconds))):
                while known.status is not None and found.status not in {known.status, *SENT}:
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                    looked_up = await self._tracked.message(
                        turn.workspace.id, found.message_id, turn.left(_AFTERWARDS_SECONDS)
                    )
                    found = looked_up or found
        except (Interruption, TimeoutError):
            pass
        return found
