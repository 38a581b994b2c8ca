"""What an operator may wish of one message, when that came true, and what keeps it from coming true."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from proactive_contracts.requests import CancelRequested, ResolveRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Model, Service
from proactivectl.history import LEFT

NEVER_LEAVES: Final = frozenset({Status.CANCELLED, Status.EXPIRED, Status.FAILED, Status.NOT_SENT})


class _Wish(ABC):
    """What any wish can tell of a status."""

    @abstractmethod
    def reached(self, status: Status) -> bool:
        """Whether it came true."""

    @abstractmethod
    def hopeless(self, status: Status) -> bool:
        """Whether it cannot come true any more."""

    def settled(self, status: Status) -> bool:
        """Whether waiting longer changes nothing."""
        return self.reached(status) or self.hopeless(status)


class Cancel(_Wish):
    """What a cancel wants, and what keeps it from that."""

    action: ClassVar = "message.cancel"
    detail: ClassVar[Mapping[str, str]] = {}

    def reached(self, status: Status) -> bool:
        """Whether it came true."""
        return status is Status.CANCELLED

    def hopeless(self, status: Status) -> bool:
        """Whether the dispatcher cannot stop it any more."""
        return status in LEFT or status is Status.UNKNOWN or (status in NEVER_LEAVES and not self.reached(status))

    def event(self, subject: Mapping[str, Any], by: Service, answers: UUID | None) -> Model:
        """What is published for it."""
        return CancelRequested(**subject, requested_by=by, answers=answers)

    def words(self, status: Status, meaning: str) -> str:
        """What came of it, for whoever asked; `meaning` is what the status means, or who marked it so."""
        if self.reached(status):
            return "Stopped. Nothing was sent."
        if status in LEFT:
            return f"It had left already and cannot be stopped: {status.label}. {meaning}"
        if status is Status.UNKNOWN:
            return "It may have been sent, so there is nothing to stop. Say what became of it: message resolve"
        if status in NEVER_LEAVES:
            return f"There is nothing to stop: {status.label}. {meaning}"
        return f"It is not stopped so far: {status.label}. {meaning} Look again with: message show"


@dataclass(frozen=True)
class Resolve(_Wish):
    """What a verdict wants, and what keeps it from that."""

    verdict: Literal["sent", "not_sent"]
    action: ClassVar = "message.resolve"

    @property
    def detail(self) -> Mapping[str, str]:
        """For the audit."""
        return {"verdict": self.verdict}

    def reached(self, status: Status) -> bool:
        """Whether it came true."""
        return status in LEFT if self.verdict == "sent" else status is Status.NOT_SENT

    def hopeless(self, status: Status) -> bool:
        """Whether it is known already, which no verdict changes, or no dispatcher has what a verdict could be about."""
        certain = LEFT | {Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.NOT_CONFIRMED}
        return status in certain and not self.reached(status)

    def event(self, subject: Mapping[str, Any], by: Service, _answers: UUID | None) -> Model:
        """What is published for it."""
        return ResolveRequested(**subject, requested_by=by, verdict=self.verdict)

    def words(self, status: Status, meaning: str) -> str:
        """What came of it, for whoever asked; `meaning` is what the status means, or who marked it so."""
        if self.reached(status):
            return f"It counts as: {status.label}."
        if status is Status.NOT_CONFIRMED:
            return "No dispatcher took it, so there is no verdict to give. Stop it instead: message cancel"
        if self.hopeless(status):
            return f"It is known what became of it, so a verdict changes nothing: {status.label}. {meaning}"
        return (
            f"It was not changed so far: {status.label}. A verdict counts for a message that may have been sent. "
            "Look again with: message show"
        )


Wish = Cancel | Resolve
