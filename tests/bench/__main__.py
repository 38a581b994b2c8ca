"""`python -m tests.bench`: what `make bench`, `bench-quick`, `bench-history` and `scale-demo` call."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from devstack.demo.checks import Unexpected
from devstack.errors import DevstackError
from devstack.progress import Progress
from devstack.state import root_of_checkout
from tests.bench.comparing import Comparison, compare
from tests.bench.contestants import CELERY, FASTSTREAM, PEERS, PLAIN, Contestant
from tests.bench.filling import Say
from tests.bench.history import MOST_ROWS, measure_history
from tests.bench.panels import panels
from tests.bench.receiving import receiving
from tests.bench.report import side_by_side, table, write_json
from tests.bench.rows import Row
from tests.bench.running import Plan
from tests.bench.scaled import over_time
from tests.bench.scaling import scaling
from tests.bench.varying import ablation, crowded, endurance, workers
from tests.bench.world import World
from tests.support.backends import temporary_state

QUICK = (Plan(3, 4, 3), Plan(3, 4, 0))
QUICK_PEERS = (PLAIN, FASTSTREAM, CELERY)
WHOLE = Plan(3, 10, 10)


@dataclass
class Bench:
    """One benchmark: how it is done, and what was found so far."""

    peers: Sequence[Contestant]
    plans: Sequence[Plan]
    varying: bool
    say: Say
    found: Comparison | None = None
    rows: list[Row] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Parts that could not be measured to their end."""

    def measure(self, parts: Mapping[str, Callable[[World], list[Row]]]) -> None:
        """Do these, one after the other, in one world; each is told as soon as it is known."""
        if not parts:
            return
        with temporary_state("bench") as state, World(state, Progress()) as world:
            for name, part in parts.items():
                self.say(f"\n{name}")
                self.attempt(name, partial(part, world))

    def attempt(self, name: str, part: Callable[[], list[Row]]) -> None:
        """Keep and tell what is found; where it comes to nothing, the other parts go on."""
        try:
            rows = part()
        except (DevstackError, Unexpected) as error:
            self.troubles.append(f"{name}: {error}")
            self.say(self.troubles[-1])
            return
        self.rows += rows
        for line in table(rows):
            self.say(line)

    def side_by_side(self, world: World) -> list[Row]:
        """Ours and the peers."""
        self.found = compare(world, self.peers, self.plans, self.say, varying=self.varying)
        for line in ("", *side_by_side(self.found), ""):
            self.say(line)
        return list(self.found.rows())


def main() -> int:
    """The exit code: 1 where a ratio that must hold does not, or nothing could be measured."""
    options = _options()
    say = partial(print, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of `finally`: no server must stay
    began = time.monotonic()
    try:
        if options.what == "history":
            measure_history(options.rows, options.json or _file("bench-history.json"), say)
            return 0
        if options.what == "scale":
            return _scale(options, say)
        bench = _quick(say) if options.what == "quick" else _whole(options, say)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    target = options.json or _file("bench-quick.json" if options.what == "quick" else "bench.json")
    write_json(target, bench.found, bench.rows, {"seconds": round(time.monotonic() - began)})
    if options.what == "whole" and bench.found:
        from tests.bench.drawing import draw  # bench-history is there without the benchmark's packages

        drawn = draw(bench.found, root_of_checkout() / "docs" / "benchmarks")
        say(f"Drawn: {', '.join(os.path.relpath(path) for path in drawn)}")
    failed = [row for row in bench.rows if row.failed]
    say(f"\nIt took {time.monotonic() - began:.0f} s. As JSON: {os.path.relpath(target)}")
    for row in failed:
        say(f"Below what it has to be at least: {row.name}: {row.value} {row.unit}, {row.wanted(row.at_least)}")
    for trouble in bench.troubles:
        say(f"Not measured: {trouble}")
    return 1 if failed or bench.troubles else 0


def _scale(options: argparse.Namespace, say: Say) -> int:
    from tests.bench.drawing import draw_scaling

    with temporary_state("bench") as state, World(state, Progress(), watched=True) as world:
        scaled = scaling(world, say, options.factor)
    for line in ("", *over_time(scaled), "", *table(scaled.rows())):
        say(line)
    target = options.json or _file("scale-demo.json")
    write_json(target, None, scaled.rows(), {"scaling": scaled.document()})
    drawn = draw_scaling(scaled, root_of_checkout() / "docs" / "benchmarks")
    say(f"As JSON: {os.path.relpath(target)}. Drawn: {', '.join(os.path.relpath(path) for path in drawn)}")
    failed = scaled.failed()
    for sentence in failed or [scaled.success()]:
        say(sentence)
    return 1 if failed else 0


def _quick(say: Say) -> Bench:
    bench = Bench(QUICK_PEERS, QUICK, varying=False, say=say)
    bench.measure({"Side by side": bench.side_by_side})
    return bench


def _whole(options: argparse.Namespace, say: Say) -> Bench:
    plans = (WHOLE,) * options.rounds
    bench = Bench(PEERS, plans, varying=True, say=say)
    parts: dict[str, Callable[[World], list[Row]]] = {
        "peers": bench.side_by_side,
        "receipts": lambda world: receiving(world, say),
        "panel": lambda world: panels(world, say),
        "workers": lambda world: workers(world, plans, say),
        "ablation": lambda world: ablation(world, plans, say),
        "endurance": lambda world: endurance(world, say, options.messages),
        "crowded": lambda world: crowded(world, plans, say, options.jobs),
    }
    only = options.only.split(",") if options.only else [*parts, "history"]
    if unknown := set(only) - {*parts, "history"}:
        raise DevstackError(f"There is no {', '.join(sorted(unknown))}; there are {', '.join([*parts, 'history'])}.")
    bench.measure({name: part for name, part in parts.items() if name in only})
    if "history" in only:
        bench.attempt("history", lambda: measure_history(options.rows, _file("bench-history.json"), say))
    return bench


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="where the report goes as JSON")
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("quick", help="the main ratios, in less than three minutes")
    whole = kinds.add_parser("whole", help="everything")
    whole.add_argument("--only", default="", help="some of its parts, with commas between them")
    whole.add_argument("--rounds", type=int, default=3, help="runs of each; medians are of these")
    whole.add_argument("--messages", type=int, default=200_000, help="of the long run")
    whole.add_argument("--jobs", type=int, default=10_000_000, help="finished ones in a full journal")
    scale = kinds.add_parser("scale", help="whether a channel's workers come and go with its work")
    scale.add_argument("--factor", type=float, default=10, help="every time of the rule is divided by it")
    history = kinds.add_parser("history", help="how long the history takes with so many messages")
    for one in (whole, history):
        one.add_argument("--rows", type=int, default=10_000_000, help="of the history; 10 million take 20 GB")
    options = parser.parse_args()
    if options.what == "scale" and options.factor < 1:
        parser.error("--factor has to be 1 or more")
    if options.what in ("whole", "history") and not 1 <= options.rows <= MOST_ROWS:
        parser.error(f"--rows has to be between 1 and {MOST_ROWS:,}")
    return options


def _file(name: str) -> Path:
    return root_of_checkout() / ".dev" / name


if __name__ == "__main__":
    sys.exit(main())
