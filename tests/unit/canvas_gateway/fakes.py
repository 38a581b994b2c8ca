"""Stand-ins for what the panel reaches, and an agent who clicks through it as a browser would."""

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr

from canvas_gateway.canvas_kit.requests import Initialize, Submit
from canvas_gateway.domain.history import NOT_SENT, Message, Page, SearchRefused, SearchTrouble
from canvas_gateway.domain.outcome import Published
from canvas_gateway.domain.reach import Reach
from canvas_gateway.domain.trouble import Interruption, Kind
from canvas_gateway.domain.values import ConnectedChannel, Person, Workspace
from canvas_gateway.handlers.asking import Asking
from canvas_gateway.handlers.deciding import Deciding
from canvas_gateway.handlers.finding import Finding
from canvas_gateway.handlers.panel import Drawn, Panel
from canvas_gateway.handlers.registry import shows, steps
from canvas_gateway.handlers.remembering import Remembering
from canvas_gateway.handlers.sending import Sending
from canvas_gateway.results import ArrivingResults
from proactive_contracts.codec import encode
from proactive_contracts.envelope import Event
from tests.unit.canvas_gateway.builders import ANNA, ATHENS, CONVERSATION, MARIA, NOW, WORKSPACE, make_channel

KEY = SecretStr("a key for states, long enough for tests")

Answering = Callable[[Event[Any]], Sequence[Event[Any]]]


@dataclass
class FakeClock:
    """Stands still until it is moved."""

    at: datetime = NOW
    minted: list[UUID] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def new_id(self) -> UUID:
        self.minted.append(uuid4())
        return self.minted[-1]


@dataclass
class FakeDirectory:
    connected: list[ConnectedChannel] = field(default_factory=lambda: [make_channel()])
    known: set[str] = field(default_factory=lambda: {WORKSPACE})
    down: bool = False

    async def workspace(self, workspace_id: str) -> Workspace | None:
        self._check()
        return Workspace(workspace_id, ATHENS, "us") if workspace_id in self.known else None

    async def channels(self, workspace_id: str) -> Sequence[ConnectedChannel]:
        self._check()
        return self.connected

    def _check(self) -> None:
        if self.down:
            raise Interruption(Kind.DIRECTORY_DOWN)


@dataclass
class FakeContacts:
    people: list[Person] = field(default_factory=lambda: [ANNA])
    trouble: Interruption | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, workspace: Workspace, contact_id: str, seconds: float) -> Person | None:
        self._check()
        return next((person for person in self.people if person.id == contact_id), None)

    async def find(self, workspace: Workspace, field: str, value: str, seconds: float) -> Sequence[Person]:
        self._check()
        self.asked.append((field, value))
        return self.people

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass
class FakeHistory:
    messages: dict[UUID, Message] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    down: bool = False
    hangs: bool = False
    refuses: SearchTrouble | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)

    def put(self, *messages: Message) -> None:
        for message in messages:
            self.messages[message.message_id] = message

    async def page(self, workspace_id: str, *, limit: int, seconds: float, **wanted: Any) -> Page:
        await self._check(seconds)
        self.asked.append(wanted)
        if self.refuses is not None:
            raise SearchRefused(self.refuses)
        if self.pages:
            return self.pages.pop(0)
        return Page(messages=tuple(self.messages.values())[:limit])

    async def message(self, workspace_id: str, message_id: UUID, seconds: float) -> Message | None:
        await self._check(seconds)
        return self.messages.get(message_id)

    async def repeated(
        self, workspace_id: str, recipient: str, text: str, message_id: UUID, resend_of: UUID | None, seconds: float
    ) -> Message | None:
        await self._check(seconds)
        self.questions.append((recipient, text))
        others = [one for one in self.messages.values() if one.message_id != resend_of]
        same = [one for one in others if (one.recipient, one.text) == (recipient, text)]
        known = message_id in self.messages
        return next((one for one in reversed(same) if one.status not in NOT_SENT and not known), None)

    async def _check(self, seconds: float) -> None:
        if self.hangs:
            await asyncio.sleep(seconds)
        if self.down or self.hangs:
            raise Interruption(Kind.HISTORY_DOWN)


@dataclass
class FakeReachability:
    """Tells what it was given, of whomever; nothing by default, as a dispatcher that is away."""

    reach: list[Reach] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    async def of(self, workspace_id: str, recipient: str | None) -> Mapping[UUID, Reach]:
        self.asked.append(recipient)
        return {one.channel_id: one for one in self.reach}


