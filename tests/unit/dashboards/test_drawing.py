"""What a picture of a dashboard shows, with answers that nobody had to give."""

import re
from typing import Any

import pytest

from tests.dashboards.drawing import draw
from tests.dashboards.model import Dashboard, Line, Panel, Span, answers, filled
from tests.dashboards.watching import Series

SPAN = Span(begin=0, end=100, step=10, scraped=5)


def panel(kind: str, **field: Any) -> dict[str, Any]:
    defaults = {"unit": "none", "thresholds": {"steps": [{"color": "green", "value": None}]}, "noValue": "none"}
    return {
        "id": 1,
        "type": kind,
        "title": "Sent",
        "description": "Messages.",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 7},
        "fieldConfig": {
            "defaults": {**defaults, "custom": {"thresholdsStyle": {"mode": "dashed"}}, **field},
            "overrides": [],
        },
    }


def picture(shown: dict[str, Any], *lines: Line) -> str:
    return draw(Dashboard({"title": "Ours", "description": "All.", "panels": [shown]}), {1: lines}, SPAN, "by hand")


def line(name: str, **points: float) -> Line:
    return Line(name, Series({}, {float(at[2:]): value for at, value in points.items()}))


def test_a_line_has_its_name_and_is_cut_where_nothing_was_known() -> None:
    drawn = picture(panel("timeseries"), line("sms", at10=1, at20=2, at60=1, at70=1))
    assert ">sms<" in drawn
    assert drawn.count('fill="none"') == 2


def test_a_single_point_is_seen() -> None:
    assert "<circle" in picture(panel("timeseries"), line("sms", at10=1))


def test_without_an_answer_it_says_so() -> None:
    assert "No data" in picture(panel("timeseries"))
    assert ">none<" in picture(panel("stat"))


@pytest.mark.parametrize(("value", "color"), [(0.0, "#73bf69"), (1.0, "#ff9830"), (7.0, "#f2495c")])
def test_a_number_has_the_color_of_the_threshold_that_it_reached(value: float, color: str) -> None:
    steps = [{"color": "green", "value": None}, {"color": "orange", "value": 1}, {"color": "red", "value": 5}]
    drawn = picture(panel("stat", thresholds={"steps": steps}), line("", at100=value))
    assert f'fill="{color}"' in drawn
    assert f">{value:.0f}<" in drawn


def test_a_state_is_a_bar_for_each_time_that_it_changed() -> None:
    steps = [{"color": "red", "value": None}, {"color": "green", "value": 1}]
    drawn = picture(panel("state-timeline", thresholds={"steps": steps}), line("a", at10=1, at20=0, at30=0, at40=1))
    assert re.findall(r'fill="(#\w+)" fill-opacity="0.75"', drawn) == ["#73bf69", "#f2495c", "#73bf69"]


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("s", 0.25, "250 ms"),
        ("s", 90.0, "90.0 s"),
        ("s", 1200.0, "20 min"),
        ("percentunit", 0.123, "12.3 %"),
        ("bytes", 3 * 2.0**20, "3 MiB"),
        ("suffix: /min", 4.0, "4.0 /min"),
        ("none", 1234.5, "1234.5"),
    ],
)
def test_a_value_has_its_unit(unit: str, value: float, words: str) -> None:
    assert f">{words}<" in picture(panel("stat", unit=unit, decimals=1), line("", at100=value))


def test_names_are_no_markup() -> None:
    assert "&lt;b&gt; &amp; co" in picture(panel("timeseries"), line("<b> & co", at10=1))


def test_variables_are_replaced_by_their_whole_name() -> None:
    assert filled('a{b="$c",d="$cd"}[$__rate_interval]', {"c": "1", "cd": "2", **SPAN.texts}) == 'a{b="1",d="2"}[20s]'


def test_a_rate_spans_four_looks_of_prometheus_at_least() -> None:
    assert Span(0, 3600, 60, 15).texts == {"__rate_interval": "75s", "__range": "3600s"}
    assert Span(0, 3600, 5, 15).texts["__rate_interval"] == "60s"


def test_lines_are_named_by_their_labels() -> None:
    class Told:
        def ask(self, *_: object) -> list[Series]:
            return [Series({"channel": "sms"}, {1.0: 1.0})]

    shown = Panel({**panel("timeseries"), "targets": [{"expr": "up", "legendFormat": "{{channel}} {{lane}}!"}]})
    assert [one.name for one in answers(shown, Told(), SPAN, {})] == ["sms !"]  # type: ignore[arg-type]
