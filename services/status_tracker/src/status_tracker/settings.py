"""What a tracker is told by its environment; names are in README.md."""

from pydantic import Field, SecretStr

from runtime.settings import CommaList, CommonSettings


class Settings(CommonSettings):
    """Times are in seconds."""

    port: int = Field(ge=0, le=65535)
    """Port of the history API; 0: any free one."""

    service_tokens: CommaList
    """What callers of the history API authenticate with."""

    workspace_keys: CommaList
    """Open the workspaces' Intercom tokens."""

    intercom_url: str | None = Field(default=None, pattern=r"^https?://")
    """Stands in for Intercom's own addresses."""

    dispatcher_url: str = Field(pattern=r"^https?://")
    """The operators' HTTP of the dispatcher, which the sweep asks."""

    dispatcher_token: SecretStr

    not_taken_grace_seconds: float = Field(default=60, ge=0, le=86_400)
    """How long after not_after a message may still be taken or spoken of."""

    operators_port: int = Field(default=0, ge=0, le=65535)
    """Port of the operators' HTTP; 0: any free one."""

    operators_tokens: CommaList = Field(default=(), validate_default=False)
    """What operators authenticate with; without any, there is no HTTP for them."""

    retention_seconds: float = Field(default=600, gt=0, le=86_400)
    """How often is looked for what was kept long enough."""

    sweep_seconds: float = Field(default=5, gt=0, le=3600)
    concurrency: int = Field(default=50, ge=1, le=500)
    """Events that are handled at a time; what queues up meanwhile is written together."""
