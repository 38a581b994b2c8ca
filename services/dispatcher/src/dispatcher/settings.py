"""What a dispatcher process reads from the environment; README.md lists it."""

from typing import Self

from pydantic import Field, HttpUrl, model_validator

from runtime.settings import CommaList, CommonSettings


class DispatcherSettings(CommonSettings):
    """Both kinds of process."""

    channel_keys: CommaList
    webhooks_url: HttpUrl
    """The public address that providers call back, without /webhooks."""


class WorkerSettings(DispatcherSettings):
    """`dispatcher worker`; times in seconds."""

    call_seconds: float = Field(default=20, gt=0, le=40)
    """A stop waits 45 s for what is in flight; a longer call would be cut off by it."""
    lease_seconds: float = Field(default=60, gt=0)
    concurrency: int = Field(default=40, ge=1)
    """Calls at the same time; one channel occupies three quarters of them at most, and its bulk lane less."""
    scheduler_seconds: float = Field(default=1, gt=0)
    settling_seconds: float = Field(default=15, gt=0)
    """How long after an unclear answer a provider's list is believed to be complete enough to look at."""

    @model_validator(mode="after")
    def _lease_outlives_call(self) -> Self:
        if self.lease_seconds <= self.call_seconds:
            raise ValueError("PROACTIVE_LEASE_SECONDS must be longer than PROACTIVE_CALL_SECONDS")
        return self


class WebhooksSettings(DispatcherSettings):
    """`dispatcher webhooks`."""

    port: int = Field(ge=0, le=65535)
    operators_port: int = Field(ge=0, le=65535)
    operators_tokens: CommaList

    service_tokens: CommaList = Field(default=(), validate_default=False)
    """For gateway and tracker: they read, and change nothing."""

    scaling_tokens: CommaList = Field(default=(), validate_default=False)
    """For whoever scales channels: how they stand can be read with these, and nothing else."""

    retention_seconds: float = Field(default=600, gt=0, le=86_400)
    """How often is looked for what was kept long enough."""
