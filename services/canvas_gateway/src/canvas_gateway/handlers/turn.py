"""One request of Intercom's, and the answer to it, in the panel's own words."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.domain.flow import Press
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import Binding, State
from canvas_gateway.domain.values import Teammate, Workspace

ANSWER_SECONDS = 5.5
"""From the request to our answer: Intercom is said to give up after ten, agents lose patience earlier."""


@dataclass(frozen=True)
class Turn:
    """Who clicked, where and when. `deadline` is on the event loop's clock; `typed` is what stands in the inputs."""

    workspace: Workspace
    teammate: Teammate
    conversation_id: str
    now: datetime
    deadline: float
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def calendar(self) -> Calendar:
        """Times as this workspace's people read them."""
        return Calendar(self.workspace.zone, self.now)

    @property
    def binding(self) -> Binding:
        """Where the state of this panel is valid."""
        return Binding(self.workspace.id, self.conversation_id, self.teammate.id)

    def left(self, at_most: float) -> float:
        """Seconds until the answer is due, at most so many and never negative."""
        return max(0.0, min(at_most, self.deadline - asyncio.get_running_loop().time()))


@dataclass(frozen=True)
class Reply:
    """The next screen: what the panel remembers and what it shows."""

    state: State
    components: Sequence[Component]


Show = Callable[[Turn, State], Awaitable[Reply]]
"""Draws the screen that a state is on."""

Step = Callable[[Turn, State, Press], Awaitable[Reply]]
"""Does what a click asks for, and draws the screen that it leads to."""
