"""What every fake provider does in the same way."""

import json
import re
from typing import cast

from aiohttp import web

_E164 = re.compile(r"[1-9]\d{6,14}")


def hang_up(request: web.Request) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def json_object(request: web.Request) -> dict[str, object] | None:
    """The JSON object that a request carries; None where it carries something else."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def part(body: dict[str, object], name: str) -> dict[str, object]:
    """An object within a JSON object; empty where there is none."""
    value = body.get(name)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def text(body: dict[str, object], name: str) -> str | None:
    """A text within a JSON object; None where there is none, or an empty one."""
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def with_plus(address: str) -> str:
    """A phone number as the ledger and the phone have it: +4915…; anything else as it is."""
    number = address.removeprefix("+")
    return f"+{number}" if _E164.fullmatch(number) else address


def is_number(address: str) -> bool:
    """Whether this can be dialled: E.164, with or without its plus sign."""
    return _E164.fullmatch(address.removeprefix("+")) is not None
