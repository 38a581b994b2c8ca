"""How the command line answers when something is missing or written wrongly."""

import pytest

from tests.unit.proactivectl.command import Command

SEND = ("send", "--workspace", "w", "--to", "+4915112345678", "--text", "hi")


def test_version_is_printed(run: Command) -> None:
    assert run("--version").out.startswith("proactivectl 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("topology",),
        ("channel", "disable", "no-uuid"),
        ("apply",),
        ("send", "--to", "+4915112345678"),
        SEND,
        (*SEND, "--channel", "sms", "--channel-id", "0b5ad1a0-0000-4000-8000-000000000001"),
        ("listener", "add", "Not.A.Name"),
    ],
)
def test_wrong_usage_ends_with_2(run: Command, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, code=2).out == "" or arguments == ("topology",)


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (("migrate",), "DATABASE_URL"),
        (("workspace", "list"), "DATABASE_URL"),
        (("topology", "apply"), "AMQP_URL"),
        (("topology", "diff"), "AMQP_URL"),
        (("listener", "list"), "AMQP_URL"),
        (("workspace", "add", "w", "--name", "W", "--token", "env:HOME"), "PROACTIVE_WORKSPACE_KEYS"),
        ((*SEND, "--channel", "sms"), "PROACTIVE_TRACKER_URL"),
        ((*SEND, "--channel", "sms", "--wait", "0"), "AMQP_URL"),
    ],
)
def test_missing_variable_is_named_on_one_line(run: Command, arguments: tuple[str, ...], variable: str) -> None:
    ended = run(*arguments, code=2)

    assert ended.err.startswith(f"error: the environment variable {variable} is not set. ")
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_failure_with_json_is_one_document(run: Command) -> None:
    ended = run("migrate", "--json", code=2)

    assert "DATABASE_URL" in ended.document["error"]["what"]
    assert ended.err.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense", "--json"),
        ("channel", "disable", "no-uuid", "--json"),
        ("channel", "list", "--nonsense", "--json"),
        ("send", "--json"),
        ("--json",),
        ("parked", "replay", "--json", "--per-second", "0"),
    ],
)
def test_wrong_usage_with_json_is_one_document(run: Command, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, code=2)

    assert set(ended.document["error"]) == {"what", "advice", "details"}
    assert ended.err.startswith("error: ")


def test_help_is_the_same_with_json(run: Command) -> None:
    assert "Usage:" in run("channel", "list", "--help", "--json").out


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("postgresql://user:hidden@127.0.0.1:1/proactive", 1, "127.0.0.1:1/proactive does not answer"),
        ("hidden", 2, "DATABASE_URL is no address"),
    ],
)
def test_database_that_is_not_there_is_named_without_its_password(
    run: Command, monkeypatch: pytest.MonkeyPatch, url: str, code: int, told: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    ended = run("channel", "list", code=code)

    assert told in ended.err
    assert "hidden" not in ended.err


def test_keys_of_another_form_are_refused(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROACTIVE_WORKSPACE_KEYS", "hidden")
    monkeypatch.setenv("SOME_TOKEN", "s3cret")

    ended = run("workspace", "add", "w", "--name", "W", "--token", "env:SOME_TOKEN", code=2)

    assert "PROACTIVE_WORKSPACE_KEYS: key 1 of 1 is no Fernet key" in ended.err
    assert "hidden" not in ended.err


def test_literal_secret_is_refused_with_advice(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run("workspace", "add", "w", "--name", "W", "--token", "s3cret", code=2)

    assert "env:NAME or file:PATH" in ended.err
    assert "s3cret" not in ended.err


def test_unknown_trouble_is_one_line(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("proactivectl.setup.amqp_url", broken)

    assert "ZeroDivisionError: by zero" in run("topology", "apply", code=1).err


def test_every_command_explains_itself_and_offers_json(run: Command) -> None:
    for command in (
        ("migrate",),
        ("topology", "apply"),
        ("topology", "diff"),
        ("workspace", "add"),
        ("workspace", "list"),
        ("channel", "connect"),
        ("channel", "disable"),
        ("channel", "enable"),
        ("channel", "list"),
        ("listener", "add"),
        ("listener", "list"),
        ("listener", "remove"),
        ("apply",),
        ("send",),
    ):
        assert "--json" in run(*command, "--help").out
