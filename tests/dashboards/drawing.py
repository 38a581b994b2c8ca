"""A dashboard as a picture: its panels where Grafana would lay them, with what Prometheus answered, as SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from xml.sax.saxutils import escape

from tests.dashboards.model import Dashboard, Line, Panel, Span

WIDTH, MARGIN, GAP, HEAD = 1440, 16, 8, 64
COLUMN = (WIDTH - 2 * MARGIN + GAP) / 24
ROW = 32

PAGE, CARD, EDGE, GRID, WORDS, FAINT = "#111217", "#181b1f", "#2a2d34", "#2a2d34", "#d8d9da", "#9a9ca3"
PALETTE = ("#73bf69", "#5794f2", "#ff9830", "#b877d9", "#fade2a", "#f2495c", "#8ab8ff", "#ca95e5", "#37872d", "#ffb357")
COLORS = {
    "green": "#73bf69",
    "dark-green": "#37872d",
    "blue": "#5794f2",
    "light-blue": "#8ab8ff",
    "red": "#f2495c",
    "dark-red": "#c4162a",
    "orange": "#ff9830",
    "dark-orange": "#fa6400",
    "light-orange": "#ffb357",
    "yellow": "#fade2a",
    "purple": "#b877d9",
    "dark-purple": "#8f3bb8",
}
"""Grafana's, by their names."""

LETTER = 5.7
"""A letter's mean width in the legend, in pixels."""


def draw(dashboard: Dashboard, found: Mapping[int, Sequence[Line]], span: Span, about: str) -> str:
    """The picture; `found` has each panel's lines by its id, `about` stands beside the title."""
    height = HEAD + max(_bottom(panel) for panel in dashboard.panels) + MARGIN
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (span.begin, span.end))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        'font-family="Inter, Roboto, Helvetica, Arial, sans-serif">',
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="{PAGE}"/>',
        _text(MARGIN, 32, str(dashboard.raw["title"]), 20, WORDS, weight=600),
        _text(WIDTH - MARGIN, 28, f"{begin:%H:%M:%S} to {end:%H:%M:%S}", 13, WORDS, anchor="end"),
        _text(WIDTH - MARGIN, 46, about, 11, FAINT, anchor="end"),
        _text(MARGIN, 50, str(dashboard.raw["description"]), 11, FAINT),
    ]
    for panel in dashboard.panels:
        parts.extend(_panel(panel, found.get(panel.raw["id"], ()), span))
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, lines: Sequence[Line], span: Span) -> Iterable[str]:
    grid = panel.grid
    left, top = MARGIN + grid["x"] * COLUMN, HEAD + grid["y"] * ROW
    width, height = grid["w"] * COLUMN - GAP, grid["h"] * ROW - GAP
    yield f'<g transform="translate({left:.0f} {top:.0f})">'
    if panel.kind == "row":
        yield _text(2, 19, f"▾ {panel.title}", 14, WORDS, weight=600)
    else:
        yield f'<rect width="{width:.0f}" height="{height:.0f}" rx="3" fill="{CARD}" stroke="{EDGE}"/>'
        yield f"<title>{escape(str(panel.raw['description']))}</title>"
        yield _text(10, 18, panel.title, 12, WORDS, weight=600)
        yield from _KINDS[panel.kind](panel, lines, width, height, span)
    yield "</g>"


def _stat(panel: Panel, lines: Sequence[Line], width: float, height: float, _: Span) -> Iterable[str]:
    """A number, in the colour of the threshold that it reached."""
    values = [value for line in lines for value in line.series.points.values()]
    color = _threshold(panel, values[-1]) if values else COLORS["green"]
    fine = 10.0 ** -panel.field.get("decimals", 0) / (100 if panel.field["unit"] == "percentunit" else 1)
    shown = _value(panel, values[-1], fine) if values else str(panel.field["noValue"])
    yield f'<rect x="6" y="26" width="{width - 12:.0f}" height="{height - 32:.0f}" rx="3" fill="{color}"/>'
    yield _text(width / 2, 26 + (height - 32) / 2 + 9, shown, 26, PAGE, "middle", 600)


