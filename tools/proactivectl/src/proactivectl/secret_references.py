"""Secrets by reference: the name of an environment variable or of a file, never the secret itself."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

ADVICE = "a secret is never written here; put it into an environment variable or a file, and refer to it"


class Reference(BaseModel):
    """Where a secret is; exactly one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, str | int | float):
            raise ValueError(f"{ADVICE}: {{env: NAME}} or {{file: PATH}}")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("write one of {env: NAME} and {file: PATH}")
        return self

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Read `env:NAME` or `file:PATH`, as on the command line. Raises ValueError for everything else."""
        kind, _, rest = typed.partition(":")
        if kind == "env" and rest:
            return cls(env=rest)
        if kind == "file" and rest:
            return cls(file=Path(rest))
        raise ValueError(f"{ADVICE}: env:NAME or file:PATH")

    def resolve(self, folder: Path) -> str:
        """
        The secret; relative paths start at `folder`, one line end at the end of a file is not part of it.

        Raises:
            ValueError: it is not there, or empty.
        """
        if self.env is not None:
            secret = os.environ.get(self.env, "")
            where = f"the environment variable {self.env}"
        else:
            path = folder / (self.file or "")
            where = f"the file {path}"
            try:
                secret = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "no text"
                raise ValueError(f"{where} cannot be read ({reason})") from None
        if not secret:
            raise ValueError(f"{where} is not set or empty")
        return secret
