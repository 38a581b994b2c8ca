"""What the sandbox is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import fixtures


class SettingsError(Exception):
    """The environment does not say what is needed; the text names every variable at fault."""


@dataclass(frozen=True)
class Settings:
    """
    Everything that is chosen outside the sandbox.

    `port` 0 means any free port. `gateway_url` is the base URL of the app that Intercom would call.
    `twilio_inbound_url` is where Twilio would be told to deliver a customer's SMS.
    """

    port: int
    gateway_url: str
    client_secret: str
    workspace_id: str
    intercom_token: str
    twilio_account_sid: str
    twilio_auth_token: str
    twilio_senders: tuple[str, ...] = (fixtures.TWILIO_SENDER,)
    twilio_inbound_url: str | None = None
    state_file: Path | None = None


_REQUIRED = (
    "SANDBOX_PORT",
    "SANDBOX_GATEWAY_URL",
    "SANDBOX_CLIENT_SECRET",
    "SANDBOX_WORKSPACE_ID",
    "SANDBOX_INTERCOM_TOKEN",
    "SANDBOX_TWILIO_ACCOUNT_SID",
    "SANDBOX_TWILIO_AUTH_TOKEN",
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """
    Settings from environment variables.

    Raises:
        SettingsError: a variable is missing, or the port is no port number.
    """
    missing = [name for name in _REQUIRED if not environment.get(name)]
    if missing:
        raise SettingsError(f"set {', '.join(missing)}: the sandbox cannot start without")
    senders = environment.get("SANDBOX_TWILIO_SENDERS", fixtures.TWILIO_SENDER)
    state_file = environment.get("SANDBOX_STATE_FILE")
    return Settings(
        port=_port(environment["SANDBOX_PORT"]),
        gateway_url=environment["SANDBOX_GATEWAY_URL"].rstrip("/"),
        client_secret=environment["SANDBOX_CLIENT_SECRET"],
        workspace_id=environment["SANDBOX_WORKSPACE_ID"],
        intercom_token=environment["SANDBOX_INTERCOM_TOKEN"],
        twilio_account_sid=environment["SANDBOX_TWILIO_ACCOUNT_SID"],
        twilio_auth_token=environment["SANDBOX_TWILIO_AUTH_TOKEN"],
        twilio_senders=tuple(part.strip() for part in senders.split(",") if part.strip()),
        twilio_inbound_url=environment.get("SANDBOX_TWILIO_INBOUND_URL") or None,
        state_file=Path(state_file) if state_file else None,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise SettingsError(f"SANDBOX_PORT is {text!r}: give a port number, 0 for any free one")
    return int(text)
