"""What the gateway counts; every label has few values."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter(
    "proactive_gateway_requests_total",
    "Requests of Intercom's, by endpoint and by the screen or the trouble that was answered.",
    ("endpoint", "outcome"),
)
for _endpoint in ("initialize", "submit"):  # an alert on the first ones needs a zero before them
    REQUESTS.labels(_endpoint, "unauthorized")
SUBMISSIONS = Counter(
    "proactive_gateway_submissions_total",
    "Messages submitted, re-sent or refreshed in the panel, by kind of channel and by what was told.",
    ("channel", "outcome"),
)
INSTALLS = Counter(
    "proactive_gateway_installs_total",
    "Workspaces that somebody wanted to connect in a browser, by how that ended.",
    ("outcome",),
)
SECONDS = Histogram(
    "proactive_gateway_seconds",
    "Seconds from a request of Intercom's to our answer.",
    ("endpoint",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8),
)
