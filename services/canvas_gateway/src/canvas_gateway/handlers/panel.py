"""The panel as Intercom sees it: a request in, a canvas out, whatever happens in between."""

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from canvas_gateway.canvas_kit import canvas
from canvas_gateway.canvas_kit.requests import Contact, Initialize, Submit
from canvas_gateway.domain.compose import MAX_KEPT
from canvas_gateway.domain.flow import Press, home, navigate, retyped
from canvas_gateway.domain.state import Binding, Interrupted, State, StateRefused, seal, unseal
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Person, Screen, Teammate
from canvas_gateway.handlers.turn import ANSWER_SECONDS, Reply, Show, Step, Turn
from canvas_gateway.ports import Clock, Directory
from canvas_gateway.screens.trouble import trouble
from runtime.logs import get_logger

_TOO_OLD = {"too_old", "other_version"}

log = get_logger()


@dataclass(frozen=True)
class Drawn:
    """The answer, with the screen's name or the trouble's kind for logs and metrics."""

    answer: dict[str, Any]
    outcome: str
    state: State


class Panel:
    """Reads the state, finds the step for what was clicked, and seals the state of the screen that it leads to."""

    def __init__(
        self,
        directory: Directory,
        clock: Clock,
        keys: Sequence[SecretStr],
        shows: Mapping[Screen, Show],
        steps: Mapping[tuple[Screen, str], Step],
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._keys = [key.get_secret_value() for key in keys]
        self._shows = shows
        self._steps = steps

    async def initialize(self, request: Initialize) -> Drawn:
        """The first screen, without side effects."""
        fresh = State(contact=_person(request.contact))
        return await self._answered(request, fresh, Press(Screen.HOME, "open"), {}, sealed=None)

    async def submit(self, request: Submit) -> Drawn:
        """The screen that a click leads to."""
        fresh = State(contact=_person(request.contact))
        press = Press.read(request.component_id)
        return await self._answered(request, fresh, press, request.typed, sealed=request.stored_data)

    async def _answered(
        self,
        request: Initialize,
        state: State,
        press: Press,
        typed: Mapping[str, str],
        sealed: Mapping[str, Any] | None,
    ) -> Drawn:
        now = self._clock.now()
        binding = Binding(request.workspace_id, request.conversation.id, request.admin.id)
        try:
            if sealed is not None:
                state = unseal(sealed, binding, self._keys, now)
            turn = await self._turn(request, typed)
            reply = await self._do(turn, state, press)
            return self._drawn(reply, binding, reply.state.screen.value)
        except StateRefused as refused:
            log.warning("state_refused", reason=refused.reason, workspace_id=binding.workspace_id)
            kind = Kind.STATE_TOO_OLD if refused.reason in _TOO_OLD else Kind.STATE_REFUSED
            return self._interrupted(state, press, typed, binding, Interruption(kind))
        except Interruption as interruption:
            return self._interrupted(state, press, typed, binding, interruption)
        except Exception as error:
            where = f"{press.screen}.{press.what}"
            log.error("panel_failed", error=type(error).__name__, at=_places(error), component=where)
            return self._interrupted(state, press, typed, binding, Interruption(Kind.UNEXPECTED))

    async def _turn(self, request: Initialize, typed: Mapping[str, str]) -> Turn:
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        workspace = await self._directory.workspace(request.workspace_id)
        if workspace is None:
            raise Interruption(Kind.WORKSPACE_UNKNOWN)
        admin = request.admin
        return Turn(
            workspace=workspace,
            teammate=Teammate(id=admin.id, name=(admin.name or admin.email or f"Teammate {admin.id}")[:200]),
            conversation_id=request.conversation.id,
            now=self._clock.now(),
            deadline=deadline,
            typed=typed,
        )

    async def _do(self, turn: Turn, state: State, press: Press) -> Reply:
        if press.what == "open":
            return await self._show(turn, state)
        if press.screen != state.screen:
            raise Interruption(Kind.OTHER_SCREEN)
        if state.screen is Screen.TROUBLE and press.what in {"retry", "back"}:
            return await self._after_trouble(turn, state, press)
        if (step := self._steps.get((state.screen, press.what))) is not None:
            return await step(turn, state, press)
        if (led := navigate(state, press, turn.typed)) is not None:
            return await self._show(turn, led)
        raise Interruption(Kind.OTHER_SCREEN)

    async def _show(self, turn: Turn, state: State) -> Reply:
        return await self._shows[state.screen](turn, state)

    async def _after_trouble(self, turn: Turn, state: State, press: Press) -> Reply:
        """Once more what was interrupted, or back to where that was; Home, where even that cannot be shown."""
        interrupted = state.interrupted
        if interrupted is None:
            return await self._show(turn, home(state))
        before = state.model_copy(update={"screen": interrupted.screen, "interrupted": None})
        if press.what == "retry":
            return await self._do(replace(turn, typed=interrupted.typed), before, Press.read(interrupted.component_id))
        try:
            return await self._show(turn, retyped(before, interrupted.typed))
        except Interruption:
            return await self._show(turn, home(state))

    def _interrupted(
        self, state: State, press: Press, typed: Mapping[str, str], binding: Binding, why: Interruption
    ) -> Drawn:
        """The Trouble screen, which remembers what to try again."""
        interrupted = _remembered(state, press, typed)
        state = state.model_copy(update={"screen": Screen.TROUBLE, "interrupted": interrupted})
        components = trouble(why.kind, why.retry_after_seconds)
        try:
            return self._drawn(Reply(state, components), binding, why.kind.value)
        except ValueError:  # the state itself has outgrown what Intercom takes
            start = home(state).model_copy(update={"screen": Screen.TROUBLE})
            return self._drawn(Reply(start, components), binding, why.kind.value)

    def _drawn(self, reply: Reply, binding: Binding, outcome: str) -> Drawn:
        stored = seal(reply.state, binding, self._keys, self._clock.now())
        return Drawn(canvas.answer(reply.components, stored), outcome, reply.state)


def _remembered(state: State, press: Press, typed: Mapping[str, str]) -> Interrupted:
    if state.screen is Screen.TROUBLE and state.interrupted is not None:
        return state.interrupted  # a second failure of the same step
    carried = f":{press.carried}" if press.carried else ""
    kept = {name: value[:MAX_KEPT] for name, value in typed.items() if name.startswith(f"{press.screen}.")}
    return Interrupted(screen=state.screen, component_id=f"{press.screen}.{press.what}{carried}", typed=kept)


def _person(contact: Contact) -> Person:
    """A panel's state holds 64 KB; what is longer than that is nobody's name."""
    fields = {name: value[:200] for name, value in contact.model_dump(exclude_none=True).items()}
    return Person(**fields)


def _places(error: Exception) -> list[str]:
    """Where it happened, without the values: they may be personal."""
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
