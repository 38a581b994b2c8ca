"""
What goes wrong, as a person reads it: what happened to which thing, and what to do next.

    Failure             exit code 1: it was tried and did not work
    └── WrongUsage      exit code 2: nothing was tried, because something was written or set wrongly
"""

from collections.abc import Sequence


class Failure(Exception):
    """`what` happened and the `advice` for it, one sentence each; `details` take a line each."""

    exit_code = 1

    def __init__(self, what: str, advice: str, details: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = " ".join(what.split()).rstrip(".")
        self.advice = advice
        self.details = tuple(details)

    @property
    def line(self) -> str:
        """Both sentences, on one line."""
        return f"{self.what}. {self.advice}"


class WrongUsage(Failure):
    """Nothing was tried."""

    exit_code = 2
