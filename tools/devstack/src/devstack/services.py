"""Which processes a stack has, and the environment that each of them is given."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from devstack.channels import CHANNELS, WORKSPACE, Connected, provider_secrets, provider_set_up
from devstack.surroundings import Surroundings

CLIENT_ID = "5c1f0e2a-0000-4000-8000-000000000001"  # Intercom's public name of the app

# From the caller's environment a process inherits these, and what a person may want to change for a run.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "PROACTIVE_LOG_LEVEL")


@dataclass(frozen=True)
class Service:
    """
    One process: `python <arguments>`.

    ports maps an environment variable to the name under which its port is remembered; ready is the port and
    path that answers 200 when it can work; environment makes the rest of its environment.
    """

    name: str
    arguments: tuple[str, ...]
    ports: Mapping[str, str]
    ready: tuple[str, str]
    environment: Callable[[Surroundings], dict[str, str]]


def environment_of(service: Service, around: Surroundings) -> dict[str, str]:
    """The whole environment of a service: nothing else of the caller's reaches it."""
    ports = {variable: str(around.ports[port]) for variable, port in service.ports.items()}
    return inherited() | ports | service.environment(around)


def inherited() -> dict[str, str]:
    """What every process takes over from the caller."""
    return {key: os.environ[key] for key in INHERITED if key in os.environ} | {"PYTHONUNBUFFERED": "1"}


def common_environment(around: Surroundings, login: str | None = None) -> dict[str, str]:
    """What every process of ours reads; without a login, that of the servers' owner."""
    return {
        "AMQP_URL": around.amqp_url_of(login) if login else around.amqp_url,
        "DATABASE_URL": around.database_url_of(login) if login else around.database_url,
        "PROACTIVE_HOST": "127.0.0.1",
    }


def sandbox(around: Surroundings) -> dict[str, str]:
    """The fakes: they know their own secrets, and where the gateway is."""
    return {
        **sandbox_secrets(around),
        **provider_set_up(around),
        "SANDBOX_GATEWAY_URL": around.url("canvas_gateway"),
        "SANDBOX_CLIENT_ID": CLIENT_ID,
        "SANDBOX_CLIENT_SECRET": around.secrets.intercom_client_secret,
        "SANDBOX_OAUTH_CALLBACK_URL": around.url("canvas_gateway", "/intercom/callback"),
        "SANDBOX_AMQP_URL": around.amqp_url,
        "SANDBOX_WORKSPACE_ID": WORKSPACE,
        "SANDBOX_STATE_FILE": around.sandbox_file,
    }


def sandbox_secrets(around: Surroundings) -> dict[str, str]:
    """What channels.yaml refers to, and the sandbox asks for."""
    return provider_secrets(around) | {"SANDBOX_INTERCOM_TOKEN": around.secrets.intercom_token}


def tracker_access(around: Surroundings) -> dict[str, str]:
    """For whoever asks the tracker for history."""
    return {
        "PROACTIVE_TRACKER_URL": around.url("status_tracker"),
        "PROACTIVE_TRACKER_TOKEN": around.secrets.tracker_token,
    }


def dispatcher_access(around: Surroundings) -> dict[str, str]:
    """For whoever asks the dispatcher about channels, people and jobs."""
    return {
        "PROACTIVE_DISPATCHER_URL": around.url("operators"),
        "PROACTIVE_DISPATCHER_TOKEN": around.secrets.dispatcher_token,
    }


def canvas_gateway(around: Surroundings) -> dict[str, str]:
    """It calls Intercom, tracker and dispatcher, and binds the panel's state."""
    return {
        **common_environment(around, "canvas_gateway"),
        **tracker_access(around),
        **dispatcher_access(around),
        "PROACTIVE_WORKSPACE_KEYS": around.secrets.workspace_key,
        "PROACTIVE_INTERCOM_CLIENT_ID": CLIENT_ID,
        "PROACTIVE_INTERCOM_CLIENT_SECRETS": around.secrets.intercom_client_secret,
        "PROACTIVE_INTERCOM_OAUTH_URL": around.url("sandbox", "/intercom/oauth"),
        "PROACTIVE_STATE_KEYS": around.secrets.state_key,
        "PROACTIVE_INTERCOM_URL": around.url("sandbox", "/intercom"),
    }


