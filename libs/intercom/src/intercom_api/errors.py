"""
Why Intercom did not do what was asked.

    IntercomError
    ├── Unreachable     no connection came about: nothing was sent, asking again is safe
    ├── NoAnswer        it was sent, and what became of it is not known: a write may have been done
    ├── RateLimited     429: nothing was done; ask again after retry_after_seconds
    └── Refused         Intercom said no: nothing was done, asking again changes nothing
        ├── Unauthorized    401, 403: the token or its permissions
        └── NotFound        404, 410: what was named is not there

Which answer becomes which error is decided in calls.py, and nowhere else.
"""


class IntercomError(Exception):
    """Intercom did not do what was asked; the text names the call and Intercom's own words, for operators."""


class Unreachable(IntercomError):
    """No connection came about, so nothing was sent."""


class NoAnswer(IntercomError):
    """It was sent, and no readable answer came back in time, or a 5xx did: a write may have been done."""


class RateLimited(IntercomError):
    """Too many requests: nothing was done. `retry_after_seconds` lies between 1 and 60."""

    def __init__(self, detail: str, retry_after_seconds: float) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Refused(IntercomError):
    """Intercom said no. `code` is Intercom's word for it, `detail` its sentence; either may be empty."""

    def __init__(self, call: str, status: int, code: str = "", detail: str = "") -> None:
        super().__init__(f"{call}: {' '.join(part for part in (str(status), code, detail) if part)}")
        self.status = status
        self.code = code
        self.detail = detail


class Unauthorized(Refused):
    """The workspace's token is not valid (401), or lacks a permission or a plan (403)."""


class NotFound(Refused):
    """What the call names is not there, or was merged away without a trace to follow."""
