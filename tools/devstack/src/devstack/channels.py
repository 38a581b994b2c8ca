"""The three channels of the sandbox's workspace, and the file with which proactivectl connects them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from devstack.surroundings import Surroundings

WORKSPACE = "sandbox1"
ADMIN = "814860"


@dataclass(frozen=True)
class Connected:
    """
    One connected channel.

    label is the kind as agents read it; settings are the provider's besides base_url; credentials names the
    variable that holds each of them.
    """

    kind: str
    label: str
    id: str
    name: str
    provider: str
    sender: str
    credentials: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def worker(self) -> str:
        """The name of the service that sends through it."""
        return f"dispatcher-{self.kind}"

    def declared(self, base_url: str) -> dict[str, Any]:
        """As channels.yaml has it; secrets are referred to."""
        return {
            "name": self.name,
            "id": self.id,
            "channel": self.kind,
            "provider": self.provider,
            "sender": self.sender,
            "settings": {"base_url": base_url, **self.settings},
            "credentials": {name: {"env": variable} for name, variable in self.credentials.items()},
        }


SMS = Connected(
    kind="sms",
    label="SMS",
    id="0b5ad1a0-0000-4000-8000-000000000001",
    name="Support line",
    provider="twilio",
    sender="+4915700000001",
    credentials={"account_sid": "SANDBOX_TWILIO_ACCOUNT_SID", "auth_token": "SANDBOX_TWILIO_AUTH_TOKEN"},
)
WHATSAPP = Connected(
    kind="whatsapp",
    label="WhatsApp",
    id="0b5ad1a0-0000-4000-8000-000000000002",
    name="WhatsApp support",
    provider="meta",
    sender="+4915700000002",
    credentials={
        "access_token": "SANDBOX_META_ACCESS_TOKEN",
        "app_secret": "SANDBOX_META_APP_SECRET",
        "verify_token": "SANDBOX_META_VERIFY_TOKEN",
    },
    settings={"phone_number_id": "106540352242922"},
)
VIBER = Connected(
    kind="viber",
    label="Viber Business Messages",
    id="0b5ad1a0-0000-4000-8000-000000000003",
    name="Viber support",
    provider="infobip",
    sender="Proactive",
    credentials={"api_key": "SANDBOX_INFOBIP_API_KEY", "webhook_secret": "SANDBOX_INFOBIP_WEBHOOK_SECRET"},
)

CHANNELS = (SMS, WHATSAPP, VIBER)


def provider_secrets(around: Surroundings) -> dict[str, str]:
    """What channels.yaml refers to, and the sandbox's providers ask for."""
    secrets = around.secrets
    return {
        "SANDBOX_TWILIO_ACCOUNT_SID": secrets.twilio_account_sid,
        "SANDBOX_TWILIO_AUTH_TOKEN": secrets.twilio_auth_token,
        "SANDBOX_META_ACCESS_TOKEN": secrets.meta_access_token,
        "SANDBOX_META_APP_SECRET": secrets.meta_app_secret,
        "SANDBOX_META_VERIFY_TOKEN": secrets.meta_verify_token,
        "SANDBOX_INFOBIP_API_KEY": secrets.infobip_api_key,
        "SANDBOX_INFOBIP_WEBHOOK_SECRET": secrets.infobip_webhook_secret,
    }


def provider_set_up(around: Surroundings) -> dict[str, str]:
    """
    What a customer of the real providers enters in their consoles: which number is theirs, where to call back.

    Twilio's delivery reports need none of it, each message names its address; nor do Infobip's.
    """
    secret = around.secrets.infobip_webhook_secret
    return {
        "SANDBOX_TWILIO_INBOUND_URL": webhook(around, SMS),
        "SANDBOX_META_PHONE_NUMBER_ID": WHATSAPP.settings["phone_number_id"],
        "SANDBOX_META_WEBHOOK_URL": webhook(around, WHATSAPP),
        "SANDBOX_INFOBIP_INBOUND_URL": f"{webhook(around, VIBER)}?secret={secret}",
    }


def webhook(around: Surroundings, channel: Connected) -> str:
    """Where a channel's provider calls us."""
    return around.url("webhooks", f"/webhooks/{channel.provider}/{channel.id}")


def channels_file(around: Surroundings, channels: Sequence[Connected] = CHANNELS) -> str:
    """channels.yaml for `proactivectl apply`: the sandbox's workspace and its channels, or these of it."""
    workspace = {
        "id": WORKSPACE,
        "name": "Sandbox",
        "region": "us",
        "time_zone": "Europe/Athens",
        "token": {"env": "SANDBOX_INTERCOM_TOKEN"},
        "default_admin_id": ADMIN,
        "channels": [channel.declared(around.url("sandbox", f"/{channel.provider}")) for channel in channels],
    }
    return yaml.safe_dump({"workspaces": [workspace]}, sort_keys=False, allow_unicode=True)
