"""The same as pictures: SVG that needs nothing from outside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from tests.bench.comparing import Comparison
from tests.bench.rows import figure
from tests.bench.running import COUNTED, Run

_LOOK: dict[str, Any] = {
    "js": [],  # pygal's own would be fetched from the net
    "style": CleanStyle(font_family="sans-serif"),
    "width": 800,
    "height": 420,
    "print_values": True,
    "print_values_position": "top",
    "legend_at_bottom": True,
    "disable_xml_declaration": True,
}


def draw(found: Comparison, folder: Path) -> list[Path]:
    """Throughput, CPU and latency, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {"throughput": _throughput(found), "cpu": _cpu(found), "latency": _latency(found)}
    drawn = []
    for name, chart in charts.items():
        chart.x_labels = [one.title for one in found.contestants]
        path = folder / f"{name}.svg"
        path.write_text(chart.render(is_unicode=True) + "\n")
        drawn.append(path)
    return drawn


def _throughput(found: Comparison) -> Any:
    chart = pygal.Bar(title="Messages per second (lowest, median and highest run)", **_LOOK)
    figures = [found.figure(one.name, lambda run: run.per_second) for one in found.contestants]
    for label in ("low", "median", "high"):
        chart.add(
            {"low": "lowest", "high": "highest"}.get(label, label), [round(getattr(one, label)) for one in figures]
        )
    return chart


def _cpu(found: Comparison) -> Any:
    chart = pygal.StackedBar(title="CPU per message, ms (medians)", **_LOOK)
    for process in COUNTED:
        chart.add(process, [_median(found, one.name, process) for one in found.contestants])
    return chart


def _latency(found: Comparison) -> Any:
    chart = pygal.Bar(title="From publish to the last row at 50 messages/s, ms (the provider takes 50)", **_LOOK)
    for label, value in _PERCENTILES.items():
        chart.add(label, [_taken(found, one.name, value) for one in found.contestants])
    return chart


_PERCENTILES: dict[str, Callable[[Run], float | None]] = {"p50": lambda run: run.p50, "p99": lambda run: run.p99}


def _median(found: Comparison, name: str, process: str) -> float:
    return round(found.figure(name, lambda run: run.cpu[process]).median, 2)


def _taken(found: Comparison, name: str, value: Callable[[Run], float | None]) -> float | None:
    taken = [one for run in found.runs(name) if (one := value(run)) is not None]
    return round(figure(taken).median, 1) if taken else None
