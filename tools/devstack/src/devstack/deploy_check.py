"""
Checks deploy/ without an engine or a cluster: `python -m devstack.deploy_check`.

Kubernetes is checked as it is rendered, by `kubectl kustomize`, which needs no cluster. Where kubectl or one of
prometheus_tools is missing and could not be had, a line says what was not checked.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from devstack.kubernetes_names import misled
from devstack.prometheus_tools import not_checked, tool
from devstack.state import root_of_checkout

SECONDS = 120
OLDEST_KUBERNETES = "1.31"
"""Two releases before the oldest that is maintained at the time of writing."""

VARIABLES = ((r"\$\{?__\w+_m?s\}?", "300"), (r"\$\{?__\w+\}?", "5m"), (r"\$\w+|\$\{[^}]+\}", ".*"))
"""Of Grafana: spans of time as a number, spans of time, and those of the dashboard itself; what could stand there."""


def main(folder: Path) -> int:
    """Say of each part of a deploy folder what is wrong; the exit code."""
    checks: dict[str, Callable[[Path], list[str]]] = {
        "service.Dockerfile": dockerfile,
        "backends.yaml": compose,
        "compose.yaml": compose,
        "kubernetes": kubernetes,
        "prometheus": prometheus,
        "prometheus/alertmanager.yml": alertmanager,
        "grafana/dashboards": dashboards,
        "proxy/nginx.conf": proxy,
        "sandbox/nginx.conf": proxy,
    }
    problems = [
        f"{folder.name}/{name}: {problem}" for name, check in checks.items() for problem in check(folder / name)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def dockerfile(file: Path) -> list[str]:
    """What hadolint finds in a Dockerfile."""
    return _said_by(_tool("hadolint"), "--no-color", str(file))


def compose(file: Path) -> list[str]:
    """Where a compose file breaks the compose specification."""
    return _said_by(_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file))


def kubernetes(folder: Path) -> list[str]:
    """What is wrong with each overlay as it is rendered."""
    if shutil.which("kubectl") is None:
        print("deploy/kubernetes was not checked: kubectl, which renders it, is not installed here.")
        return []
    overlays = sorted(path.parent for path in folder.glob("overlays/*/kustomization.yaml"))
    return [f"{overlay.name}: {problem}" for overlay in overlays for problem in _overlay(overlay)]


def prometheus(folder: Path) -> list[str]:
    """What promtool says of the configuration and the alerts that it names, and which test of the alerts fails."""
    checks = (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    )
    return [
        problem
        for arguments in checks
        for problem in _said_by_tool("promtool", f"deploy/prometheus/{arguments[-1]}", *arguments, folder=folder)
    ]


def alertmanager(file: Path) -> list[str]:
    """What amtool finds in Alertmanager's configuration."""
    return _said_by_tool("amtool", f"deploy/prometheus/{file.name}", "check-config", str(file))


def dashboards(folder: Path) -> list[str]:
    """Which of Grafana's dashboards ask what is no PromQL, or nothing, or a data source that is not there."""
    files = sorted(folder.glob("*.json"))
    if not files:
        return ["there is no dashboard"]
    try:
        read = {file.name: json.loads(file.read_text("utf-8")) for file in files}
    except ValueError as error:
        return [f"one is no JSON: {error}"]
    provisioned = folder.parent.glob("provisioning/datasources/*.yaml")
    sources = set(_values([yaml.safe_load(file.read_text("utf-8")) for file in provisioned], "uid"))
    missing = [
        f"{name} asks the data source {uid}, which is not provisioned"
        for name, part in read.items()
        for uid in sorted(set(_values(list(_values(part, "datasource")), "uid")) - sources)
        if uid[:1] not in "$-"  # a variable, or -- Grafana --
    ]
    return missing + _questions(read)


def _questions(read: Mapping[str, Any]) -> list[str]:
    """They are checked as if they were alerts."""
    groups = [
        {"name": name, "rules": [{"alert": title, "expr": _promql(expr)} for title, expr in _expressions(part, name)]}
        for name, part in read.items()
    ]
    empty = [f"{group['name']} asks for nothing" for group in groups if not group["rules"]]
    with TemporaryDirectory() as scratch:
        rules = Path(scratch) / "expressions.yml"
        rules.write_text(yaml.safe_dump({"groups": groups}))
        return empty + _said_by_tool("promtool", "deploy/grafana/dashboards", "check", "rules", str(rules))


def _promql(expr: str) -> str:
    for variable, value in VARIABLES:
        expr = re.sub(variable, value, expr)
    return expr


def _expressions(part: Any, title: str) -> Iterator[tuple[str, str]]:
    """Each with the title of what it is in."""
    if isinstance(part, dict):
        title = part.get("title") or title
        if "expr" in part:
            yield title, part["expr"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _expressions(inner, title)


def _values(part: Any, key: str) -> Iterator[Any]:
    """Whatever stands under a key, at any depth."""
    if isinstance(part, dict):
        if key in part:
            yield part[key]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _values(inner, key)


def proxy(file: Path) -> list[str]:
    """What nginx says of the proxy's configuration."""
    with TemporaryDirectory() as scratch:
        arguments = ("-t", "-q", "-e", "stderr", "-p", scratch, "-c", str(file.resolve()))
        return _said_by_tool("nginx", f"deploy/proxy/{file.name}", *arguments)


def _overlay(overlay: Path) -> list[str]:
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        return [done.stderr.strip()]
    documents = list(yaml.safe_load_all(done.stdout))
    keda = [document for document in documents if document["apiVersion"].startswith("keda.sh/")]
    core = [document for document in documents if document not in keda]
    return [*_core(core), *_keda(keda), *misled(documents)]


def _core(documents: Iterable[Any]) -> list[str]:
    """Against Kubernetes' own schemas, in which an unknown key is a mistake."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rendered.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        return _said_by(_tool("kubernetes-validate"), "--strict", "--quiet", "-k", OLDEST_KUBERNETES, str(file))


def _keda(documents: Iterable[Any]) -> list[str]:
    schema = json.loads((resources.files("devstack") / "keda.schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema)
    return [
        f"{document['kind']} {document['metadata']['name']}: {error.json_path}: {error.message}"
        for document in documents
        for error in validator.iter_errors(document)
    ]


def _tool(name: str) -> str:
    """One of requirements-dev.in's, beside this Python."""
    return str(Path(sys.executable).with_name(name))


def _said_by_tool(name: str, what: str, *arguments: str, folder: Path | None = None) -> list[str]:
    program = tool(name)
    if program is None:
        print(not_checked(what, name))
        return []
    return _said_by(str(program), *arguments, folder=folder)


def _said_by(*command: str, folder: Path | None = None) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode == 0:
        return []
    return [(done.stdout + done.stderr).strip() or f"{command[0]} ended with {done.returncode}"]


if __name__ == "__main__":
    sys.exit(main(root_of_checkout() / "deploy"))
