"""Grafana's dashboards as they stand in deploy/, and what Grafana makes of their questions before it asks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devstack.state import root_of_checkout
from tests.dashboards.watching import Prometheus, Series

FOLDER = root_of_checkout() / "deploy" / "grafana" / "dashboards"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))

_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True)
class Span:
    """Unix times, and seconds from one point to the next; `scraped` is how often Prometheus asks."""

    begin: float
    end: float
    step: float
    scraped: float

    @property
    def texts(self) -> dict[str, str]:
        """The variables that Grafana makes of it."""
        rate = max(self.step + self.scraped, 4 * self.scraped)
        return {"__rate_interval": f"{rate:g}s", "__range": f"{self.end - self.begin:.0f}s"}


@dataclass(frozen=True)
class Panel:
    """One panel: a row's heading, a number, or lines over time."""

    raw: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What stands above it."""
        return str(self.raw["title"])

    @property
    def kind(self) -> str:
        """row, stat or timeseries."""
        return str(self.raw["type"])

    @property
    def grid(self) -> Mapping[str, int]:
        """x, y, w and h, of 24 columns."""
        grid: Mapping[str, int] = self.raw["gridPos"]
        return grid

    @property
    def field(self) -> Mapping[str, Any]:
        """Unit, thresholds and the like."""
        defaults: Mapping[str, Any] = self.raw["fieldConfig"]["defaults"]
        return defaults

    @property
    def targets(self) -> list[Mapping[str, str]]:
        """Its questions: expr and legendFormat."""
        return list(self.raw.get("targets", ()))


@dataclass(frozen=True)
class Line:
    """What an answer is called in the legend, and its values."""

    name: str
    series: Series


@dataclass(frozen=True)
class Dashboard:
    """One file."""

    raw: Mapping[str, Any]

    @property
    def panels(self) -> list[Panel]:
        """All of them, rows too, as they stand from top to bottom."""
        return [Panel(one) for one in self.raw["panels"]]

    def variables(self, prometheus: Prometheus, span: Span, **chosen: str) -> dict[str, str]:
        """What stands for each variable: what is chosen, else all that there is, else the first."""
        found = dict(span.texts)
        for one in self.raw["templating"]["list"]:
            found[one["name"]] = chosen.get(one["name"]) or _offered(one, prometheus, found)
        return found


def read(name: str) -> Dashboard:
    """The one of deploy/ with this name."""
    return Dashboard(json.loads((FOLDER / f"{name}.json").read_text()))


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Grafana's variables, replaced by what stands for them."""
    return re.sub(r"\$(\w+)", lambda found: variables[found[1]], text)


def answers(panel: Panel, prometheus: Prometheus, span: Span, variables: Mapping[str, str]) -> list[Line]:
    """
    What a panel shows.

    Raises:
        DevstackError: Prometheus refused a question.
    """
    begin = span.end if panel.kind == "stat" else span.begin
    return [
        Line(_name(target.get("legendFormat", ""), one), one)
        for target in panel.targets
        for one in prometheus.ask(filled(target["expr"], variables), begin, span.end, span.step)
    ]


def _name(legend: str, series: Series) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series.labels.get(found[1], ""), legend)


def _offered(variable: Mapping[str, Any], prometheus: Prometheus, found: Mapping[str, str]) -> str:
    if "allValue" in variable:
        return str(variable["allValue"])
    asked = _LABEL_VALUES.fullmatch(filled(variable["query"], found))
    assert asked, f"no label_values(metric, label): {variable['query']}"
    values = prometheus.label_values(asked[1], asked[2])
    return f"({'|'.join(values)})" if variable["includeAll"] else values[0]
