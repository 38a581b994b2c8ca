"""Home, and what was sent before."""

from collections.abc import Sequence
from uuid import UUID

from canvas_gateway.domain.history import Message, SearchRefused
from canvas_gateway.domain.state import Scope, State
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Screen
from canvas_gateway.handlers.turn import Reply, Turn
from canvas_gateway.ports import Bus, Directory, History
from canvas_gateway.screens.details import details
from canvas_gateway.screens.filter import filter_form
from canvas_gateway.screens.history import history
from canvas_gateway.screens.home import RECENT, home
from canvas_gateway.screens.phrases import PAGE

_HOME_SECONDS = 1.0
_HISTORY_SECONDS = 4.0


class Remembering:
    """Home, History with its filter, and Details."""

    def __init__(self, tracked: History, directory: Directory, bus: Bus) -> None:
        self._tracked = tracked
        self._directory = directory
        self._bus = bus

    async def show_home(self, turn: Turn, state: State) -> Reply:
        """The first screen; it is there even when nothing else of ours is."""
        try:
            page = await self._tracked.page(
                turn.workspace.id,
                conversation_id=turn.conversation_id,
                limit=RECENT,
                seconds=turn.left(_HOME_SECONDS),
            )
        except Interruption:
            recent = None
        else:
            recent = page.messages
        return Reply(state, home(state, recent, turn.calendar, queue_connected=self._bus.connected))

    async def show_history(self, turn: Turn, state: State) -> Reply:
        """One page of the chosen scope, or the filter once more where what was typed cannot be looked for."""
        try:
            page = await self._tracked.page(
                turn.workspace.id,
                conversation_id=turn.conversation_id if state.scope is Scope.CONVERSATION else None,
                requested_by=turn.teammate.id if state.scope is Scope.MINE else None,
                wanted=state.wanted,
                cursor=state.cursors[-1] if state.cursors else None,
                limit=PAGE,
                seconds=turn.left(_HISTORY_SECONDS),
            )
        except SearchRefused as refused:
            leading_back = state.narrowed(state.wanted.model_copy(update={"search": ""}))
            form = filter_form(state.wanted, refused.why)
            return Reply(leading_back.model_copy(update={"screen": Screen.FILTER}), form)
        state = state.model_copy(update={"older": page.next_cursor})
        return Reply(state, history(state, page, turn.calendar))

    async def show_filter(self, _turn: Turn, state: State) -> Reply:
        """Channel, status and what to search for."""
        return Reply(state, filter_form(state.wanted))

    async def show_details(self, turn: Turn, state: State) -> Reply:
        """One message with its timeline."""
        found = None if state.shown is None else await self._message(turn, state.shown)
        if found is None:
            raise Interruption(Kind.MESSAGE_GONE)
        return await self.draw_details(turn, state, found)

    async def draw_details(self, turn: Turn, state: State, found: Message, remarks: Sequence[str] = ()) -> Reply:
        """A message that was read already, with remarks on what was clicked."""
        name = await self._channel_name(turn, found)
        return Reply(state, details(found, name, turn.calendar, turn.workspace.region, remarks))

    async def _message(self, turn: Turn, message_id: UUID) -> Message | None:
        return await self._tracked.message(turn.workspace.id, message_id, turn.left(_HISTORY_SECONDS))

    async def _channel_name(self, turn: Turn, message: Message) -> str | None:
        """The history has the channel's id; its name is a nicety that must not cost the screen."""
        try:
            channels = await self._directory.channels(turn.workspace.id)
        except Interruption:
            return None
        return next((one.name for one in channels if one.id == message.channel_id), None)
