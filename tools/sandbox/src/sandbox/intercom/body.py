"""Reading the JSON object that a request to Intercom carries."""

import json

from aiohttp import web

from sandbox.intercom.answers import IntercomError


async def read_body(request: web.Request) -> dict[str, object]:
    """
    The request's JSON object.

    Raises:
        IntercomError: it is none.
    """
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise IntercomError(400, "bad_request", "The body is no JSON") from None
    if not isinstance(body, dict):
        raise IntercomError(400, "bad_request", "The body is no JSON object")
    return body
