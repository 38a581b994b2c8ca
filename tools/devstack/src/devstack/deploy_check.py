"""
Checks deploy/ without an engine or a cluster: `python -m devstack.deploy_check`.

Kubernetes is checked as it is rendered, by `kubectl kustomize`, which needs no cluster; where kubectl is missing, a
line says that it was not.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from devstack.state import root_of_checkout

SECONDS = 120
OLDEST_KUBERNETES = "1.31"
"""Two releases before the oldest that is maintained at the time of writing."""


def main(folder: Path) -> int:
    """Say of each part of a deploy folder what is wrong; the exit code."""
    checks: dict[str, Callable[[Path], list[str]]] = {
        "service.Dockerfile": dockerfile,
        "compose.yaml": compose,
        "kubernetes": kubernetes,
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


def _overlay(overlay: Path) -> list[str]:
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        return [done.stderr.strip()]
    documents = list(yaml.safe_load_all(done.stdout))
    keda = [document for document in documents if document["apiVersion"].startswith("keda.sh/")]
    return [*_core([document for document in documents if document not in keda]), *_keda(keda)]


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


def _said_by(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode == 0:
        return []
    return [(done.stdout + done.stderr).strip() or f"{command[0]} ended with {done.returncode}"]


if __name__ == "__main__":
    sys.exit(main(root_of_checkout() / "deploy"))
