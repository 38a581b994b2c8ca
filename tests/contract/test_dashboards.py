"""deploy/grafana/dashboards against the metrics, the runbook, and what Grafana and its readers need."""

import re
from itertools import combinations

import pytest
import yaml

from devstack.state import root_of_checkout
from tests.dashboards.model import NAMES, Dashboard, Panel, read
from tests.support.metrics import named, served
from tests.support.runbook import PAGE

ALL = {name: read(name) for name in NAMES}
RULES = yaml.safe_load((root_of_checkout() / "deploy" / "prometheus" / "alerts.yml").read_text())
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
OF_PROMETHEUS = {"up", "ALERTS"}


def unknown(expression: str) -> set[str]:
    """The metrics in a PromQL expression that nobody serves; of the broker's, a real one tells (tests/e2e)."""
    ours = {name for name in named(expression) if not name.startswith("rabbitmq_")}
    return ours - served() - RECORDED - OF_PROMETHEUS


def expressions(dashboard: Dashboard) -> list[str]:
    """What it asks, for panels and marks."""
    panels = [target["expr"] for panel in dashboard.panels for target in panel.targets]
    return [*panels, *(one["expr"] for one in dashboard.raw["annotations"]["list"])]


def shown(dashboard: Dashboard) -> list[Panel]:
    """All panels but headings."""
    return [panel for panel in dashboard.panels if panel.kind != "row"]


PANELS = [pytest.param(panel, id=f"{name}-{panel.title}") for name, one in ALL.items() for panel in shown(one)]


def test_there_are_three() -> None:
    assert NAMES == ["channel", "message", "overview"]


@pytest.mark.parametrize("name", NAMES)
def test_it_asks_for_what_somebody_serves(name: str) -> None:
    assert {expr: unknown(expr) for expr in expressions(ALL[name]) if unknown(expr)} == {}


@pytest.mark.parametrize("name", NAMES)
def test_it_offers_what_somebody_serves(name: str) -> None:
    for variable in ALL[name].raw["templating"]["list"]:
        metric = variable["query"].removeprefix("label_values(").rpartition(",")[0]
        assert named(metric)
        assert not unknown(metric)


def test_a_metric_that_nobody_serves_is_found() -> None:
    planted = 'sum by (le, proactive_x) (rate(proactive_gateway_secnds_bucket{endpoint="submit"}[5m])) or up - go_info'
    assert unknown(planted) == {"proactive_gateway_secnds_bucket", "go_info"}


@pytest.mark.parametrize("panel", PANELS)
def test_it_says_what_it_means_and_which_entry_of_the_runbook_goes_on(panel: Panel) -> None:
    meaning, _, anchor = str(panel.raw["description"]).partition(" Runbook: docs/runbook.md#")
    assert len(meaning) > 4
    assert meaning.endswith(".")
    headings = re.findall(r"^##+ (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("panel", PANELS)
def test_it_has_a_unit_a_source_and_names_for_its_lines(panel: Panel) -> None:
    assert panel.field["unit"]
    assert panel.raw["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    assert panel.kind == "stat" or all(target["legendFormat"] for target in panel.targets)


@pytest.mark.parametrize("name", NAMES)
def test_its_panels_stand_beside_each_other(name: str) -> None:
    panels = ALL[name].panels
    ids = [panel.raw["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    assert all(panel.grid["x"] + panel.grid["w"] <= 24 for panel in panels)
    assert [(one.title, other.title) for one, other in combinations(panels, 2) if overlap(one, other)] == []


def overlap(one: Panel, other: Panel) -> bool:
    """Whether two panels have a cell in common."""
    return all(
        one.grid[at] < other.grid[at] + other.grid[size] and other.grid[at] < one.grid[at] + one.grid[size]
        for at, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("name", NAMES)
def test_whatever_it_leads_to_is_there(name: str) -> None:
    variables = {str(one.raw["uid"]): {each["name"] for each in one.raw["templating"]["list"]} for one in ALL.values()}
    links = [link for panel in shown(ALL[name]) for link in panel.field.get("links", ())]
    for link in [*ALL[name].raw["links"], *links]:
        found = re.fullmatch(
            r"/d/([\w-]+)(?:\?var-(\w+)=\$\{__field\.labels\.(\w+)\}&\$\{__url_time_range\})?", link["url"]
        )
        assert found, link["url"]
        assert found[1] in variables
        assert found[2] is None or found[2] in variables[found[1]]


def test_overview_leads_to_the_other_two_and_they_lead_back() -> None:
    leads = {name: {link["url"] for link in one.raw["links"]} for name, one in ALL.items()}
    everywhere = {f"/d/proactive-{name}" for name in NAMES}
    assert leads == {name: everywhere - {f"/d/proactive-{name}"} for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_its_variables_are_those_that_it_asks_with(name: str) -> None:
    declared = {one["name"] for one in ALL[name].raw["templating"]["list"]}
    used = {found for expr in expressions(ALL[name]) for found in re.findall(r"\$(\w+)", expr)}
    assert used - {"__rate_interval", "__range"} == declared


def test_what_the_runbook_says_of_dashboards_is_there() -> None:
    page = re.sub(r"\s+", " ", PAGE.read_text())
    titles = {one.raw["title"]: {panel.title for panel in shown(one)} for one in ALL.values()}
    assert set(re.findall(r'dashboard "([^"]+)"', page)) <= titles.keys()
    for panel, dashboard in re.findall(r'panel "([^"]+)" of the dashboard "([^"]+)"', page):
        assert panel in titles[dashboard]


def test_the_page_names_every_metric_of_ours_and_no_other() -> None:
    """A counter stands there with its ending, a histogram without."""
    page = (root_of_checkout() / "docs" / "watching.md").read_text()
    rows = page.partition("| metric (`proactive_…`)")[2].partition("\n\n")[0].splitlines()[2:]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in served() if name.startswith("proactive_")}
    assert {f"proactive_{name}" for name in told} == families
