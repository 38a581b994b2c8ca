"""JSON as strangers send it: what no honest client writes is refused, and nothing here costs more than its bytes."""

import json
import math
import re
from typing import Any

from pydantic_core import from_json

from canvas_gateway.domain.values import REPLACEMENT

_REPLACED = REPLACEMENT.encode()

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair of surrogates is one character
    rb"|(u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})"  # NUL, and a surrogate without its other half
    rb"|.)",
    re.DOTALL,
)


class MalformedJson(ValueError):
    """The text says what is wrong, never what was in it."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """
    One JSON object in UTF-8.

    NUL and lone surrogates, which people do paste into a field, are read as REPLACEMENT. Refused are NaN and infinite
    numbers, names that are there twice, and nesting beyond what pydantic's parser takes (200).

    Raises:
        MalformedJson: it is something else.
    """
    raw = _ESCAPE.sub(_readable, raw)
    try:
        from_json(raw, allow_inf_nan=False)  # refuses deep nesting, which json.loads lets pass
        value = json.loads(raw, object_pairs_hook=_once, parse_float=_finite)
    except MalformedJson:
        raise
    except (ValueError, RecursionError):
        raise MalformedJson("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise MalformedJson("the body is not a JSON object")
    return value


def _readable(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape[1] is None else _REPLACED


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
