"""What is wrong in deploy/ is found, by planted mistakes; `make check` says that what is there is right."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import deploy_check
from devstack.prometheus_tools import tool
from devstack.state import root_of_checkout

DEPLOY = root_of_checkout() / "deploy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEPLOY, tmp_path / "deploy"))


def plant(file: Path, good: str, bad: str) -> None:
    text = file.read_text()
    assert good in text
    file.write_text(text.replace(good, bad, 1))


def test_a_dockerfile_that_takes_whatever_is_newest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "service.Dockerfile", "FROM python:${PYTHON}-slim-bookworm\n", "FROM python:latest\n")
    assert deploy_check.main(folder) == 1
    said = capsys.readouterr().err
    assert said.startswith("deploy/service.Dockerfile: ")
    assert "DL3007" in said


def test_an_unknown_key_in_compose(folder: Path) -> None:
    plant(folder / "compose.yaml", "    image:", "    imagine:")
    assert "imagine" in "".join(deploy_check.compose(folder / "compose.yaml"))


@pytest.mark.parametrize(
    ("file", "good", "bad", "about"),
    [
        ("base/canvas-gateway.yaml", "terminationGracePeriodSeconds", "terminationGraceSeconds", "terminationGrace"),
        ("base/canvas-gateway.yaml", "averageUtilization: 70", "averageUtilization: lots", "averageUtilization"),
        ("hardened/kustomization.yaml", "runAsNonRoot", "runAsNoRoot", "runAsNoRoot"),
        ("channel/scaling.yaml", "maxReplicaCount", "maxReplicas", "maxReplicas"),
        ("channel/scaling.yaml", "queueName", "queue", "'queue' was unexpected"),
        ("channel/scaling.yaml", "mode: QueueLength", "mode: Length", "mode"),
        ("overlays/small/kustomization.yaml", "../../base", "../../bass", "bass"),
        ("base/network.yaml", "{app: setup}", "{app: set-up}", "NetworkPolicy setup-to-management: no pod has"),
        ("base/network.yaml", "port: ops", "port: opps", "no pod that it picks has a port opps"),
        ("base/canvas-gateway.yaml", "targetPort: http", "targetPort: web", "Service canvas-gateway: no pod that it"),
        ("base/canvas-gateway.yaml", "/readyz, port: ops", "/readyz, port: opps", "a probe asks port opps"),
        ("base/canvas-gateway.yaml", "Deployment, name: canvas-gateway", "Deployment, name: gateway", "no Deployment"),
        (
            "channel/scaling.yaml",
            "authenticationRef: {name: broker}",
            "authenticationRef: {name: b}",
            "no TriggerAuthentication b",
        ),
        ("overlays/production/ingress.yaml", "service: {name: canvas-gateway", "service: {name: gateway", "no Service"),
        ("overlays/production/ingress.yaml", "port: {name: http}", "port: {name: web}", "has no port web"),
    ],
)
def test_a_mistake_in_kubernetes(
    folder: Path, file: str, good: str, bad: str, about: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(folder / "kubernetes" / file, good, bad)
    found = "".join(deploy_check.kubernetes(folder / "kubernetes"))
    if shutil.which("kubectl"):
        assert about in found
    else:
        assert "deploy/kubernetes was not checked: kubectl" in capsys.readouterr().out


SILENT = """
rule_files: [alerts.yml]
tests:
  - input_series: [{series: up, values: 1x10}]
    alert_rule_test: [{alertname: Down, eval_time: 5m, exp_alerts: [{exp_labels: {}}]}]
"""


def alerts(folder: Path, expr: str, test: str = "{}") -> None:
    """An alert on `expr` in place of ours."""
    rule = {"alert": "Down", "expr": expr}
    (folder / "prometheus" / "alerts.yml").write_text(json.dumps({"groups": [{"name": "ours", "rules": [rule]}]}))
    (folder / "prometheus" / "alerts_test.yml").write_text(test)


def complains(
    check: Callable[[Path], list[str]], part: Path, about: str, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check finds it; where the program could not be had, it says so."""
    found = "".join(check(part))
    if tool(program):
        assert about in found
    else:
        assert f"{program} is not here" in capsys.readouterr().out


