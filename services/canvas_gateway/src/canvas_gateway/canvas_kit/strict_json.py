"""JSON as strangers send it: what no honest client writes is refused, and nothing here costs more than its bytes."""

import json
import math
import re
from typing import Any

from pydantic_core import from_json

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class MalformedJson(ValueError):
    """The text says what is wrong, never what was in it."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """
    One JSON object in UTF-8.

    Refused are NaN and infinite numbers, names that are there twice, lone surrogates, the NUL character, and
    nesting beyond what pydantic's parser takes (200).

    Raises:
        MalformedJson: it is something else.
    """
    try:
        from_json(raw, allow_inf_nan=False)  # refuses deep nesting and lone surrogates, which json.loads lets pass
        value = json.loads(raw, object_pairs_hook=_once, parse_float=_finite)
    except MalformedJson:
        raise
    except (ValueError, RecursionError):
        raise MalformedJson("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise MalformedJson("the body is not a JSON object")
    if _NUL.search(raw):
        raise MalformedJson("a text holds the NUL character")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedJson("a field is there twice")
    return fields


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson("a number is out of range")
    return number
