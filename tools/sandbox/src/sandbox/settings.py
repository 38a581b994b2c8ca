"""What the sandbox is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import fixtures


class SettingsError(Exception):
    """The environment does not say what is needed; the text names every variable at fault."""


@dataclass(frozen=True)
class MetaSettings:
    """
    The WhatsApp number, and the app that it belongs to.

    `webhook_url` is the app's one address for receipts and replies; without it nothing is reported.
    """

    access_token: str = "sandbox-meta-access-token"
    app_secret: str = "sandbox-meta-app-secret"
    verify_token: str = "sandbox-meta-verify-token"
    phone_number_id: str = "106540352242922"
    sender: str = fixtures.WHATSAPP_SENDER
    webhook_url: str | None = None


@dataclass(frozen=True)
class InfobipSettings:
    """The Viber account; receipts go where each message says, replies to `inbound_url`."""

    api_key: str = "sandbox-infobip-api-key"
    senders: tuple[str, ...] = (fixtures.VIBER_SENDER,)
    inbound_url: str | None = None


@dataclass(frozen=True)
class OAuthSettings:
    """
    How an app is installed by consent.

    Without `client_id` any is taken; `callback_url` is where the consent page leads back to where it was not told.
    """

    client_id: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class Settings:
    """
    Everything that is chosen outside the sandbox.

    `port` 0 means any free port. The sandbox answers anybody who asks: `host` is loopback, except in a container whose
    network lets nobody else in. `gateway_url` is the base URL of the app that Intercom would call.
    `twilio_inbound_url` is where Twilio would be told to deliver a customer's SMS.
    `amqp_url`: the app's broker, whose events the page then names as they pass.
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
    meta: MetaSettings = MetaSettings()
    infobip: InfobipSettings = InfobipSettings()
    oauth: OAuthSettings = OAuthSettings()
    amqp_url: str | None = None
    host: str = "127.0.0.1"


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
    state_file = environment.get("SANDBOX_STATE_FILE")
    return Settings(
        port=_port(environment["SANDBOX_PORT"]),
        gateway_url=environment["SANDBOX_GATEWAY_URL"].rstrip("/"),
        client_secret=environment["SANDBOX_CLIENT_SECRET"],
        workspace_id=environment["SANDBOX_WORKSPACE_ID"],
        intercom_token=environment["SANDBOX_INTERCOM_TOKEN"],
        twilio_account_sid=environment["SANDBOX_TWILIO_ACCOUNT_SID"],
        twilio_auth_token=environment["SANDBOX_TWILIO_AUTH_TOKEN"],
        twilio_senders=_list(environment.get("SANDBOX_TWILIO_SENDERS") or fixtures.TWILIO_SENDER),
        twilio_inbound_url=environment.get("SANDBOX_TWILIO_INBOUND_URL") or None,
        state_file=Path(state_file) if state_file else None,
        meta=_meta(environment),
        infobip=_infobip(environment),
        oauth=OAuthSettings(
            client_id=environment.get("SANDBOX_CLIENT_ID") or None,
            callback_url=environment.get("SANDBOX_OAUTH_CALLBACK_URL") or None,
        ),
        amqp_url=environment.get("SANDBOX_AMQP_URL") or None,
        host=environment.get("SANDBOX_HOST") or "127.0.0.1",
    )


def _meta(environment: Mapping[str, str]) -> MetaSettings:
    otherwise = MetaSettings()
    return MetaSettings(
        access_token=environment.get("SANDBOX_META_ACCESS_TOKEN") or otherwise.access_token,
        app_secret=environment.get("SANDBOX_META_APP_SECRET") or otherwise.app_secret,
        verify_token=environment.get("SANDBOX_META_VERIFY_TOKEN") or otherwise.verify_token,
        phone_number_id=environment.get("SANDBOX_META_PHONE_NUMBER_ID") or otherwise.phone_number_id,
        sender=environment.get("SANDBOX_META_SENDER") or otherwise.sender,
        webhook_url=environment.get("SANDBOX_META_WEBHOOK_URL") or None,
    )


def _infobip(environment: Mapping[str, str]) -> InfobipSettings:
    return InfobipSettings(
        api_key=environment.get("SANDBOX_INFOBIP_API_KEY") or InfobipSettings().api_key,
        senders=_list(environment.get("SANDBOX_INFOBIP_SENDERS") or fixtures.VIBER_SENDER),
        inbound_url=environment.get("SANDBOX_INFOBIP_INBOUND_URL") or None,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise SettingsError(f"SANDBOX_PORT is {text!r}: give a port number, 0 for any free one")
    return int(text)
