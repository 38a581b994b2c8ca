"""
When something happened, as far as it can be believed.

Providers stamp what they report by clocks of their own, some in whole seconds. A stamp after we learned of it is
bounded where it comes in; one from before the message was asked for, where it is shown.
"""

from datetime import datetime, timedelta
from typing import Final

_SECOND: Final = timedelta(seconds=1)


def believed(stamp: datetime, asked_at: datetime, learned_at: datetime | None) -> datetime:
    """The stamp; when we learned of it, where the stamp is a second or more too early; never before `asked_at`."""
    if learned_at is not None and stamp + _SECOND <= asked_at:
        stamp = learned_at
    return max(stamp, asked_at)


def latest(stamp: datetime) -> datetime:
    """The end of what a stamp in whole seconds may mean, to put it after what happened earlier in that second."""
    return stamp if stamp.microsecond else stamp + _SECOND - timedelta.resolution
