"""What the fake provider and the feed know of each other: a few numbers in a file that both have mapped."""

import mmap
import struct
from pathlib import Path
from typing import Literal

Mode = Literal["constant", "varying", "slow"]

_FORMAT = struct.Struct("<QQQ")
_MODES: tuple[Mode, ...] = ("constant", "varying", "slow")


class Counters:
    """The provider counts what it received and answered; `mode` is how it is told to behave."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_FORMAT.size))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _FORMAT.size)

    @property
    def received(self) -> int:
        """Requests that came."""
        return self._read(0)

    @property
    def answered(self) -> int:
        """Requests that were answered."""
        return self._read(1)

    @property
    def mode(self) -> Mode:
        """How long the provider takes: see tests.bench.provider."""
        return _MODES[self._read(2)]

    @mode.setter
    def mode(self, wanted: Mode) -> None:
        struct.pack_into("<Q", self._shared, 16, _MODES.index(wanted))

    def count(self, received: int, answered: int) -> None:
        """Say how many there were by now; the provider alone does."""
        struct.pack_into("<QQ", self._shared, 0, received, answered)

    def _read(self, place: int) -> int:
        return int(_FORMAT.unpack_from(self._shared)[place])
