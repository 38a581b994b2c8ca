"""What the commands are given, checked before anything is done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from proactivectl import files
from proactivectl.failures import WrongUsage
from proactivectl.secret_references import Reference

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], wanted: Mapping[str, Any]) -> Model:
    """The options as a model. Raises WrongUsage naming each option that breaks its rules."""
    try:
        return model.model_validate(wanted)
    except ValidationError as error:
        raise WrongUsage("; ".join(map(_option, files.explain(error))), "Nothing was changed.") from None


def _option(problem: str) -> str:
    """A problem of a field, under the name that the field has on the command line."""
    field, _, words = problem.partition(":")
    if field == files.WHOLE:
        return words.strip()
    name = "the id" if field == "id" else f"--{field.replace('_', '-')}"
    return f"{name}:{words}"


def reference(option: str, typed: str) -> Reference:
    """Where a secret is, as `option` says it. Raises WrongUsage."""
    try:
        return Reference.parse(typed)
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}", "Nothing was changed.") from None


def resolved(option: str, reference: Reference) -> str:
    """The secret itself. Raises WrongUsage where it is not there."""
    try:
        return reference.resolve(Path())
    except ValueError as error:
        raise WrongUsage(f"{option}: {error}", "Nothing was changed.") from None


def pairs(option: str, typed: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE, repeated. Raises WrongUsage."""
    pairs = [entry.partition("=") for entry in typed]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise WrongUsage(f"{option} has to be written as NAME=VALUE", "Nothing was changed.")
    return {name: value for name, _, value in pairs}
