"""
The official descriptions of the APIs that the sandbox plays, to hold its answers against them.

They are not part of this repository: PROVIDER_SPECS_DIR names the folder that has them; without it the folder
shared/specs beside the checkout is looked at.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

Json = dict[str, Any]

VARIABLE = "PROVIDER_SPECS_DIR"
_BESIDE = Path(__file__).parents[3].parent / "shared" / "specs"


@dataclass(frozen=True)
class Description:
    """One OpenAPI description."""

    spec: Json

    def problems(self, method: str, path: str, status: int, body: object, beyond: tuple[str, ...] = ()) -> list[str]:
        """
        What an answer does not keep to, one line each; `path` is written as in the description.

        A field that neither the schema nor the description's own examples name is a problem, too, unless
        `beyond` lists it.
        """
        described = self._json_answer(method, path, status)
        schema = described["schema"]
        validator = Draft202012Validator({"components": self.spec["components"], **schema})
        found = [f"{_place(error.absolute_path)}: {error.message[:300]}" for error in validator.iter_errors(body)]
        examples = [one["value"] for one in described.get("examples", {}).values() if "value" in one]
        extra = [place for place in self._unknown(body, [schema], examples, "") if place not in beyond]
        return [*found, *(f"{place}: not in the description" for place in extra)]

    def problems_of_request(self, method: str, path: str, body: object) -> list[str]:
        """What a request's body does not keep to, one line each; without a body there is nothing to keep to."""
        described = self.spec["paths"][path][method.lower()].get("requestBody")
        if described is None or body is None:
            return [] if body is None else [f"{method} {path} takes no body"]
        schema = self._resolved(described)["content"]["application/json"]["schema"]
        validator = Draft202012Validator({"components": self.spec["components"], **schema})
        found = [f"{_place(error.absolute_path)}: {error.message[:300]}" for error in validator.iter_errors(body)]
        return [*found, *(f"{place}: not in the description" for place in self._unknown(body, [schema], [], ""))]

    def path_of(self, method: str, address: str) -> str:
        """The path, as it is written here, that a request's address fits; the one with the fewest names in it."""
        fitting: list[str] = [
            path
            for path, methods in self.spec["paths"].items()
            if method.lower() in methods and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), address)
        ]
        assert fitting, f"{method} {address} is not described"
        return min(fitting, key=lambda path: path.count("{"))

    def _json_answer(self, method: str, path: str, status: int) -> Json:
        responses = self.spec["paths"][path][method.lower()]["responses"]
        assert str(status) in responses, f"{method} {path} may answer {', '.join(responses)}, not {status}"
        answer: Json = self._resolved(responses[str(status)])["content"]["application/json"]
        return answer

    def _resolved(self, part: Json) -> Json:
        while "$ref" in part:
            found = self.spec
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def _unknown(self, value: object, schemas: list[Json], examples: list[Any], place: str) -> Iterator[str]:
        """Where fields are that nothing names; objects that name no field of their own may have any."""
        flat = [one for schema in schemas for one in self._parts(schema)]
        if isinstance(value, list):
            items = [one["items"] for one in flat if "items" in one]
            shown = [item for one in examples if isinstance(one, list) for item in one]
            for item in value:
                yield from self._unknown(item, items, shown, place)
        elif isinstance(value, dict):
            fields = [one["properties"] for one in flat if one.get("properties")]
            is_open = not fields or any(one.get("additionalProperties") for one in flat)
            for name, inner in value.items():
                named = [one[name] for one in fields if name in one]
                shown = [one[name] for one in examples if isinstance(one, dict) and name in one]
                where = f"{place}/{name}".lstrip("/")
                if named or shown:
                    yield from self._unknown(inner, named, shown, where)
                elif not is_open:
                    yield where

    def _parts(self, schema: Json) -> Iterator[Json]:
        whole = self._resolved(schema)
        yield whole
        for word in ("allOf", "anyOf", "oneOf"):
            for part in whole.get(word, []):
                yield from self._parts(part)


@cache
def _read(path: Path) -> Description:
    text = path.read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec = json.loads(text) if path.suffix == ".json" else yaml.load(text, loader)
    return Description(_nullable(spec))


def skip_without_any(*files: str) -> None:
    """Skip a whole module in one line where none of these descriptions is there."""
    if not any(_path(file).is_file() for file in files):
        pytest.skip(
            f"the fakes' answers were NOT CHECKED against the official descriptions: set {VARIABLE} to their folder",
            allow_module_level=True,
        )


def description(file: str) -> Description:
    """A description by the name of its file; skips the test, saying what was not checked, where it is not there."""
    if not _path(file).is_file():
        pytest.skip(f"these answers were NOT CHECKED against the official description: no {file} in {VARIABLE}")
    return _read(_path(file))


def _path(file: str) -> Path:
    return Path(os.environ.get(VARIABLE) or _BESIDE) / file


def _nullable(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(part, list):
        return [_nullable(one) for one in part]
    if not isinstance(part, dict):
        return part
    told = {key: _nullable(value) for key, value in part.items()}
    if told.pop("nullable", None) is not True:
        return told
    return {"anyOf": [told, {"type": "null"}]}


def _place(path: Any) -> str:
    return "/".join(str(part) for part in path)
