"""The three channels of a stack: their file is one that proactivectl takes, and every secret in it is there."""

from pathlib import Path

import pytest
import yaml

from devstack.channels import CHANNELS, SMS, VIBER, WHATSAPP, channels_file
from devstack.services import SERVICES, environment_of, proactivectl
from devstack.state import State
from devstack.surroundings import Surroundings
from proactivectl.declared import Declared
from proactivectl.files import load


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    """A stack that was never started."""
    names = [port for service in SERVICES for port in service.ports.values()]
    return Surroundings(
        amqp_url="amqp://127.0.0.1:1/",
        database_url="postgresql://127.0.0.1:1/x",
        ports={name: number for number, name in enumerate(names, start=20_000)},
        secrets=State(tmp_path).secrets(),
        sandbox_file=str(tmp_path / "sandbox.json"),
    )


def test_proactivectl_takes_the_file_with_names_and_numbers_as_senders(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in proactivectl(around).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "channels.yaml"
    file.write_text(channels_file(around))
    declared, secrets = load(file, Declared)
    channels = {channel.channel.value: channel for channel in declared.workspaces[0].channels}
    assert {kind: (one.provider, one.sender) for kind, one in channels.items()} == {
        "sms": ("twilio", "+4915700000001"),
        "whatsapp": ("meta", "+4915700000002"),
        "viber": ("infobip", "Proactive"),
    }
    assert [str(channel.id) for channel in channels.values()] == [channel.id for channel in CHANNELS]
    assert secrets[channels["viber"].credentials["api_key"]] == around.secrets.infobip_api_key


def test_file_holds_no_secret(around: Surroundings) -> None:
    file = channels_file(around)
    secrets = {"meta_app_secret", "meta_access_token", "infobip_api_key", "infobip_webhook_secret", "twilio_auth_token"}
    assert not [name for name in secrets if getattr(around.secrets, name) in file]
    assert "app_secret" in yaml.safe_load(file)["workspaces"][0]["channels"][1]["credentials"]


def test_every_channel_has_a_worker_with_a_port_of_its_own() -> None:
    workers = {service.name: service for service in SERVICES if service.name in {one.worker for one in CHANNELS}}
    assert len(workers) == 3
    assert workers["dispatcher-viber"].arguments[-2:] == ("--channel", "viber")
    assert len({service.ready for service in workers.values()}) == 3


def test_sandbox_knows_where_each_provider_calls_back(around: Surroundings) -> None:
    sandbox = next(service for service in SERVICES if service.name == "sandbox")
    environment = environment_of(sandbox, around)
    webhooks = around.url("webhooks", "/webhooks")
    assert environment["SANDBOX_TWILIO_INBOUND_URL"] == f"{webhooks}/twilio/{SMS.id}"
    assert environment["SANDBOX_META_WEBHOOK_URL"] == f"{webhooks}/meta/{WHATSAPP.id}"
    secret = around.secrets.infobip_webhook_secret
    assert environment["SANDBOX_INFOBIP_INBOUND_URL"] == f"{webhooks}/infobip/{VIBER.id}?secret={secret}"
    assert environment["SANDBOX_OAUTH_CALLBACK_URL"] == around.url("canvas_gateway", "/intercom/callback")