def _states(panel: Panel, lines: Sequence[Line], width: float, height: float, span: Span) -> Iterable[str]:
    """A bar for each line, in the colours of the thresholds that it reached one after the other."""
    longest = max((len(line.name) for line in lines), default=0)
    scale = _Scale((24 + LETTER * longest, 28.0, width - 12, height - 22), span, 1.0)
    yield from _hours(scale)
    high = (scale.bottom - scale.top) / max(3, len(lines))
    for number, line in enumerate(sorted(lines, key=lambda one: one.name)):
        top = scale.top + number * high
        yield _text(scale.left - 8, top + high / 2 + 4, line.name, 11, FAINT, "end")
        for begin, end, value in _same(line.series.points, span.step):
            left, right = scale.x(begin), min(scale.right, scale.x(end))
            yield (
                f'<rect x="{left:.0f}" y="{top + 2:.1f}" width="{max(2, right - left):.0f}" height="{high - 4:.1f}" '
                f'fill="{_threshold(panel, value)}" fill-opacity="0.75"/>'
            )


def _same(points: Mapping[float, float], step: float) -> Iterable[tuple[float, float, float]]:
    """From when to when it had the same value."""
    for stretch in _stretches(points, step):
        for value, group in groupby(stretch, key=lambda point: point[1]):
            moments = [at for at, _ in group]
            yield moments[0], moments[-1] + step, value


def _chart(panel: Panel, lines: Sequence[Line], width: float, height: float, span: Span) -> Iterable[str]:
    """Lines over time, with axes, thresholds and legend."""
    legend = _legend_rows(lines, width - 20)
    box = (66.0, 30.0, width - 12, height - 28 - 15 * len(legend))
    highest = max((value for line in lines for value in line.series.points.values()), default=0.0)
    ticks = _ticks(float(panel.field.get("max", 0)) or highest or 1.0, panel)
    scale = _Scale(box, span, ticks[-1])
    yield from _axes(panel, scale, ticks)
    if not lines:
        yield _text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, "No data", 13, FAINT, "middle")
    colors = _colors(panel, lines)
    for line, color in zip(lines, colors, strict=True):
        yield from _curve(panel, line, color, scale)
    by_name = dict(zip((line.name for line in lines), colors, strict=True))
    for row, names in enumerate(legend):
        at = 12.0
        for name in names:
            base = height - 8 - 15 * (len(legend) - 1 - row)
            if name in by_name:
                yield f'<rect x="{at:.0f}" y="{base - 5:.0f}" width="12" height="3" fill="{by_name[name]}"/>'
            yield _text(at + 16, base, name, 11, FAINT)
            at += 30 + LETTER * len(name)


