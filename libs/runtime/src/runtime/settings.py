"""Settings from the environment, read once at the start, with every problem told at once."""

import sys
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

PREFIX = "PROACTIVE_"


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
"""Secrets separated by commas, newest first, so that a new one can be rolled out before the old one goes."""


class CommonSettings(BaseSettings):
    """What every process needs; services add their own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, populate_by_name=True, env_ignore_empty=True)

    amqp_url: SecretStr = Field(validation_alias="AMQP_URL")
    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    host: str = "127.0.0.1"
    ops_port: int = Field(default=0, ge=0, le=65535)
    """Port of /healthz, /readyz and /metrics; 0: any free one."""


Settings = TypeVar("Settings", bound=BaseSettings)


def load(settings: type[Settings]) -> Settings:
    """
    Read the settings, or say on stderr which variables are missing or wrong and exit with 2.

    The values themselves are never printed: some are secret.
    """
    try:
        return settings()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            print(f"{_variable(settings, problem['loc'])}: {problem['msg']}", file=sys.stderr)
    except SettingsError as error:  # a value that is no JSON where JSON is expected; it names the field only
        print(error, file=sys.stderr)
    print("Set these environment variables and start again; README.md lists them all.", file=sys.stderr)
    raise SystemExit(2)


def _variable(settings: type[BaseSettings], location: tuple[Any, ...]) -> str:
    name = str(location[0]) if location else "settings"
    known = settings.model_fields.get(name)
    alias = known.validation_alias if known is not None else None
    if isinstance(alias, str):
        return alias
    return f"{PREFIX}{name}".upper() if known is not None else name
