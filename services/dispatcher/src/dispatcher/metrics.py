"""What the dispatcher counts; labels are few and closed."""

from prometheus_client import Counter, Histogram

from dispatcher.domain.answers import Accepted, Answer, Refused
from proactive_contracts.values import Channel, Lane

_claims = Counter("dispatcher_claims", "Requests read from the bus", ["channel", "lane", "outcome"])
_answers = Counter("dispatcher_answers", "What attempts to send came to", ["channel", "provider", "answer"])
_callbacks = Counter("dispatcher_callbacks", "Requests that providers made to us", ["provider", "outcome"])
call_seconds = Histogram(
    "dispatcher_call_seconds",
    "Time that providers took to answer",
    ["channel", "provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40),
)


def claimed(channel: Channel, lane: Lane, fresh: bool) -> None:
    """A request met the journal."""
    _claims.labels(channel.value, lane.value, "claimed" if fresh else "known").inc()


def answered(channel: Channel, provider: str, answer: Answer) -> None:
    """An attempt came to an end."""
    word = "unclear"
    if isinstance(answer, Accepted):
        word = "accepted"
    elif isinstance(answer, Refused):
        word = answer.error_class.value
    _answers.labels(channel.value, provider, word).inc()


def called_back(provider: str, outcome: str) -> None:
    """A provider called one of our webhooks."""
    _callbacks.labels(provider, outcome).inc()
