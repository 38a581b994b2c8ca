"""What operators count; labels have few values."""

from prometheus_client import Counter, Gauge, Histogram

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
    "proactive_tracker_overdue",
    "Messages past their time that the dispatcher has and of which it told nothing, by its job's state",
    ["state"],
)
MISDIRECTED = Counter(
    "proactive_tracker_misdirected", "Receipts that name a message of another channel: they count nothing"
)
UNMATCHED = Counter(
    "proactive_tracker_unmatched", "Receipts and results that waited for their message for an hour", ["event"]
)
UNREADABLE = Counter("proactive_tracker_unreadable", "Rows left out because this release cannot read them", ["what"])
BACKLOG = Gauge("proactive_tracker_backlog", "Status events and effects in Intercom that wait", ["what"])
OLDEST_SECONDS = Gauge("proactive_tracker_backlog_oldest_seconds", "Age of the oldest of them", ["what"])
