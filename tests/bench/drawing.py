"""The same as pictures: SVG that needs nothing from outside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from tests.bench.comparing import Comparison
from tests.bench.contestants import Contestant
from tests.bench.rows import figure
from tests.bench.running import COUNTED, Run

_LOOK: dict[str, Any] = {
    "js": [],  # pygal's own would be fetched from the net
    "style": CleanStyle(font_family="sans-serif", plot_background="white", label_font_size=13, value_font_size=12),
    "width": 800,
    "height": 360,
    "print_values": True,
    "legend_at_bottom": True,
    "legend_at_bottom_columns": 4,
    "truncate_label": -1,
    "show_y_guides": False,
    "disable_xml_declaration": True,
}


def draw(found: Comparison, folder: Path) -> list[Path]:
    """Throughput, CPU and latency, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    from_below = list(reversed(found.contestants))
    drawn = []
    for name, chart in {"throughput": _throughput, "cpu": _cpu, "latency": _latency}.items():
        picture = chart(found, from_below)
        picture.x_labels = [one.title for one in from_below]
        path = folder / f"{name}.svg"
        path.write_text(picture.render(is_unicode=True) + "\n")
        drawn.append(path)
    return drawn


def _throughput(found: Comparison, contestants: Sequence[Contestant]) -> Any:
    figures = [found.figure(one.name, lambda run: run.per_second) for one in contestants]
    title = "Messages per second: median, lowest and highest run"
    chart = pygal.HorizontalBar(title=title, show_legend=False, formatter="{:,.0f}".format, **_LOOK)
    chart.config.range = (0, 1.05 * max(one.high for one in figures))
    chart.add("messages/s", [{"value": one.median, "ci": {"low": one.low, "high": one.high}} for one in figures])
    return chart


def _cpu(found: Comparison, contestants: Sequence[Contestant]) -> Any:
    title = "CPU per message over all processes, in ms: medians"
    chart = pygal.HorizontalStackedBar(title=title, formatter="{:.2f}".format, **_LOOK)
    for process in COUNTED:
        chart.add(process, [_median(found, one.name, process) for one in contestants])
    return chart


def _latency(found: Comparison, contestants: Sequence[Contestant]) -> Any:
    title = "From publish to the last row at 50 messages/s, in ms (the provider takes 50): medians"
    chart = pygal.HorizontalBar(title=title, formatter="{:.0f}".format, **_LOOK)
    for label, value in _PERCENTILES.items():
        chart.add(label, [_taken(found, one.name, value) for one in contestants])
    return chart


_PERCENTILES: dict[str, Callable[[Run], float | None]] = {"p99": lambda run: run.p99, "p50": lambda run: run.p50}


def _median(found: Comparison, name: str, process: str) -> float:
    return found.figure(name, lambda run: run.cpu[process]).median


def _taken(found: Comparison, name: str, value: Callable[[Run], float | None]) -> float | None:
    taken = [one for run in found.runs(name) if (one := value(run)) is not None]
    return figure(taken).median if taken else None
