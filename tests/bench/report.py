"""What is told: tables for people, JSON for programs."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.bench.comparing import Comparison
from tests.bench.rows import Figure, Row, figure
from tests.bench.running import COUNTED, Run

_PACKAGES = "aio-pika aiohttp aiormq asyncpg celery dramatiq faststream kombu pydantic taskiq taskiq-aio-pika uvloop"


def machine() -> dict[str, Any]:
    """On what it was measured, as far as that matters."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(memory),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES.split() if (found := _version(name))},
    }


def side_by_side(found: Comparison) -> Iterator[str]:
    """Who did how much, at what cost."""
    wide = max(len(one.title) for one in found.contestants)
    yield "One process that calls the provider (50 ms) and one that remembers; CPU in ms per message, RSS in MB,"
    yield "latency in ms at 50 messages/s, the provider's 50 ms included. Medians, and ranges of the runs."
    yield ""
    head = (
        f"{'':<{wide}}  {'messages/s':>22}  {'dispatcher':>10} {'tracker':>8} {'broker':>7} {'database':>8} {'all':>6}"
    )
    yield f"{head}  {'RSS':>9}  {'p50':>6} {'p99':>6}"
    for one in found.contestants:
        runs = found.runs(one.name)
        cpu = [_median(runs, name) for name in COUNTED]
        rss = "/".join(f"{figure([run.rss[name] for run in runs]).median:.0f}" for name in ("dispatcher", "tracker"))
        yield (
            f"{one.title:<{wide}}  {_of(runs, 'per_second')!s:>22}  {cpu[0]:>10.2f} {cpu[1]:>8.2f} {cpu[2]:>7.2f} "
            f"{cpu[3]:>8.2f} {_of(runs, 'all_cpu').median:>6.2f}  {rss:>9}  {_latency(runs, 'p50')} "
            f"{_latency(runs, 'p99')}"
        )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """What was to be reached, and what was."""
    wide = max(len(row.name) for row in rows)
    yield f"{'':<{wide}}  {'measured':>26}  {'':<3}  {'at least':>9}  {'aim':>9}"
    for row in rows:
        yield (
            f"{row.name:<{wide}}  {row.value!s:>26}  {row.unit:<3}  {row.wanted(row.at_least):>9}  "
            f"{row.wanted(row.aim):>9}  {row.verdict}"
        ).rstrip()
    failed = [row for row in rows if row.failed]
    yield ""
    yield (
        f"{len(failed)} of the ratios that must hold do not (BELOW)." if failed else "Every ratio that must hold does."
    )


def write_json(target: Path, found: Comparison | None, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Everything, each single run included."""
    report = {
        "machine": machine(),
        **about,
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
        "pairs": [[asdict(run) for run in pair] for pair in found.pairs] if found else [],
        "varying": [[asdict(run) for run in pair] for pair in found.varying] if found else [],
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _median(runs: Sequence[Run], process: str) -> float:
    return figure([run.cpu[process] for run in runs]).median


def _of(runs: Sequence[Run], name: str) -> Figure:
    return figure([getattr(run, name) for run in runs])


def _latency(runs: Sequence[Run], name: str) -> str:
    taken = [value for run in runs if (value := getattr(run, name)) is not None]
    return f"{figure(taken).median:>6.1f}" if taken else f"{'–':>6}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
