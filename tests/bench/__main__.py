"""`python -m tests.bench`: what `make bench`, `make bench-quick` and `make bench-history` call."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from devstack.errors import DevstackError
from devstack.progress import Progress
from devstack.state import root_of_checkout
from tests.bench.comparing import compare
from tests.bench.contestants import CELERY, FASTSTREAM, PEERS, PLAIN, Contestant
from tests.bench.filling import Say
from tests.bench.history import MOST_ROWS, measure_history
from tests.bench.report import side_by_side, table, write_json
from tests.bench.running import Plan
from tests.bench.world import World
from tests.support.backends import temporary_state

QUICK = (Plan(1.5, 4, 3), Plan(1.5, 4, 0))
QUICK_PEERS = (PLAIN, FASTSTREAM, CELERY)
WHOLE = (Plan(3, 10, 10),) * 3


def main() -> int:
    """The exit code: 1 where a ratio that must hold does not, or nothing could be measured."""
    options = _options()
    say = partial(print, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of `finally`: no server must stay
    try:
        if options.what == "history":
            measure_history(options.rows, options.json or _file("bench-history.json"), say)
            return 0
        if options.what == "quick":
            return bench(QUICK_PEERS, QUICK, options.json or _file("bench-quick.json"), None, say)
        plans = WHOLE[: options.rounds] * (1 + options.rounds // len(WHOLE))
        drawings = root_of_checkout() / "docs" / "benchmarks"
        return bench(PEERS, plans[: options.rounds], options.json or _file("bench.json"), drawings, say)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1


def bench(peers: Sequence[Contestant], plans: Sequence[Plan], target: Path, drawings: Path | None, say: Say) -> int:
    """Measure everything that this is about, tell it, and judge it."""
    began = time.monotonic()
    with temporary_state("bench") as state, World(state, Progress()) as world:
        found = compare(world, peers, plans, say, varying=drawings is not None)
    rows = list(found.rows())
    for line in ("", *side_by_side(found), "", *table(rows), ""):
        say(line)
    write_json(target, found, rows, {"seconds": round(time.monotonic() - began)})
    say(f"As JSON: {os.path.relpath(target)}")
    if drawings:
        from tests.bench.drawing import draw  # bench-history is there without the benchmark's packages

        say(f"Drawn: {', '.join(os.path.relpath(path) for path in draw(found, drawings))}")
    return 1 if any(row.failed for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="where the report goes as JSON")
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("quick", help="the main ratios, in less than three minutes")
    whole = kinds.add_parser("whole", help="everything")
    whole.add_argument("--rounds", type=int, default=3)
    history = kinds.add_parser("history", help="how long the history takes with so many messages")
    history.add_argument("--rows", type=int, default=10_000_000, help="messages to fill in; 10 million take 20 GB")
    options = parser.parse_args()
    if options.what == "history" and not 1 <= options.rows <= MOST_ROWS:
        parser.error(f"--rows has to be between 1 and {MOST_ROWS:,}")
    return options


def _file(name: str) -> Path:
    return root_of_checkout() / ".dev" / name


if __name__ == "__main__":
    sys.exit(main())
