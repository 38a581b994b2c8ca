"""compose.yaml without an engine: what is given to each container is what its program wants, and who can reach it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
import yaml

from canvas_gateway.settings import GatewaySettings
from devstack.channels import CHANNELS
from devstack.state import root_of_checkout
from directory import Vault
from dispatcher.settings import WebhooksSettings, WorkerSettings
from proactivectl.accounts import Accounts
from proactivectl.declared import Declared
from proactivectl.files import load
from runtime.settings import CommonSettings
from runtime.settings import load as read
from sandbox.settings import read_settings
from status_tracker.settings import Settings as TrackerSettings

DEPLOY = root_of_checkout() / "deploy"
SERVICES: Mapping[str, type[CommonSettings]] = {
    "canvas-gateway": GatewaySettings,
    "dispatcher-webhooks": WebhooksSettings,
    **{channel.worker: WorkerSettings for channel in CHANNELS},
    "status-tracker": TrackerSettings,
}
BY_A_PERSON = {
    "PROACTIVE_INTERCOM_CLIENT_ID": "client",
    "PROACTIVE_INTERCOM_CLIENT_SECRETS": "secret",
    "PROACTIVE_WEBHOOKS_URL": "https://proactive.example.com",
}


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy with a fresh .env."""
    folder = Path(shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns(".env")))
    subprocess.run(["sh", folder / "new-env.sh"], check=True, capture_output=True)
    return folder


@pytest.fixture
def composed(deploy: Path) -> Any:
    """The file as compose reads it, once a person has filled in what is empty."""
    return interpolated(deploy, BY_A_PERSON)


def interpolated(deploy: Path, by_a_person: Mapping[str, str]) -> Any:
    lines = (deploy / ".env").read_text().splitlines()
    made = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    settings = {**made, **by_a_person}

    def value(found: re.Match[str]) -> str:
        name, otherwise = found[1], found[2]
        if otherwise == "?" and not settings.get(name):
            raise LookupError(name)
        return settings.get(name) or (otherwise or "").removeprefix("-")

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [filled(inner) for inner in part]
        return re.sub(r"\$\{(\w+)(?::(\?|-[^}]*))?\}", value, part) if isinstance(part, str) else part

    return filled(yaml.safe_load((deploy / "compose.yaml").read_text()))