@dataclass
class FakeBus:
    """Publishes to a dispatcher that answers at once with what `answers` makes of the request."""

    results: ArrivingResults
    says: Published = Published.CONFIRMED
    answers: Answering = lambda _request: []
    connected: bool = True
    hangs: bool = False
    published: list[Event[Any]] = field(default_factory=list)

    async def publish(self, request: Event[Any], seconds: float) -> Published:
        self.published.append(request)
        if self.hangs:
            await asyncio.sleep(seconds)
            return Published.UNCONFIRMED
        await asyncio.sleep(0)
        if self.says in {Published.CONFIRMED, Published.UNCONFIRMED}:
            for answer in self.answers(request):
                self.results.on_message(encode(answer))
        return self.says


class World:
    """A panel with everything around it faked."""

    def __init__(self, *, wait_seconds: float = 0.1) -> None:
        self.clock = FakeClock()
        self.directory = FakeDirectory()
        self.contacts = FakeContacts()
        self.reachability = FakeReachability()
        self.history = FakeHistory()
        self.results = ArrivingResults(uuid4())
        self.bus = FakeBus(self.results)
        self.asking = Asking(self.bus, self.results)
        finding = Finding(self.contacts, self.directory, self.reachability, self.clock)
        remembering = Remembering(self.history, self.directory, self.bus)
        sending = Sending(self.asking, self.history, wait_seconds=wait_seconds, lifetime=timedelta(minutes=15))
        deciding = Deciding(self.asking, self.history, remembering, wait_seconds=wait_seconds)
        self.panel = Panel(
            self.directory, self.clock, [KEY], shows(finding, sending, remembering), steps(finding, sending, deciding)
        )


class Agent:
    """Sees one canvas at a time, types into its inputs and clicks on its buttons."""

    def __init__(self, world: World, *, admin_id: str = MARIA.id, conversation_id: str = CONVERSATION) -> None:
        self.world = world
        self.canvas: dict[str, Any] = {}
        self.outcome = ""
        self._place = {
            "workspace_id": WORKSPACE,
            "admin": {"id": admin_id, "name": MARIA.name},
            "conversation": {"id": conversation_id},
            "contact": ANNA.model_dump(mode="json"),
        }

    def sees(self, person: Person) -> "Agent":
        """The conversation is with somebody else."""
        self._place["contact"] = person.model_dump(mode="json")
        return self

    async def opens(self) -> "Agent":
        drawn = await self.world.panel.initialize(Initialize.model_validate(self._place))
        return self._takes(drawn)

    async def clicks(self, component_id: str, typed: Mapping[str, Any] | None = None) -> "Agent":
        return self._takes(await self.world.panel.submit(self.request(component_id, typed)))

    async def walks(self, *component_ids: str) -> "Agent":
        for component_id in component_ids:
            await self.clicks(component_id)
        return self

    def request(self, component_id: str, typed: Mapping[str, Any] | None = None) -> Submit:
        """The submit that a click sends; what an input shows is sent unless something else was typed."""
        values = {**self.values, **(typed or {})}
        return Submit.model_validate(
            {
                **self._place,
                "component_id": component_id,
                "input_values": values,
                "current_canvas": self.canvas,
            }
        )

    def remembers(self) -> dict[str, Any]:
        """The canvas as it is now, to come back to it later."""
        return copy.deepcopy(self.canvas)

    @property
    def components(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self.canvas["content"]["components"]
        return shown

    @property
    def ids(self) -> list[str]:
        items = [item for component in self.components for item in component.get("items", []) if "id" in item]
        return [part["id"] for part in (*self.components, *items) if "id" in part]

    @property
    def texts(self) -> list[str]:
        return [component["text"] for component in self.components if component["type"] == "text"]

    @property
    def values(self) -> dict[str, str]:
        return {
            component["id"]: component["value"]
            for component in self.components
            if component["type"] in {"input", "textarea", "single-select", "dropdown"} and "value" in component
        }

    def row(self, start: str) -> str:
        """The id of the first row whose id starts so."""
        return next(name for name in self.ids if name.startswith(start))

    def _takes(self, drawn: Drawn) -> "Agent":
        self.canvas = drawn.answer["canvas"]
        self.outcome = drawn.outcome
        return self


async def at_compose(world: World, **place: str) -> Agent:
    """An agent with an empty form before them."""
    agent = await Agent(world, **place).opens()
    await agent.walks("home.send", "recipient.this")
    return await agent.clicks(agent.row("channel.pick:"))
