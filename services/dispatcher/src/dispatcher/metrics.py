"""What the dispatcher counts; labels are few and closed."""

from collections.abc import Callable, Collection, Mapping
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused
from dispatcher.domain.breakers import Cause
from dispatcher.domain.gates import Standing
from proactive_contracts.values import Channel, Lane

_claims = Counter("proactive_dispatcher_claims", "Requests read from the bus", ["channel", "lane", "outcome"])
_answers = Counter("proactive_dispatcher_answers", "What attempts to send came to", ["channel", "provider", "answer"])
_looks = Counter(
    "proactive_dispatcher_looks", "Look-ups of messages without a definite answer", ["channel", "provider", "outcome"]
)
_callbacks = Counter("proactive_dispatcher_callbacks", "Requests that providers made to us", ["provider", "outcome"])
call_seconds = Histogram(
    "proactive_dispatcher_call_seconds",
    "Time that providers took to answer",
    ["channel", "provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40),
)
_gate_seconds = Histogram(
    "proactive_dispatcher_gate_seconds",
    "Time that due messages waited until their channel's rate, pause or breaker let them leave",
    ["channel", "lane"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 30, 60, 120, 300, 600, 900),
)
_senders = Gauge("proactive_dispatcher_senders", "Connected channels that may not send as usual", ["channel", "state"])
_calls = Gauge("proactive_dispatcher_calls", "Calls to providers under way, or about to be", ["channel"])
_most_calls = Gauge("proactive_dispatcher_calls_max", "Calls that this worker makes at the same time", ["channel"])
_hosts = Gauge("proactive_dispatcher_providers_open", "Providers' addresses whose breaker is open", ["channel"])


def watch(channel: Channel, under_way: Callable[[], int], most: int) -> None:
    """Tell of this worker's calls whenever somebody looks."""
    _calls.labels(channel).set_function(under_way)
    _most_calls.labels(channel).set(most)


def passed_gate(channel: Channel, lane: Lane, seconds: float) -> None:
    """A due message leaves, `seconds` after it was due."""
    _gate_seconds.labels(channel.value, lane.value).observe(max(0.0, seconds))


def senders(channel: Channel, found: Collection[Standing]) -> None:
    """How many senders are not well, and why; every replica shows the same."""
    counts = {
        "paused": sum(one.sender.paused_at is not None for one in found),
        "held": sum(one.sender.held_until is not None and one.now < one.sender.held_until for one in found),
        "blocked": sum(one.sender.breaker.cause is Cause.BLOCKED for one in found),
        "failing": sum(one.sender.breaker.cause is Cause.FAILING for one in found),
    }
    for state, count in counts.items():
        _senders.labels(channel.value, state).set(count)
    _hosts.labels(channel.value).set(len({one.host.name for one in found if one.host.breaker.cause is not None}))


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
    _attempts(channel, provider)[word].inc()


@cache
def _attempts(channel: Channel, provider: str) -> Mapping[str, Counter]:
    """All of them at once: the first refusal is a rise from zero, else no rate would show it."""
    words = ("accepted", "unclear", *ErrorClass)
    return {word: _answers.labels(channel.value, provider, word) for word in words}


def looked_up(channel: Channel, provider: str, found: bool) -> None:
    """A provider was asked what became of a message."""
    _looks.labels(channel.value, provider, "found" if found else "not_found").inc()


def called_back(provider: str, outcome: str) -> None:
    """A provider called one of our webhooks."""
    _callbacks.labels(provider, outcome).inc()