def known(settings: type[CommonSettings]) -> set[str]:
    """The variables that it reads."""
    return {str(field.validation_alias or f"PROACTIVE_{name.upper()}") for name, field in settings.model_fields.items()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_what_it_needs_and_nothing_that_it_does_not_know(composed: Any, name: str) -> None:
    environment = composed["services"][name]["environment"]
    assert set(environment) <= known(SERVICES[name])
    with mock.patch.dict(os.environ, environment, clear=True):
        settings = read(SERVICES[name])
    for keys in ("workspace_keys", "channel_keys"):
        if hasattr(settings, keys):
            Vault(getattr(settings, keys))


@pytest.mark.parametrize("blank", sorted(BY_A_PERSON.keys() - {"PROACTIVE_INTERCOM_CLIENT_ID"}))
def test_what_only_a_person_knows_is_asked_for(deploy: Path, blank: str) -> None:
    with pytest.raises(LookupError, match=blank):
        interpolated(deploy, {**BY_A_PERSON, blank: ""})


def test_each_service_has_the_account_that_the_jobs_make_for_it(deploy: Path, composed: Any) -> None:
    with mock.patch.dict(os.environ, composed["services"]["migrate"]["environment"], clear=True):
        wanted, secrets = load(deploy / "accounts.yaml", Accounts)
    passwords = {account.name: secrets[account.password] for account in wanted.accounts}
    users = {**{name: name for name in SERVICES}, "proactivectl": "operator", "sandbox-channels": "operator"}
    for service, account in users.items():
        for variable in ("AMQP_URL", "DATABASE_URL"):
            url = urlsplit(composed["services"][service]["environment"][variable])
            assert (url.username, url.password) == (account, passwords[account]), (service, variable)
            assert url.hostname in composed["services"]
    watching = urlsplit(composed["services"]["proactivectl"]["environment"]["PROACTIVE_MANAGEMENT_URL"])
    assert (watching.hostname, watching.port, watching.password) == ("rabbitmq", 15672, passwords[watching.username])
    assert [account.role for account in wanted.accounts if account.name == watching.username] == ["monitor"]
    assert {account.name: account.channel for account in wanted.accounts if account.channel} == {
        channel.worker: channel.kind for channel in CHANNELS
    }


@pytest.mark.parametrize("name", ["canvas-gateway", "status-tracker", "proactivectl"])
def test_it_finds_the_others_and_has_their_tokens(composed: Any, name: str) -> None:
    doors = {
        "PROACTIVE_TRACKER": ("PROACTIVE_PORT", "PROACTIVE_SERVICE_TOKENS"),
        "PROACTIVE_TRACKER_OPERATORS": ("PROACTIVE_OPERATORS_PORT", "PROACTIVE_OPERATORS_TOKENS"),
        "PROACTIVE_DISPATCHER": ("PROACTIVE_OPERATORS_PORT", "PROACTIVE_SERVICE_TOKENS"),
    }
    if name == "proactivectl":
        doors["PROACTIVE_DISPATCHER"] = ("PROACTIVE_OPERATORS_PORT", "PROACTIVE_OPERATORS_TOKENS")
    environment = composed["services"][name]["environment"]
    used = [door for door in doors if f"{door}_URL" in environment]
    assert used
    for door in used:
        url = urlsplit(environment[f"{door}_URL"])
        there = composed["services"][str(url.hostname)]["environment"]
        port, tokens = doors[door]
        assert (str(url.port), environment[f"{door}_TOKEN"]) == (there[port], there[tokens]), door


def test_settings_that_were_made_are_never_overwritten(deploy: Path) -> None:
    before = (deploy / ".env").read_text()
    done = subprocess.run(["sh", deploy / "new-env.sh"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (deploy / ".env").read_text() == before
    assert (deploy / ".env").stat().st_mode & 0o077 == 0


def test_profiles_are_off_and_only_the_proxy_has_a_door(composed: Any) -> None:
    running = {name: service for name, service in composed["services"].items() if "profiles" not in service}
    backends = {"rabbitmq", "postgres", "migrate", "topology"}
    assert set(running) == {*SERVICES, *backends, "proxy"}
    assert [name for name, service in running.items() if "ports" in service] == ["proxy"]
    doors = [door for service in composed["services"].values() for door in service.get("ports", [])]
    assert all(door.startswith("127.0.0.1:") for door in doors)


def test_no_container_has_rights_or_writes_its_file_system(composed: Any) -> None:
    for name, service in composed["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["image"].startswith("proactive/") or not service["user"].startswith("0"), name


def test_whatever_is_scraped_is_there(composed: Any) -> None:
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    targets = [target for job in configuration["scrape_configs"] for target in job["static_configs"][0]["targets"]]
    assert set(targets) == {*(f"{name}:9000" for name in SERVICES), "rabbitmq:15692"}
    assert "PROACTIVE_OPS_PORT=9000" in (DEPLOY / "service.Dockerfile").read_text()


def test_grafana_finds_prometheus_and_its_dashboards(composed: Any) -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "proactive.yaml").read_text())["providers"]
    assert urlsplit(source["url"]).hostname in composed["services"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in composed["services"]["grafana"]["volumes"]


def test_the_sandbox_and_its_channels_are_those_of_make_run(deploy: Path, composed: Any) -> None:
    sandbox, applying = (composed["services"][name]["environment"] for name in ("sandbox", "sandbox-channels"))
    with mock.patch.dict(os.environ, applying, clear=True):
        load(deploy / "sandbox" / "channels.yaml", Declared)
    settings = read_settings(sandbox)
    assert settings.host == "0.0.0.0"
    [workspace] = yaml.safe_load((deploy / "sandbox" / "channels.yaml").read_text())["workspaces"]
    assert workspace["id"] == settings.workspace_id
    assert workspace["channels"] == [
        channel.declared(f"http://127.0.0.1:{settings.port}/{channel.provider}") for channel in CHANNELS
    ]
    assert {f"sandbox-at-{channel.kind}": f"service:{channel.worker}" for channel in CHANNELS} == {
        name: service["network_mode"] for name, service in composed["services"].items() if "network_mode" in service
    }
