"""deploy/prometheus/alerts.yml against the metrics, its own tests and the runbook."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from devstack.state import root_of_checkout
from tests.support.metrics import not_served
from tests.support.runbook import PAGE, Procedure, alerts, procedures

FOLDER = root_of_checkout() / "deploy" / "prometheus"
GROUPS = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
TESTS = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
ENTRIES = alerts(PAGE.read_text())


def lines(entries: Mapping[str, Procedure]) -> set[str]:
    return {line for one in entries.values() for block in one.commands for line in block.splitlines()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_it_asks_for_what_somebody_serves(rule: Any) -> None:
    assert not not_served(rule["expr"])


def test_a_metric_that_nobody_serves_is_found() -> None:
    assert not_served("rate(proactive_gateway_requests_totl[5m])") == {"proactive_gateway_requests_totl"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_each_severity_of_an_alert_is_seen_to_fire_and_not_to_fire(rule: Any) -> None:
    played = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    severities = [{alert["exp_labels"]["severity"] for alert in case["exp_alerts"]} for case in played]
    assert any(rule["labels"]["severity"] in fired for fired in severities)
    assert any(rule["labels"]["severity"] not in fired for fired in severities)


def test_each_alert_has_an_entry_in_the_runbook_and_leads_to_it() -> None:
    assert list(ENTRIES) == list(dict.fromkeys(rule["alert"] for rule in ALERTS))
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_each_entry_says_what_it_means_what_to_look_at_and_where_to_go_on() -> None:
    for text in PAGE.read_text().partition("\n## Procedures\n")[0].split("\n### ")[1:]:
        for part in ("**It means**", "**Look at**", "**Go on with**", "```sh"):
            assert part in text, f"{text.splitlines()[0]}: {part}"


def test_what_the_entries_type_is_typed_in_a_procedure_which_is_played() -> None:
    known = {line.removesuffix(" || true") for line in lines(procedures(PAGE.read_text()))}
    assert lines(ENTRIES) <= known


def test_every_link_within_the_runbook_leads_somewhere() -> None:
    page = PAGE.read_text()
    headings = re.findall(r"^##+ (.+)$", page, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


def test_services_are_told_apart_as_the_alert_on_them_asks() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    (rule,) = jobs["proactive"]["relabel_configs"]
    (targets,) = jobs["proactive"]["static_configs"]
    named = {re.fullmatch(rule["regex"], target)[1] for target in targets["targets"]}  # type: ignore[index]
    composed = yaml.safe_load((FOLDER.parent / "compose.yaml").read_text())["services"]
    assert rule["target_label"] == "service"
    runs = {name for name, one in composed.items() if one["image"].startswith("proactive/") and one["restart"] != "no"}
    assert named == runs - {"sandbox"}
