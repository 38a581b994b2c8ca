"""What operators count; labels have few values."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from itertools import product

from prometheus_client import Counter, Gauge, Histogram

from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Lane

_MESSAGES = Counter("proactive_tracker_messages", "Messages that came to have a status", ["channel", "lane", "status"])
_MESSAGE_SECONDS = Histogram(
    "proactive_tracker_message_seconds",
    "Time from the request until the provider took it, or until it was delivered",
    ["channel", "lane", "status"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900, 3600, 86400),
)
_UNDER_WAY = Gauge(
    "proactive_tracker_under_way", "Messages whose status is none to stay in", ["channel", "lane", "status"]
)
_UNDER_WAY_SECONDS = Gauge(
    "proactive_tracker_under_way_oldest_seconds", "Age of the oldest of them", ["channel", "lane", "status"]
)
_count = cache(_MESSAGES.labels)
_seconds = cache(_MESSAGE_SECONDS.labels)
_TIMED = {Status.SENT, Status.DELIVERED}

EVENTS = Counter("proactive_tracker_events", "Events read, by type and what became of them", ["event", "outcome"])
BATCHES = Histogram(
    "proactive_tracker_batch_events", "Events written in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
BATCH_SECONDS = Histogram("proactive_tracker_batch_seconds", "Time to write one batch")
ANNOUNCEMENTS = Counter("proactive_tracker_announcements", "Status events published, by outcome", ["outcome"])
NOTES = Counter("proactive_tracker_notes", "Attempts to write a note in Intercom, by outcome", ["outcome"])
OPENINGS = Counter("proactive_tracker_openings", "Attempts to open a conversation in Intercom, by outcome", ["outcome"])
NOT_TAKEN = Counter("proactive_tracker_not_taken", "Messages that no dispatcher took in time")
JUDGEMENTS = Counter(
    "proactive_tracker_sweep_answers", "What the dispatcher said of messages that looked not taken", ["answer"]
)
OVERDUE = Counter(
    "proactive_tracker_overdue", "Messages past their time that the dispatcher has and of which it told no end"
)
MISDIRECTED = Counter(
    "proactive_tracker_misdirected", "Receipts that name a message of another channel: they count nothing"
)
UNMATCHED = Counter("proactive_tracker_unmatched", "Receipts and results that waited for their message for an hour")
UNREADABLE = Counter("proactive_tracker_unreadable", "Rows left out because this release cannot read them", ["what"])
BACKLOG = Gauge("proactive_tracker_backlog", "Status events and effects in Intercom that wait", ["what"])
OLDEST_SECONDS = Gauge("proactive_tracker_backlog_oldest_seconds", "Age of the oldest of them", ["what"])

for _labels in product(Channel, Lane, Status):  # an alert on a first time needs a zero before it
    _count(*_labels)


def became(channel: Channel, lane: Lane | None, status: Status, requested_at: datetime, since: datetime) -> None:
    """A message has had a status since then; one of which an older release kept no lane counts as an agent's."""
    lane = lane or Lane.INTERACTIVE
    _count(channel, lane, status).inc()
    if status in _TIMED:
        _seconds(channel, lane, status).observe((since - requested_at).total_seconds())


def under_way(groups: Iterable[tuple[Channel, Lane, Status, int, float]]) -> None:
    """How many messages have each status, and for how many seconds the oldest waits; every replica shows the same."""
    found = {group[:3]: group[3:] for group in groups}
    for labels in product(Channel, Lane, (Status.QUEUED, Status.SENDING, Status.WAITING)):
        count, oldest_seconds = found.get(labels, (0, 0.0))
        _UNDER_WAY.labels(*labels).set(count)
        _UNDER_WAY_SECONDS.labels(*labels).set(oldest_seconds)
