"""What processes cost, as Linux counts it below /proc: theirs and their children's, those that ended included."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of each group of processes: seconds of CPU since they began, and megabytes in memory now."""

    cpu: Mapping[str, float]
    rss: Mapping[str, float]

    def cpu_since(self, earlier: "Usage") -> dict[str, float]:
        """Seconds of CPU between the two."""
        return {name: seconds - earlier.cpu[name] for name, seconds in self.cpu.items()}


def usage(groups: Mapping[str, Iterable[int]], without: Iterable[int] = ()) -> Usage:
    """Of these processes and everything that they started; `without` are left out: our own ears at the servers."""
    stats = dict(_stats())
    children = defaultdict(list)
    for pid, (parent, _) in stats.items():
        children[parent].append(pid)
    left_out = set(without)
    cpu, rss = {}, {}
    for name, roots in groups.items():
        members = {pid for root in roots for pid in _tree(root, children)} & stats.keys() - left_out
        cpu[name] = sum(stats[pid][1] for pid in members) / _TICKS
        rss[name] = sum(_rss(pid) for pid in members)
    return Usage(cpu, rss)


def _stats() -> Iterator[tuple[int, tuple[int, int]]]:
    """Of every process: its parent, and its ticks; man 5 proc: utime, stime, cutime and cstime are fields 14 to 17."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        yield int(path.parent.name), (int(fields[1]), sum(map(int, fields[11:15])))


def _tree(root: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _tree(child, children)


def _rss(pid: int) -> float:
    """Megabytes; PostgreSQL's processes share much of theirs, which is counted for each of them."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.split("VmRSS:")[1].split()[0]) / 1024 if "VmRSS:" in status else 0.0
