"""The same as pictures: SVG that needs nothing from outside."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from tests.bench.comparing import Comparison
from tests.bench.contestants import Contestant
from tests.bench.rows import figure
from tests.bench.running import COUNTED, Run
from tests.bench.scaled import SPAN_SECONDS, Scaled
from tests.bench.scaling import MESSAGES

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


def draw_scaling(found: Scaled, folder: Path) -> list[Path]:
    """What waits and who works, and what agents wait for, over time."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, chart in {"scaling": _work, "scaling-latency": _agents}.items():
        path = folder / f"{name}.svg"
        path.write_text(chart(found).render(is_unicode=True) + "\n")
        drawn.append(path)
    return drawn


_OVER_TIME = _LOOK | {
    "style": CleanStyle(
        font_family="sans-serif",
        plot_background="white",
        label_font_size=13,
        stroke_width="2.5",
        colors=("#777777", "#5b8fc9", "#b03030"),
    ),
    "print_values": False,
    "show_dots": False,
    "margin_bottom": 45,  # else the title of the axis pushes the legend out
    "x_title": "seconds since the bulk messages came",
    "value_formatter": "{:,.0f}".format,
    "x_value_formatter": "{:.0f}".format,
}


def _work(found: Scaled) -> Any:
    title = "Messages in queues and journal (left), workers (right)"
    chart = pygal.XY(title=title, **_OVER_TIME)
    for number, name in enumerate(("in the queues", "in the journal")):
        chart.add(name, [(one.second - found.began, one.depths[number]) for one in found.samples], fill=True)
    chart.add("workers", list(_steps(found)), secondary=True)
    lines = found.rule.most + 1  # each stands for a worker on the right
    chart.config.range, chart.config.secondary_range = (0, MESSAGES), (0, lines)
    chart.y_labels = [number * MESSAGES / lines for number in range(lines + 1)]
    return chart


def _steps(found: Scaled) -> Iterator[tuple[float, int]]:
    for one in found.samples:
        yield one.second - found.began, one.workers
        yield one.second - found.began, one.wanted


def _agents(found: Scaled) -> Any:
    title = f"An agent's request to “Message sent!”, in ms: of each {SPAN_SECONDS} s"
    chart = pygal.XY(title=title, **_OVER_TIME)
    ends = found.samples[-1].second
    begins = [found.warm + SPAN_SECONDS * number for number in range(math.ceil((ends - found.warm) / SPAN_SECONDS))]
    for name, share in {"median": 0.5, "slowest": 1.0}.items():
        chart.add(name, [(begin - found.began, found.taken(share, begin, begin + SPAN_SECONDS)) for begin in begins])
    chart.config.include_x_axis = True
    return chart


_PERCENTILES: dict[str, Callable[[Run], float | None]] = {"p99": lambda run: run.p99, "p50": lambda run: run.p50}


def _median(found: Comparison, name: str, process: str) -> float:
    return found.figure(name, lambda run: run.cpu[process]).median


def _taken(found: Comparison, name: str, value: Callable[[Run], float | None]) -> float | None:
    taken = [one for run in found.runs(name) if (one := value(run)) is not None]
    return figure(taken).median if taken else None
