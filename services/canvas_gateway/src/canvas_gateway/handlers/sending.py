"""From the form to the bus, and from its answers to a screen that tells the truth."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from canvas_gateway.domain import numbers
from canvas_gateway.domain.compose import (
    Form,
    Sender,
    as_new_message,
    refusals,
    request_from,
    resend_from_history,
    resend_of,
)
from canvas_gateway.domain.flow import Press, retyped
from canvas_gateway.domain.history import Message
from canvas_gateway.domain.outcome import (
    Outcome,
    Published,
    Submission,
    after_failed_lookup,
    after_lookup,
    after_opening,
    beside_earlier,
    is_answer_before,
    is_opening,
    of_result,
    without_answer,
)
from canvas_gateway.domain.repeats import repeat_of
from canvas_gateway.domain.state import State
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Screen
from canvas_gateway.handlers.asking import Asking
from canvas_gateway.handlers.telling import tell
from canvas_gateway.handlers.turn import Reply, Turn
from canvas_gateway.ports import History
from canvas_gateway.screens.again import again
from canvas_gateway.screens.compose import compose
from canvas_gateway.screens.outcome import outcome as outcome_screen
from proactive_contracts.requests import SendRequested
from proactive_contracts.status import Status
from proactive_contracts.values import TextContent
from runtime.logs import get_logger

_LOOKUP_SECONDS = 2.0
_AFTERWARDS_SECONDS = 1.0
"""Kept for the history after the wait: an earlier version's text, a lost publish, where a new conversation is."""

_LOOK_AGAIN_SECONDS = 0.1
_QUESTION_SECONDS = 1.0
"""How long the history may take to say whether the same was sent a moment ago."""

log = get_logger()


