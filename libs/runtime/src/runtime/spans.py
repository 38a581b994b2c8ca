"""What a step of a trace is, whether somebody records it or not."""

import asyncio
from enum import Enum
from typing import Any, Protocol, Self, TypeVar

import aiohttp

from proactive_contracts.envelope import Event

Carried = TypeVar("Carried", bound=Event[Any])


class Kind(Enum):
    """What a span stands for, in OpenTelemetry's words."""

    INTERNAL = "INTERNAL"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span:
    """A step of a trace, which lasts until `end` or the end of its `with`. This one is recorded nowhere."""

    def __enter__(self) -> Self:
        """Make it the parent of what begins in it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        pass

    def end_with(self, future: "asyncio.Future[None]") -> None:
        """It is over when that is done."""

    def carry(self, event: Carried) -> Carried:
        """The event as its receivers shall continue from here."""
        return event

    def traceparent(self, otherwise: str | None) -> str | None:
        """What continues from here; `otherwise` where it is recorded nowhere."""
        return otherwise


class Tracer(Protocol):
    """Makes spans that are recorded."""

    def span(self, name: str, parent: str | None, kind: Kind, about: object, attributes: dict[str, str]) -> Span:
        """As in runtime.tracing, and of this kind."""

    def of_calls(self) -> aiohttp.TraceConfig:
        """As in runtime.tracing, for one client."""

    def close(self) -> None:
        """Send what was not sent yet."""