class _Scale:
    """From moments and values to pixels of a panel; `box` is left, top, right and bottom of its plot."""

    def __init__(self, box: tuple[float, float, float, float], span: Span, highest: float) -> None:
        self.left, self.top, self.right, self.bottom = box
        self.span, self.highest = span, highest

    def x(self, at: float) -> float:
        """Of a moment."""
        return self.left + (at - self.span.begin) / (self.span.end - self.span.begin) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Of a value."""
        return self.bottom - min(1.05, value / self.highest) * (self.bottom - self.top)


def _axes(panel: Panel, scale: _Scale, ticks: Sequence[float]) -> Iterable[str]:
    for tick in ticks:
        y = scale.y(tick)
        yield f'<path d="M{scale.left:.0f} {y:.1f}H{scale.right:.0f}" stroke="{GRID}"/>'
        yield _text(scale.left - 6, y + 4, _value(panel, tick, ticks[1]), 10, FAINT, "end")
    yield from _hours(scale)
    if panel.field["custom"]["thresholdsStyle"]["mode"] != "off":
        for step in panel.field["thresholds"]["steps"]:
            if step["value"] is not None and step["value"] <= scale.highest:
                y, color = scale.y(step["value"]), COLORS[step["color"]]
                yield f'<path d="M{scale.left:.0f} {y:.1f}H{scale.right:.0f}" stroke="{color}" stroke-dasharray="6 5"/>'


def _hours(scale: _Scale) -> Iterable[str]:
    """The clock, where it is round."""
    seconds = scale.span.end - scale.span.begin
    step = next((one for one in (10, 30, 60, 120, 300, 900, 1800) if seconds / one <= 6), 3600)
    for number in range(math.ceil(scale.span.begin / step), math.floor(scale.span.end / step) + 1):
        at = number * step
        shown = f"{datetime.fromtimestamp(at, UTC):{'%H:%M' if step >= 60 else '%H:%M:%S'}}"
        yield _text(scale.x(at), scale.bottom + 14, shown, 10, FAINT, "middle")


def _curve(panel: Panel, line: Line, color: str, scale: _Scale) -> Iterable[str]:
    """One path for each stretch without a gap, and what is below it."""
    stepped = panel.field["custom"].get("lineInterpolation") == "stepAfter"
    for stretch in _stretches(line.series.points, scale.span.step):
        points = [(scale.x(at), scale.y(value)) for at, value in stretch]
        if len(points) == 1:
            yield f'<circle cx="{points[0][0]:.0f}" cy="{points[0][1]:.1f}" r="1.8" fill="{color}"/>'
            continue
        drawn = f"M{points[0][0]:.0f} {points[0][1]:.0f}" + "".join(
            f"H{x:.0f}V{y:.0f}" if stepped else f"L{x:.0f} {y:.0f}" for x, y in points[1:]
        )
        below = f"{drawn}V{scale.bottom:.0f}H{points[0][0]:.0f}Z"
        yield f'<path d="{below}" fill="{color}" fill-opacity="0.08"/>'
        yield f'<path d="{drawn}" fill="none" stroke="{color}" stroke-width="1.6" stroke-linejoin="round"/>'


def _stretches(points: Mapping[float, float], step: float) -> Iterable[list[tuple[float, float]]]:
    stretch: list[tuple[float, float]] = []
    for at, value in sorted(points.items()):
        if stretch and at - stretch[-1][0] > 1.5 * step:
            yield stretch
            stretch = []
        stretch.append((at, value))
    if stretch:
        yield stretch


def _legend_rows(lines: Sequence[Line], width: float) -> list[list[str]]:
    """Names in at most three rows; how many more there are."""
    names = list(dict.fromkeys(line.name for line in lines))
    rows: list[list[str]] = [[]]
    used = 0.0
    for number, name in enumerate(names):
        wide = 30 + LETTER * len(name)
        if rows[-1] and used + wide > width - (60 if len(rows) == 3 else 0):
            if len(rows) == 3:
                rows[-1].append(f"+{len(names) - number} more")
                break
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += wide
    return rows


def _colors(panel: Panel, lines: Sequence[Line]) -> list[str]:
    """Those that the panel names, and the palette's for all else."""
    fixed = {
        one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
        for one in panel.raw["fieldConfig"]["overrides"]
    }
    named = [COLORS.get(fixed[line.name], fixed[line.name]) if line.name in fixed else "" for line in lines]
    return [color or PALETTE[number % len(PALETTE)] for number, color in enumerate(named)]


def _threshold(panel: Panel, value: float) -> str:
    reached = [one for one in panel.field["thresholds"]["steps"] if one["value"] is None or value >= one["value"]]
    return COLORS[reached[-1]["color"]]


def _value(panel: Panel, value: float, fine: float) -> str:
    """With its unit; `fine` is how far apart two values are."""
    unit = str(panel.field["unit"])
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "percentunit":
        return f"{value * 100:.{_decimals(fine * 100)}f} %"
    if unit == "s":
        return _seconds(value, fine)
    return f"{value:.{_decimals(fine)}f}{unit.removeprefix('suffix:') if unit != 'none' else ''}"


def _seconds(value: float, fine: float) -> str:
    if value < 1 and fine < 0.5:
        return f"{value * 1000:.0f} ms" if value else "0 s"
    if value >= 600:
        return f"{value / 60:.0f} min"
    return f"{value:.{_decimals(fine)}f} s"


def _decimals(fine: float) -> int:
    return max(0, -math.floor(math.log10(fine) + 1e-9)) if fine < 1 else 0


def _ticks(highest: float, panel: Panel) -> list[float]:
    """Up to five round numbers from 0 to at least the highest; whole ones where no other is shown."""
    one = 2**20 if panel.field["unit"] == "bytes" else 1
    rough = highest / one / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    step = max(1.0, math.ceil(step)) if panel.field.get("decimals") == 0 else step
    return [one * step * number for number in range(math.ceil(highest / one / step - 1e-3) + 1)]


def _text(x: float, y: float, words: str, size: int, color: str, anchor: str = "start", weight: int = 400) -> str:
    more = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (
        f' font-weight="{weight}"' if weight > 400 else ""
    )
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{color}"{more}>{escape(words)}</text>'


def _bottom(panel: Panel) -> float:
    return (panel.grid["y"] + panel.grid["h"]) * ROW


_KINDS = {"stat": _stat, "state-timeline": _states, "timeseries": _chart}
