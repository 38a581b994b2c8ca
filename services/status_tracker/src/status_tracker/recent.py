"""What this process knew of messages when it wrote their rows a moment ago, so that it is not read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from status_tracker.domain.decision import Known, MessageKey
from status_tracker.domain.entries import Entry, Request

MOST = 500
"""Messages that are kept, some 5 kB each; above it, the oldest goes."""


@dataclass(frozen=True)
class Said:
    """All that is known of a message."""

    requests: list[Request] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def __add__(self, more: Self) -> "Said":
        """With what else is said of it."""
        return Said(self.requests + more.requests, self.entries + more.entries)


class Recent:
    """
    What was said of messages, each as of a version of its row.

    It is all that is known while the locked row has that version: whoever records anything of a message that was asked
    for writes its row in the same transaction, and so does who removes it, or its person. Of a message of several
    requests nothing is kept: what one of them asked for is removed alone where only that one names the person.
    """

    def __init__(self) -> None:
        self._kept: dict[MessageKey, tuple[int, Said]] = {}

    def of(self, row: Known) -> Said | None:
        """
        All that is known of a message but what is recorded in this transaction; None where it has to be read.

        Of one without a row, nothing is.
        """
        if row.version is None:
            return Said()
        version, said = self._kept.get(row.key, (None, None))
        return said if version == row.version and not row.erased else None

    def keep(self, written: Mapping[MessageKey, tuple[int, Said]]) -> None:
        """Keep what rows were written by, with their versions; those of a transaction that fails will never be met."""
        for key, (version, said) in written.items():
            self._kept.pop(key, None)
            if len(said.requests) == 1:
                self._kept[key] = version, said
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
