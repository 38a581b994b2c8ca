"""The schema `tracker`: all SQL of this service."""

from runtime.migrations import Source

SOURCE = Source("tracker", "status_tracker.storage")
"""The schema and where its migrations are."""
