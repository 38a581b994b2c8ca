"""What is wrong in deploy/ is found, by one planted mistake for each tool."""

import shutil
from pathlib import Path

import pytest

from devstack import deploy_check
from devstack.state import root_of_checkout

DEPLOY = root_of_checkout() / "deploy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEPLOY, tmp_path / "deploy"))


def plant(file: Path, good: str, bad: str) -> None:
    text = file.read_text()
    assert good in text
    file.write_text(text.replace(good, bad, 1))


def test_what_is_there_is_right(folder: Path) -> None:
    assert deploy_check.main(folder) == 0


def test_a_dockerfile_that_takes_whatever_is_newest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "service.Dockerfile", "FROM python:${PYTHON}-slim-bookworm\n", "FROM python:latest\n")
    assert deploy_check.main(folder) == 1
    assert "DL3007" in capsys.readouterr().err


def test_an_unknown_key_in_compose(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(folder / "compose.yaml", "    image:", "    imagine:")
    assert deploy_check.main(folder) == 1
    assert "imagine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "good", "bad"),
    [
        ("base/canvas-gateway.yaml", "terminationGracePeriodSeconds", "terminationGraceSeconds"),
        ("base/canvas-gateway.yaml", "averageUtilization: 70", "averageUtilization: lots"),
        ("hardened/kustomization.yaml", "runAsNonRoot", "runAsNoRoot"),
        ("channel/scaling.yaml", "maxReplicaCount", "maxReplicas"),
        ("channel/scaling.yaml", "queueName", "queue"),
        ("channel/scaling.yaml", "mode: QueueLength", "mode: Length"),
        ("overlays/small/kustomization.yaml", "../../base", "../../bass"),
    ],
)
def test_a_mistake_in_kubernetes(
    folder: Path, file: str, good: str, bad: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(folder / "kubernetes" / file, good, bad)
    found, said = deploy_check.main(folder), capsys.readouterr()
    if shutil.which("kubectl"):
        assert found == 1
        assert "deploy/kubernetes: " in said.err
    else:
        assert "deploy/kubernetes was not checked: kubectl" in said.out
