"""Whom to send to, and through which channel: up to the form."""

import asyncio

from canvas_gateway.domain import numbers
from canvas_gateway.domain.flow import Press, retyped
from canvas_gateway.domain.state import Draft, Search, State
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import Person, Screen
from canvas_gateway.handlers.turn import Reply, Turn
from canvas_gateway.ports import Clock, Contacts, Directory, Reachability
from canvas_gateway.screens.channel import channel
from canvas_gateway.screens.compose import compose
from canvas_gateway.screens.recipient import recipient
from canvas_gateway.screens.search import NOTHING_TYPED, matches, nobody_found, search

_CONTACT_SECONDS = 4.5


class Finding:
    """Recipient, Search, Matches, Channel, and Compose until something is sent."""

    def __init__(self, contacts: Contacts, directory: Directory, reachability: Reachability, clock: Clock) -> None:
        self._contacts = contacts
        self._directory = directory
        self._reachability = reachability
        self._clock = clock

    async def show_recipient(self, _turn: Turn, state: State) -> Reply:
        """The person of this conversation, or a search."""
        return Reply(state, recipient(state))

    async def show_search(self, _turn: Turn, state: State) -> Reply:
        """The three fields."""
        return Reply(state, search(state))

    async def show_matches(self, turn: Turn, state: State) -> Reply:
        """Those who are found by what was typed before."""
        return await self._found(turn, state)

    async def show_channel(self, turn: Turn, state: State) -> Reply:
        """The workspace's channels, with what is known of reaching this person through them."""
        number = numbers.to_e164((state.recipient or state.contact).phone)
        channels, reach = await asyncio.gather(
            self._directory.channels(turn.workspace.id), self._reachability.of(turn.workspace.id, number)
        )
        return Reply(state, channel(state, channels, reach, turn.calendar))

    async def show_compose(self, _turn: Turn, state: State) -> Reply:
        """The form with what was typed so far."""
        return Reply(state, compose(state))

    async def search(self, turn: Turn, state: State, _press: Press) -> Reply:
        """Find by the first field that is filled."""
        typed = Search.read(turn.typed)
        state = state.model_copy(update={"search": typed, "page": 0})
        if typed.used is None:
            return Reply(state, search(state, NOTHING_TYPED))
        return await self._found(turn, state)

    async def _found(self, turn: Turn, state: State) -> Reply:
        typed = state.search or Search()
        field, value = typed.used or ("id", "")
        people = await self._contacts.find(turn.workspace, field, value, turn.left(_CONTACT_SECONDS))
        if not people:
            state = state.model_copy(update={"screen": Screen.SEARCH})
            return Reply(state, search(state, nobody_found(typed)))
        if len(people) == 1:
            return await self._chosen(turn, state, people[0])
        state = state.model_copy(update={"screen": Screen.MATCHES})
        return Reply(state, matches(state, people, turn.calendar))

    async def pick_match(self, turn: Turn, state: State, press: Press) -> Reply:
        """Send to one of those who were found."""
        person = await self._contacts.get(turn.workspace, press.carried, turn.left(_CONTACT_SECONDS))
        if person is None:
            raise Interruption(Kind.CONTACT_GONE)
        return await self._chosen(turn, state, person)

    async def _chosen(self, turn: Turn, state: State, person: Person) -> Reply:
        state = state.model_copy(update={"screen": Screen.CHANNEL, "recipient": person, "page": 0})
        return await self.show_channel(turn, state)

    async def pick_channel(self, turn: Turn, state: State, press: Press) -> Reply:
        """Write through this channel; the message's id is minted when the form is first drawn."""
        channels = await self._directory.channels(turn.workspace.id)
        chosen = next((one for one in channels if str(one.id) == press.carried and one.enabled), None)
        if chosen is None:
            raise Interruption(Kind.CHANNEL_GONE)
        draft = self._draft(state, state.recipient or state.contact)
        state = state.model_copy(update={"screen": Screen.COMPOSE, "channel": chosen.chosen, "draft": draft})
        return Reply(state, compose(state))

    async def leave_compose(self, turn: Turn, state: State, _press: Press) -> Reply:
        """Back to the channels; what was typed, and the message's id, stay."""
        left = retyped(state, turn.typed).model_copy(update={"screen": Screen.CHANNEL, "page": 0})
        return await self.show_channel(turn, left)

    def _draft(self, state: State, person: Person) -> Draft:
        """The draft that there is, addressed anew where another person was chosen meanwhile."""
        if state.draft is not None and state.draft.recipient_id == person.id:
            return state.draft
        phone = numbers.to_e164(person.phone) or (person.phone or "")
        if state.draft is not None:
            return state.draft.model_copy(update={"recipient_id": person.id, "phone": phone})
        return Draft(message_id=self._clock.new_id(), recipient_id=person.id, phone=phone)
