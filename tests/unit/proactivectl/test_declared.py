"""The file of `apply`: what it may say, and how a mistake in it is told."""

from pathlib import Path
from textwrap import dedent

import pytest

from proactivectl import files
from proactivectl.declared import Declared
from proactivectl.failures import WrongUsage

GOOD = """
    workspaces:
      - id: sandbox1
        name: Sandbox
        token: {env: SOME_TOKEN}
        channels:
          - name: Support line
            channel: sms
            provider: twilio
            sender: "+49 1570 0000001"
            settings: {base_url: "http://127.0.0.1:1"}
            credentials: {auth_token: {file: auth_token}, account_sid: {env: SOME_TOKEN}}
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_TOKEN", "s3cret")
    (tmp_path / "auth_token").write_text("s3cret too\n")


def load(folder: Path, content: str) -> Declared:
    path = folder / "channels.yaml"
    path.write_text(dedent(content))
    return files.load(path, Declared)[0]


def problems(folder: Path, content: str) -> tuple[str, ...]:
    with pytest.raises(WrongUsage) as raised:
        load(folder, content)
    assert "s3cret" not in "".join(raised.value.details)
    return raised.value.details


def test_file_is_read_with_its_defaults_and_secrets(tmp_path: Path) -> None:
    (tmp_path / "channels.yaml").write_text(dedent(GOOD))

    wanted, secrets = files.load(tmp_path / "channels.yaml", Declared)

    workspace = wanted.workspaces[0]
    assert (workspace.region, workspace.time_zone, workspace.open_new_read) == ("us", "UTC", True)
    assert (workspace.keep_text_days, workspace.keep_rest_months) == (30, 13)
    assert secrets[workspace.token] == "s3cret"
    channel = workspace.channels[0]
    assert (channel.sender, channel.id, channel.enabled) == ("+4915700000001", None, None)
    assert secrets[channel.credentials["auth_token"]] == "s3cret too"


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("name: Sandbox", "nmae: Sandbox", "workspaces[0].nmae: unknown key; known here: channels,"),
        ("channel: sms", "chanel: sms", "workspaces[0].channels[0].chanel: unknown key; known here: channel,"),
        ("{env: SOME_TOKEN}", "{envv: A}", "workspaces[0].token.envv: unknown key; known here: env, file"),
        ("{env: SOME_TOKEN}", "s3cret", "workspaces[0].token: a secret is never written here"),
        (
            "{file: auth_token}",
            "s3cret",
            "workspaces[0].channels[0].credentials.auth_token: a secret is never written here",
        ),
        ("{env: SOME_TOKEN}", "{env: NOPE}", "workspaces[0].token: the environment variable NOPE is not set"),
        ("id: sandbox1", "id: 1234", "workspaces[0].id: has to be a text; put it in quotes"),
        ("id: sandbox1", "id: sand.box", "workspaces[0].id: has to match"),
        ("channel: sms", "channel: fax", "workspaces[0].channels[0].channel: has to be 'sms'"),
        ('"+49 1570 0000001"', '"01570 0000001"', "workspaces[0].channels[0].sender: '01570 0000001' is no"),
        ("name: Sandbox", "name: S\n        region: mars", "workspaces[0].region: has to be 'us', 'eu' or 'au'"),
        ("name: Sandbox", "name: S\n        time_zone: Europe/X", "workspaces[0].time_zone: no such time zone"),
        ("provider: twilio", "", "workspaces[0].channels[0].provider: is missing"),
        ("provider: twilio", "provider: foo", "workspaces[0].channels[0]: there is no provider 'foo'; there are"),
        ("channel: sms", "channel: whatsapp", "workspaces[0].channels[0]: twilio does not carry whatsapp; it carries"),
        ("auth_token: {f", "auth_tokn: {f", "workspaces[0].channels[0]: the credential auth_token is missing"),
        (
            "channel: sms\n            provider: twilio",
            "channel: whatsapp\n            provider: meta",
            "workspaces[0].channels[0]: the setting phone_number_id is missing; the credential access_token is missing",
        ),
        ("name: Sandbox", "name: A\n        name: B", "line 5, column 5: not YAML: the key 'name' is written twice"),
    ],
)
def test_mistake_is_told_with_its_place(tmp_path: Path, written: str, instead: str, told: str) -> None:
    content = GOOD.replace(written, instead, 1)

    assert any(problem.startswith(told) for problem in problems(tmp_path, content)), told


@pytest.mark.parametrize("content", ["", "[]", "text", "workspaces: 3", "workspaces: [1]", "{", "a: !!python/none"])
def test_file_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    assert problems(tmp_path, content)


def test_ids_and_names_stand_once(tmp_path: Path) -> None:
    workspace = dedent(GOOD).partition("workspaces:\n")[2]
    assert "the id sandbox1 is used twice" in problems(tmp_path, "workspaces:\n" + workspace * 2)[0]
    channel = dedent(GOOD)[dedent(GOOD).index("      - name: Support") :]
    assert "the name Support line is used twice" in problems(tmp_path, dedent(GOOD) + channel)[0]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    content = GOOD.replace("channel: sms", "channel: fax").replace("name: Sandbox", "nmae: Sandbox")

    assert len(problems(tmp_path, content)) == 3


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("keep_text_days: 0", "workspaces[0].keep_text_days: has to be greater than or equal to 1"),
        ("keep_rest_months: 1", "workspaces[0].keep_rest_months: has to be greater than or equal to 2"),
        (
            "keep_text_days: 57, keep_rest_months: 2",
            "workspaces[0]: workspace kept: keep_text_days is 57, and a text is not kept longer than the rest: "
            "with keep_rest_months 2, at most 56 days",
        ),
    ],
)
def test_text_is_not_kept_longer_than_the_rest(tmp_path: Path, kept: str, told: str) -> None:
    content = "workspaces: [{id: kept, name: Kept, token: {env: SOME_TOKEN}, " + kept + "}]"
    assert problems(tmp_path, content) == (told,)
