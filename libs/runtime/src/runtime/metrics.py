"""What every service counts alike; labels have few values."""

from asyncpg import Pool
from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram(
    "proactive_http_seconds",
    "Time to answer requests over HTTP",
    ["server", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PARKED = Counter("proactive_parked", "Deliveries that were put aside, by their queue and why", ["queue", "reason"])
READY = Gauge("proactive_ready", "Whether a check of readiness finds all well (1) or something missing (0)", ["check"])
_CONNECTIONS = Gauge("proactive_database_connections", "Connections of the pool, by what they do", ["state"])
_MOST_CONNECTIONS = Gauge("proactive_database_connections_max", "Connections that the pool may have")


def watch(pool: Pool) -> None:
    """Tell of this process's pool whenever somebody looks."""
    _CONNECTIONS.labels("idle").set_function(pool.get_idle_size)
    _CONNECTIONS.labels("busy").set_function(lambda: pool.get_size() - pool.get_idle_size())
    _MOST_CONNECTIONS.set_function(pool.get_max_size)
