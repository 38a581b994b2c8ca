"""Settings say everything that is wrong with them, and never what they hold."""

import pytest
from pydantic import Field, SecretStr

from runtime.settings import CommaList, CommonSettings, load

SECRET = "amqp://user:s3cret@broker/"


class Settings(CommonSettings):
    """A service's settings."""

    keys: CommaList
    port: int = 8080
    limits: dict[str, int] = Field(default={})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("LOG_LEVEL", "LOG_FORMAT", "HOST", "OPS_PORT", "KEYS", "PORT", "LIMITS"):
        monkeypatch.delenv(f"PROACTIVE_{name}", raising=False)
    monkeypatch.setenv("AMQP_URL", SECRET)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:s3cret@database/")
    monkeypatch.setenv("PROACTIVE_KEYS", "s3cret-new, s3cret-old,")
    return monkeypatch


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "s3cret" not in said.err
    assert said.err.endswith("README.md lists them all.\n")
    return said.err


def test_settings_come_from_the_environment() -> None:
    settings = load(Settings)
    assert settings.amqp_url.get_secret_value() == SECRET
    assert [key.get_secret_value() for key in settings.keys] == ["s3cret-new", "s3cret-old"]
    assert (settings.host, settings.ops_port, settings.port) == ("127.0.0.1", 0, 8080)
    assert "s3cret" not in repr(settings)


def test_every_problem_is_told_at_once_by_its_variable(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("AMQP_URL")
    environment.delenv("PROACTIVE_KEYS")
    environment.setenv("PROACTIVE_OPS_PORT", "s3cret")
    environment.setenv("PROACTIVE_LOG_LEVEL", "s3cret")
    lines = refusal(capsys).splitlines()
    assert {line.split(":")[0] for line in lines[:-1]} == {
        "AMQP_URL",
        "PROACTIVE_KEYS",
        "PROACTIVE_OPS_PORT",
        "PROACTIVE_LOG_LEVEL",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROACTIVE_KEYS", " , "),
        ("PROACTIVE_OPS_PORT", "65536"),
        ("PROACTIVE_PORT", "s3cret"),
        ("PROACTIVE_LIMITS", '{"s3cret"'),
    ],
)
def test_bad_value_is_told_without_the_value(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environment.setenv(name, value)
    assert name.removeprefix("PROACTIVE_").lower() in refusal(capsys).lower()


def test_empty_variable_counts_as_unset(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("PROACTIVE_OPS_PORT", "")
    assert load(Settings).ops_port == 0
    environment.setenv("AMQP_URL", "")
    assert "AMQP_URL: Field required" in refusal(capsys)


def test_settings_can_be_made_in_tests_by_name() -> None:
    made = Settings(amqp_url=SecretStr("a"), database_url=SecretStr("b"), keys=(SecretStr("c"),))
    assert made.amqp_url.get_secret_value() == "a"