class Sending:
    """
    Compose's submit, "Send again", Refresh and Re-send.

    `wait_seconds` is how long an answer is waited for, `lifetime` how long a message may take to leave.
    """

    def __init__(self, asking: Asking, tracked: History, *, wait_seconds: float, lifetime: timedelta) -> None:
        self._asking = asking
        self._tracked = tracked
        self._wait_seconds = wait_seconds
        self._lifetime = lifetime

    async def show_outcome(self, turn: Turn, state: State) -> Reply:
        """What is known so far, once more."""
        return Reply(state, outcome_screen(state, turn.calendar, turn.workspace.region))

    async def send(self, turn: Turn, state: State, press: Press) -> Reply:
        """Send what was typed, say what is wrong with it, or ask whether it is to be sent again."""
        form = Form.read(turn.typed)
        state = retyped(state, turn.typed)
        if found := refusals(form):
            return Reply(state, compose(state, found))
        open_new = press.what == "send_open"
        assert state.draft is not None
        recipient = numbers.to_e164(form.phone)
        assert recipient is not None, "the form has no refusals"
        asked = await self._question(turn, state, recipient, form.text, state.draft.message_id, open_new=open_new)
        return asked or await self._send(turn, state, form, open_new=open_new)

    async def show_again(self, turn: Turn, state: State) -> Reply:
        """The question whether what was sent a moment ago is to be sent again."""
        return Reply(state, again(state, turn.calendar))

    async def send_again(self, turn: Turn, state: State, press: Press) -> Reply:
        """Send the draft that the question was about, under its own id, however often that is clicked."""
        assert state.draft is not None
        form = Form(state.draft.phone, state.draft.text)
        return await self._send(turn, state, form, open_new=press.what == "send_open")

    async def _question(
        self,
        turn: Turn,
        state: State,
        recipient: str,
        text: str,
        message_id: UUID,
        resend_of: UUID | None = None,
        *,
        open_new: bool,
    ) -> Reply | None:
        """
        Whether it is to be sent again; None where nobody is to be asked, and it is sent.

        So it is where nothing is repeated, the history cannot say, or the answer was given before.
        """
        about = turn.workspace.id, recipient, text, message_id, resend_of
        try:
            found = await self._tracked.repeated(*about, turn.left(_QUESTION_SECONDS))
        except Interruption:
            log.warning("repeats_not_asked")
            return None
        if found is None:
            return None
        repeat = repeat_of(found, state.screen, open_new=open_new)
        if state.repeat is not None and (state.repeat.by, state.repeat.at) == (repeat.by, repeat.at):
            return None
        return await self.show_again(turn, state.model_copy(update={"screen": Screen.AGAIN, "repeat": repeat}))

    async def _resend(self, turn: Turn, state: State, request: SendRequested) -> Reply:
        """Ask about what somebody else sent meanwhile, else re-send it."""
        if state.screen is not Screen.AGAIN and isinstance(request.content, TextContent):
            place = request.recipient, request.content.text, request.message_id, request.resend_of
            if asked := await self._question(turn, state, *place, open_new=request.thread.open_new):
                return asked
        return await self._ask(turn, state, Submission(request=request, asked_at=turn.now))

    async def _send(self, turn: Turn, state: State, form: Form, *, open_new: bool) -> Reply:
        assert state.draft is not None
        assert state.channel is not None
        sender = Sender(
            workspace_id=turn.workspace.id,
            teammate=turn.teammate,
            recipient=state.recipient or state.contact,
            channel=state.channel,
            conversation_id=turn.conversation_id,
        )
        message_id, not_after = state.draft.message_id, self._not_after(turn.now)
        request = request_from(form, sender, message_id, not_after, open_new=open_new)
        return await self._ask(turn, state, Submission(request=request, asked_at=turn.now))

    async def refresh(self, turn: Turn, state: State, _press: Press) -> Reply:
        """What history knows; where that is nothing final, the dispatchers are asked by publishing it again."""
        assert state.submission is not None
        submission = state.submission
        found = None
        try:
            found = await self._look_up(turn, submission.request.message_id, _LOOKUP_SECONDS)
        except Interruption:
            known = after_failed_lookup(submission, turn.now, state.outcome)
        else:
            known = after_lookup(submission, found, turn.now)
        if known is not None:
            return tell(turn, state, *beside_earlier(submission, known, found))
        return await self._ask(turn, state, submission, found, before=state.outcome)

    async def refresh_opening(self, turn: Turn, state: State, _press: Press) -> Reply:
        """Whether the new conversation is open by now. The message was sent; it is not asked for again."""
        assert state.submission is not None
        assert state.outcome is not None
        found = await self._look_up(turn, state.submission.request.message_id, _LOOKUP_SECONDS)
        known = after_opening(state.submission, found, state.outcome)
        return tell(turn, state, state.submission, known)

    async def resend(self, turn: Turn, state: State, _press: Press) -> Reply:
        """The same once more, after a final failure or an unknown outcome; "Send again" asks no more."""
        assert state.submission is not None
        request = resend_of(state.submission.request, turn.teammate, self._not_after(turn.now))
        return await self._resend(turn, state, request)

    async def send_new(self, turn: Turn, state: State, _press: Press) -> Reply:
        """A version that was refused under its old id, as a message of its own."""
        assert state.submission is not None
        refused = state.submission
        request = as_new_message(refused.request, refused.event_id, self._not_after(turn.now))
        return await self._ask(turn, state, Submission(request=request, asked_at=turn.now))

    async def resend_shown(self, turn: Turn, state: State, _press: Press) -> Reply:
        """Re-send from Details: what the history keeps, if it still stands failed or unknown."""
        assert state.shown is not None
        found = await self._look_up(turn, state.shown, _LOOKUP_SECONDS)
        if found is None:
            raise Interruption(Kind.MESSAGE_GONE)
        request = resend_from_history(found, turn.teammate, self._not_after(turn.now))
        if request is None:
            raise Interruption(Kind.NOT_RESENDABLE)
        return await self._resend(turn, state, request)

    async def _ask(
        self,
        turn: Turn,
        state: State,
        submission: Submission,
        found: Message | None = None,
        before: Outcome | None = None,
    ) -> Reply:
        patience = turn.left(self._wait_seconds + _AFTERWARDS_SECONDS) - _AFTERWARDS_SECONDS
        settles = partial(is_answer_before, ends_at=turn.now + timedelta(seconds=patience))
        answered = await self._asking.ask(submission, patience, settles)
        submission = submission.after(answered.published)
        known = None if answered.event is None else of_result(answered.event)
        if known is None:
            if answered.published is Published.UNROUTABLE:
                submission = self._with_other_publishes(submission)
                found = found or await self._try_to_look_up(turn, submission.request.message_id)
            known = without_answer(submission, answered.published, found, before)
        submission, known = await self._beside_earlier(turn, submission, known)
        known = await self._with_new_conversation(turn, submission, known)
        return tell(turn, state, submission, known)

    def _with_other_publishes(self, submission: Submission) -> Submission:
        """Another panel may have published the same: what came back from us may be there all the same."""
        queued = self._asking.may_be_queued(submission.event_id)
        return submission.after(Published.UNCONFIRMED) if queued else submission

    def _not_after(self, now: datetime) -> datetime:
        return now + self._lifetime

    async def _look_up(self, turn: Turn, message_id: UUID, seconds: float) -> Message | None:
        return await self._tracked.message(turn.workspace.id, message_id, turn.left(seconds))

    async def _try_to_look_up(self, turn: Turn, message_id: UUID) -> Message | None:
        try:
            return await self._look_up(turn, message_id, _AFTERWARDS_SECONDS)
        except Interruption:
            return None

    async def _beside_earlier(self, turn: Turn, submission: Submission, known: Outcome) -> tuple[Submission, Outcome]:
        """The words of the version, or of the message, that was taken before, where the history has them."""
        request = submission.request
        if known.text is not None or known.screen not in {Screen.CHANGED, Screen.ALREADY_SENT}:
            return submission, known
        other = request.message_id if known.screen is Screen.CHANGED else request.resend_of
        if other is None:
            return submission, known
        return beside_earlier(submission, known, await self._await_other_version(turn, other, submission))

    async def _with_new_conversation(self, turn: Turn, submission: Submission, known: Outcome) -> Outcome:
        """Where the new conversation is, if that is known within a moment; else "Refresh status" tells."""
        try:
            async with asyncio.timeout(turn.left(min(_AFTERWARDS_SECONDS, self._wait_seconds))):
                while is_opening(submission, known):
                    found = await self._look_up(turn, submission.request.message_id, _AFTERWARDS_SECONDS)
                    known = after_opening(submission, found, known)
                    if is_opening(submission, known):
                        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except (Interruption, TimeoutError):
            pass
        return known

    async def _await_other_version(self, turn: Turn, message_id: UUID, submission: Submission) -> Message | None:
        """The history may be a moment behind the dispatcher: until then its row is missing, or is our own request's."""
        ours, same_message = submission.event_id, submission.by_other_button.event_id
        try:
            async with asyncio.timeout(turn.left(min(_AFTERWARDS_SECONDS, self._wait_seconds))):
                while True:
                    found = await self._look_up(turn, message_id, _AFTERWARDS_SECONDS)
                    if found is not None and found.event_id == same_message:
                        return found
                    if found is not None and found.event_id != ours and found.status is not Status.QUEUED:
                        return found
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except (Interruption, TimeoutError):
            return None