def test_an_unknown_key_in_the_scraping(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alerts(folder, "up == 0")
    plant(folder / "prometheus" / "prometheus.yml", "scrape_interval", "scrape_intervall")
    complains(deploy_check.prometheus, folder / "prometheus", "scrape_intervall", "promtool", capsys)


def test_an_alert_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alerts(folder, "rate(up")
    complains(deploy_check.prometheus, folder / "prometheus", "unclosed left parenthesis", "promtool", capsys)


def test_an_alert_that_does_not_do_what_its_test_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alerts(folder, "up == 0", SILENT)
    complains(deploy_check.prometheus, folder / "prometheus", "FAILED", "promtool", capsys)


def test_a_receiver_that_is_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "prometheus" / "alertmanager.yml", "receiver: on-call", "receiver: nobody")
    complains(deploy_check.alertmanager, folder / "prometheus" / "alertmanager.yml", "nobody", "amtool", capsys)


@pytest.mark.parametrize(
    ("expr", "about"),
    [
        ('sum(rate(sent_total{channel=~"$channel"}[$__rate_interval])', "unclosed left parenthesis"),
        ('sum by (le) (sent{channel=~"${channel:regex}"}[$__range])', "expected type instant vector"),
    ],
)
def test_a_panel_that_asks_what_is_no_promql(
    folder: Path, expr: str, about: str, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = {"title": "Sent", "targets": [{"expr": expr}]}
    dashboards = folder / "grafana" / "dashboards"
    dashboards.mkdir(parents=True, exist_ok=True)
    (dashboards / "planted.json").write_text(json.dumps({"title": "Ours", "panels": [{"panels": [panel]}]}))
    complains(deploy_check.dashboards, dashboards, about, "promtool", capsys)


def test_dashboards_that_are_not_there(folder: Path) -> None:
    shutil.rmtree(folder / "grafana" / "dashboards")
    assert deploy_check.dashboards(folder / "grafana" / "dashboards") == ["there is no dashboard"]


def test_a_dashboard_with_grafanas_variables_is_right(folder: Path) -> None:
    right = [
        'sum(rate(sent_total{channel=~"$channel"}[$__rate_interval])) / $__interval_ms',
        'increase(sent_total{channel=~"${channel:regex}"}[${__range}])',
    ]
    (folder / "grafana" / "dashboards").mkdir(parents=True, exist_ok=True)
    (folder / "grafana" / "dashboards" / "right.json").write_text(json.dumps([{"expr": expr} for expr in right]))
    assert deploy_check.dashboards(folder / "grafana" / "dashboards") == []


def test_a_dashboard_that_asks_nobody(folder: Path) -> None:
    dashboards = folder / "grafana" / "dashboards"
    dashboards.mkdir(parents=True, exist_ok=True)
    for uid in ("prometheus", "${source}", "-- Grafana --", "loki"):
        panel = {"datasource": {"type": "prometheus", "uid": uid}, "targets": [{"expr": "up"}]}
        (dashboards / f"{uid[-4:]}.json").write_text(json.dumps({"panels": [panel]}))
    assert deploy_check.dashboards(dashboards) == ["loki.json asks the data source loki, which is not provisioned"]


def test_a_dashboard_that_is_no_json(folder: Path) -> None:
    (folder / "grafana" / "dashboards").mkdir(parents=True, exist_ok=True)
    (folder / "grafana" / "dashboards" / "cut.json").write_text('{"title": ')
    assert "one is no JSON" in deploy_check.dashboards(folder / "grafana" / "dashboards")[0]


def test_a_dashboard_that_asks_nothing(folder: Path) -> None:
    (folder / "grafana" / "dashboards").mkdir(parents=True, exist_ok=True)
    (folder / "grafana" / "dashboards" / "empty.json").write_text('{"title": "Empty", "panels": []}')
    assert "empty.json asks for nothing" in deploy_check.dashboards(folder / "grafana" / "dashboards")


def test_a_proxy_that_cannot_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "proxy" / "nginx.conf", "client_max_body_size 2m;", "client_max_body_size lots;")
    complains(deploy_check.proxy, folder / "proxy" / "nginx.conf", "client_max_body_size", "nginx", capsys)
