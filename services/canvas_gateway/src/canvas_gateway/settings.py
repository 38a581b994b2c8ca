"""What the gateway is told by its environment."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from intercom_api import AUTHORIZE
from runtime.settings import CommaList, CommonSettings

_SHORTEST_KEY = 32
"""Characters: as many bytes as the hash that the state is signed with gives out."""


def _long_enough(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(key.get_secret_value()) < _SHORTEST_KEY for key in keys):
        raise ValueError(f"each key needs at least {_SHORTEST_KEY} characters")
    return keys


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must be an address that starts with http:// or https://")
    return url.rstrip("/")


class GatewaySettings(CommonSettings):
    """`state_keys` sign what travels through the panel: the first signs, all verify."""

    port: int = Field(default=8080, ge=0, le=65535)
    intercom_client_secrets: CommaList
    state_keys: Annotated[CommaList, AfterValidator(_long_enough)]
    workspace_keys: CommaList
    tracker_url: Annotated[str, AfterValidator(_http)]
    tracker_token: SecretStr
    dispatcher_url: Annotated[str, AfterValidator(_http)]
    """Of the dispatcher's webhooks process, where operators ask it."""
    dispatcher_token: SecretStr
    intercom_url: Annotated[str, AfterValidator(_http)] | None = None
    """Stands in for the REST address of every region: the sandbox's, in development."""
    intercom_client_id: str | None = None
    """Of our app at Intercom; without it nobody can connect a workspace in their browser."""
    intercom_oauth_url: Annotated[str, AfterValidator(_http)] = AUTHORIZE
    """Where administrators agree to that: the sandbox's, in development."""
    result_wait_seconds: float = Field(default=4, gt=0, le=4.5)
    not_after_seconds: int = Field(default=900, ge=30, le=7 * 24 * 3600)
