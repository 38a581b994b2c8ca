"""What an operator may wish of one message, when that came true, and what keeps it from coming true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from proactive_contracts.requests import CancelRequested, ResolveRequested
from proactive_contracts.status import Status
from proactive_contracts.values import Model, Service
from proactivectl.history import LEFT

NEVER_LEAVES: Final = frozenset({Status.CANCELLED, Status.EXPIRED, Status.FAILED, Status.NOT_SENT})


class Cancel:
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

    def words(self, status: Status) -> str:
        """What came of it, for whoever asked."""
        if self.reached(status):
            return "Stopped. Nothing was sent."
        if status in LEFT:
            return f"It had left already and cannot be stopped: {status.label}. {status.meaning}"
        if status is Status.UNKNOWN:
            return "It may have been sent, so there is nothing to stop. Say what became of it: message resolve"
        if status in NEVER_LEAVES:
            return f"There is nothing to stop: {status.label}. {status.meaning}"
        return f"It is not stopped so far: {status.label}. {status.meaning} Look again with: message show"


@dataclass(frozen=True)
class Resolve:
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
        """Whether it is known already, which no verdict changes."""
        certain = LEFT | {Status.FAILED, Status.CANCELLED, Status.EXPIRED}
        return status in certain and not self.reached(status)

    def event(self, subject: Mapping[str, Any], by: Service, _answers: UUID | None) -> Model:
        """What is published for it."""
        return ResolveRequested(**subject, requested_by=by, verdict=self.verdict)

    def words(self, status: Status) -> str:
        """What came of it, for whoever asked."""
        if self.reached(status):
            return f"It counts as: {status.label}."
        if self.hopeless(status):
            return f"It is known what became of it, so a verdict changes nothing: {status.label}. {status.meaning}"
        return (
            f"It was not changed so far: {status.label}. A verdict counts for a message that may have been sent. "
            "Look again with: message show"
        )


Wish = Cancel | Resolve
