"""Moments as agents read them: absolute, for the panel cannot refresh itself, in the workspace's time zone."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Calendar:
    """A time zone, and what "today" is there."""

    zone: tzinfo
    now: datetime

    def full(self, at: datetime) -> str:
        """Such as `Nov 22, 2026 at 1:05PM`."""
        local = at.astimezone(self.zone)
        return f"{_MONTHS[local.month - 1]} {local.day}, {local.year} at {_time(local)}"

    def short(self, at: datetime) -> str:
        """`1:05PM` for today, else with the day."""
        local = at.astimezone(self.zone)
        return _time(local) if local.date() == self.now.astimezone(self.zone).date() else self.full(at)


def _time(local: datetime) -> str:
    return f"{local.hour % 12 or 12}:{local.minute:02d}{'AM' if local.hour < 12 else 'PM'}"