def dispatcher(around: Surroundings, login: str) -> dict[str, str]:
    """It calls the providers."""
    return {
        **common_environment(around, login),
        "PROACTIVE_CHANNEL_KEYS": around.secrets.channel_key,
        "PROACTIVE_WEBHOOKS_URL": around.url("webhooks"),
        "PROACTIVE_SETTLING_SECONDS": "1",
    }


def dispatcher_webhooks(around: Surroundings) -> dict[str, str]:
    """Providers and operators call it."""
    tokens = {
        "PROACTIVE_OPERATORS_TOKENS": around.secrets.operators_token,
        "PROACTIVE_SERVICE_TOKENS": around.secrets.dispatcher_token,
    }
    return dispatcher(around, "dispatcher-webhooks") | tokens


def status_tracker(around: Surroundings) -> dict[str, str]:
    """It serves history, writes to Intercom, and asks the dispatcher about what nobody took."""
    return {
        **common_environment(around, "status_tracker"),
        "PROACTIVE_WORKSPACE_KEYS": around.secrets.workspace_key,
        "PROACTIVE_SERVICE_TOKENS": around.secrets.tracker_token,
        "PROACTIVE_OPERATORS_TOKENS": around.secrets.operators_token,
        "PROACTIVE_INTERCOM_URL": around.url("sandbox", "/intercom"),
        **dispatcher_access(around),
    }


def proactivectl(around: Surroundings) -> dict[str, str]:
    """It may do everything."""
    return {
        **common_environment(around),
        **tracker_access(around),
        **sandbox_secrets(around),
        "PROACTIVE_WORKSPACE_KEYS": around.secrets.workspace_key,
        **dispatcher_access(around),
        "PROACTIVE_DISPATCHER_TOKEN": around.secrets.operators_token,
        "PROACTIVE_CHANNEL_KEYS": around.secrets.channel_key,
        "PROACTIVE_TRACKER_OPERATORS_URL": around.url("tracker_operators"),
        "PROACTIVE_TRACKER_OPERATORS_TOKEN": around.secrets.operators_token,
        "PROACTIVE_WEBHOOKS_URL": around.url("webhooks"),
    }


def worker(channel: Connected) -> Service:
    """The process that sends through one channel."""
    ops = f"dispatcher_{channel.kind}_ops"
    arguments = ("-m", "dispatcher", "worker", "--channel", channel.kind)
    environment = partial(dispatcher, login=channel.worker)
    return Service(channel.worker, arguments, {"PROACTIVE_OPS_PORT": ops}, (ops, "/readyz"), environment)


SERVICES = (
    Service("sandbox", ("-m", "sandbox"), {"SANDBOX_PORT": "sandbox"}, ("sandbox", "/"), sandbox),
    Service(
        "canvas_gateway",
        ("-m", "canvas_gateway"),
        {"PROACTIVE_PORT": "canvas_gateway", "PROACTIVE_OPS_PORT": "canvas_gateway_ops"},
        ("canvas_gateway_ops", "/readyz"),
        canvas_gateway,
    ),
    *(worker(channel) for channel in CHANNELS),
    Service(
        "dispatcher-webhooks",
        ("-m", "dispatcher", "webhooks"),
        {
            "PROACTIVE_PORT": "webhooks",
            "PROACTIVE_OPERATORS_PORT": "operators",
            "PROACTIVE_OPS_PORT": "dispatcher_webhooks_ops",
        },
        ("dispatcher_webhooks_ops", "/readyz"),
        dispatcher_webhooks,
    ),
    Service(
        "status_tracker",
        ("-m", "status_tracker"),
        {
            "PROACTIVE_PORT": "status_tracker",
            "PROACTIVE_OPERATORS_PORT": "tracker_operators",
            "PROACTIVE_OPS_PORT": "status_tracker_ops",
        },
        ("status_tracker_ops", "/readyz"),
        status_tracker,
    ),
)
