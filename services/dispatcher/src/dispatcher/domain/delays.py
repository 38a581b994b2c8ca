"""How long to wait before the next try or look; seconds, from a chance in [0, 1) that spreads callers apart."""

from dispatcher.domain.answers import ErrorClass, Refused
from dispatcher.domain.states import Capabilities

LONGEST_RETRY_AFTER = 900.0
"""Seconds of a provider's Retry-After that are believed; at least one second is always waited."""

MAX_NOT_SENT, MAX_REFUSED = 20, 8
"""Tries of a message that could not leave, and of one that the provider refused for now."""

RESEND_LOOK_SECONDS = 2.0
"""How soon a re-send looks again whether the message that it repeats is still under way."""

LOOKING_SECONDS = 900.0
"""So long after the call, looks to which the provider gives no answer do not count as looks."""

_BLOCKED_SECONDS = 5.0
"""A bulk message of a blocked channel is due again after this; the channel's breaker decides when it really goes."""

_MAX_LOOK_UPS, _MAX_SAME_ID = 3, 5
_SAME_ID_SECONDS, _LONGEST_LOOK_SECONDS = 2.0, 120.0


def retry_delay(refused: Refused, tries: int, attempt: int, chance: float) -> float | None:
    """
    Until the next try; None where none may follow.

    `tries` counts this one, and neither throttled nor blocked ones; full jitter, as in
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    match refused.error_class:
        case ErrorClass.NOT_SENT:
            return None if tries >= MAX_NOT_SENT else chance * _doubled(1, tries, 60)
        case ErrorClass.REFUSED_TEMPORARILY:
            return None if tries >= MAX_REFUSED else chance * _doubled(5, tries, 300)
        case ErrorClass.THROTTLED:
            asked = refused.retry_after_seconds
            wanted = _doubled(1, attempt, LONGEST_RETRY_AFTER) if asked is None else asked
            return min(max(wanted, 1.0), LONGEST_RETRY_AFTER)
        case ErrorClass.BLOCKED:
            return _BLOCKED_SECONDS * (1 + chance)
        case ErrorClass.REJECTED:
            return None


def look_delay(can: Capabilities, looks: int, chance: float) -> float:
    """Until the next look, `looks` having been done: never sooner than the provider's list has settled."""
    first = min(_SAME_ID_SECONDS, can.settling_seconds) if can.same_id_again else can.settling_seconds
    return max(first, _doubled(first, looks, _LONGEST_LOOK_SECONDS)) * (1 + chance / 4)


def most_looks(can: Capabilities) -> int:
    """How often it is tried to find out what became of an attempt before a person is asked."""
    if can.same_id_again:
        return _MAX_SAME_ID
    return _MAX_LOOK_UPS if can.look_up else 0


def _doubled(first: float, times: int, most: float) -> float:
    return float(min(most, first * 2 ** min(times, 20)))
