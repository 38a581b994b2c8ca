"""The command line without any environment."""

import pytest

from tests.unit.proactivectl.command import Command


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name in ("AMQP_URL", "DATABASE_URL", "PROACTIVE_WORKSPACE_KEYS", "PROACTIVE_CHANNEL_KEYS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PROACTIVE_TRACKER_URL", "PROACTIVE_TRACKER_TOKEN", "PROACTIVE_MANAGEMENT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PROACTIVE_DISPATCHER_URL", "PROACTIVE_TRACKER_OPERATORS_URL", "PROACTIVE_WEBHOOKS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Command(monkeypatch, capsys)
