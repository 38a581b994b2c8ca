"""What the gateway is told by its environment."""

import pytest

from canvas_gateway.settings import GatewaySettings
from runtime.settings import load

GIVEN = {
    "AMQP_URL": "amqp://127.0.0.1/",
    "DATABASE_URL": "postgresql://127.0.0.1/x",
    "PROACTIVE_INTERCOM_CLIENT_SECRETS": "new, old",
    "PROACTIVE_STATE_KEYS": "k" * 32,
    "PROACTIVE_WORKSPACE_KEYS": "w",
    "PROACTIVE_TRACKER_URL": "http://127.0.0.1:8081/",
    "PROACTIVE_TRACKER_TOKEN": "t",
    "PROACTIVE_DISPATCHER_URL": "http://127.0.0.1:8082/",
    "PROACTIVE_DISPATCHER_TOKEN": "o",
}


def _set(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**GIVEN, **changes}.items():
        monkeypatch.setenv(name, value)


def test_several_secrets_are_read_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch)
    told = load(GatewaySettings)
    assert [secret.get_secret_value() for secret in told.intercom_client_secrets] == ["new", "old"]
    assert told.tracker_url == "http://127.0.0.1:8081"
    assert told.dispatcher_url == "http://127.0.0.1:8082"
    assert told.result_wait_seconds == 4
    assert told.not_after_seconds == 900
    assert told.intercom_client_id is None
    assert told.intercom_oauth_url == "https://app.intercom.com/oauth"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROACTIVE_STATE_KEYS", "short"),
        ("PROACTIVE_STATE_KEYS", ""),
        ("PROACTIVE_INTERCOM_CLIENT_SECRETS", " , "),
        ("PROACTIVE_TRACKER_URL", "127.0.0.1:8081"),
        ("PROACTIVE_DISPATCHER_URL", "127.0.0.1:8082"),
        ("PROACTIVE_RESULT_WAIT_SECONDS", "9"),
        ("PROACTIVE_INTERCOM_OAUTH_URL", "javascript:alert(1)"),
    ],
)
def test_wrong_value_is_named_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    _set(monkeypatch, **{variable: value})
    with pytest.raises(SystemExit):
        load(GatewaySettings)
    assert variable in capsys.readouterr().err
