"""Every question of every dashboard, asked of a real Prometheus that watches services under load and in trouble."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.errors import BackendError, DevstackError
from devstack.progress import Silent
from devstack.prometheus_tools import not_checked, tool
from tests.dashboards.drawing import draw
from tests.dashboards.model import NAMES, Dashboard, Line, Span, answers, filled, read
from tests.dashboards.traffic import play
from tests.dashboards.watching import Watched, watched
from tests.support.backends import missing_backend
from tests.support.panel import CheckedScene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCRAPED_SECONDS = 2
PLAYED_SECONDS = 40


@pytest.fixture(scope="module")
def program() -> Path:
    found = tool("prometheus")
    if found is None:
        pytest.skip(not_checked("What the dashboards ask", "prometheus"))
    return found


@pytest.fixture(scope="module")
def world(program: Path) -> Iterator[Watched]:
    try:
        with watched(program, SCRAPED_SECONDS, Silent()) as running:
            yield running
    except BackendError as error:
        missing_backend(error)


@pytest.fixture(scope="module")
def span(world: Watched) -> Span:
    """The time in which the story was played."""
    begin = time.time()
    play(CheckedScene(world.stack), PLAYED_SECONDS)
    time.sleep(2 * SCRAPED_SECONDS)
    return Span(begin, time.time(), SCRAPED_SECONDS, SCRAPED_SECONDS)


def shown(dashboard: Dashboard, world: Watched, span: Span, **chosen: str) -> dict[int, list[Line]]:
    """What each panel shows, by its id; headings show nothing."""
    variables = dashboard.variables(world.prometheus, span, **chosen)
    panels = [panel for panel in dashboard.panels if panel.kind != "row"]
    return {panel.raw["id"]: answers(panel, world.prometheus, span, variables) for panel in panels}


def empty(dashboard: Dashboard, found: dict[int, list[Line]]) -> set[str]:
    """The titles of panels without a line."""
    return {panel.title for panel in dashboard.panels if found.get(panel.raw["id"]) == []}


def test_everybody_is_reached_who_is_named_in_the_configuration(world: Watched, span: Span) -> None:
    assert world.prometheus.down() == []


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_an_answer(name: str, world: Watched, span: Span) -> None:
    dashboard = read(name)
    assert empty(dashboard, shown(dashboard, world, span)) == set()


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "viber"])
def test_one_channel_has_an_answer_of_each_channel(channel: str, world: Watched, span: Span) -> None:
    dashboard = read("channel")
    assert empty(dashboard, shown(dashboard, world, span, channel=channel)) <= {
        "Agents': 95 of 100 left within",
        "How long do due messages wait for their turn?",
        "How many leave after such a wait?",
    }, "without such a message there is nothing to tell"


@pytest.mark.parametrize("name", NAMES)
def test_every_mark_is_asked_for_in_promql(name: str, world: Watched, span: Span) -> None:
    dashboard = read(name)
    variables = dashboard.variables(world.prometheus, span)
    for mark in dashboard.raw["annotations"]["list"]:
        world.prometheus.ask(filled(mark["expr"], variables), span.begin, span.end, span.step)


def test_what_was_sent_and_what_failed_is_told(world: Watched, span: Span) -> None:
    names = {panel.raw["id"]: panel.title for panel in read("channel").panels}
    lines = {names[each]: found for each, found in shown(read("channel"), world, span, channel="sms").items()}
    [left] = lines["Messages that left"]
    assert max(left.series.points.values()) > 20
    assert {"accepted", "rejected"} <= {line.name for line in lines["What does it answer?"]}
    assert {line.name for line in lines["Receipts"]} >= {"twilio stored", "twilio bad_signature"}


def test_a_question_that_is_none_is_refused(world: Watched, span: Span) -> None:
    with pytest.raises(DevstackError, match="parse error"):
        world.prometheus.ask("rate(up", span.begin, span.end, span.step)


def test_a_metric_that_nobody_serves_leaves_its_panel_empty(world: Watched, span: Span) -> None:
    dashboard = read("overview")
    planted = Dashboard({**dashboard.raw, "panels": [planted_in(one) for one in dashboard.raw["panels"]]})
    assert "How long until the provider has it?" in empty(planted, shown(planted, world, span))


def planted_in(panel: dict[str, object]) -> dict[str, object]:
    """The same panel, where it asks for a metric of the tracker, asks for one that is not there."""
    targets = panel.get("targets")
    if not isinstance(targets, list):
        return panel
    return {**panel, "targets": [{**one, "expr": one["expr"].replace("tracker_", "trackr_")} for one in targets]}


@pytest.mark.parametrize("name", NAMES)
def test_its_picture_has_every_panel_and_says_how_it_was_made(name: str, world: Watched, span: Span) -> None:
    dashboard = read(name)
    picture = draw(dashboard, shown(dashboard, world, span), span, "drawn by a test")
    assert "drawn by a test" in picture
    assert picture.count("<title>") == len([panel for panel in dashboard.panels if panel.kind != "row"])
    assert "No data" not in picture
