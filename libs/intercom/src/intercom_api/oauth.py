"""The end of an installation: Intercom's code becomes the workspace's token."""

import aiohttp

from intercom_api.calls import Calls
from intercom_api.errors import NoAnswer

AUTHORIZE = "https://app.intercom.com/oauth"
"""Where an administrator agrees; Intercom leads on to the region of their workspace by itself."""


async def exchange_code(
    session: aiohttp.ClientSession,
    base_url: str,
    *,
    client_id: str,
    client_secret: str,
    code: str,
    timeout_seconds: float = 5,
) -> str:
    """
    The token for a code, which is good once. Tokens have no end, and there is nothing to refresh them with.

    Raises:
        Refused: Intercom does not know the code (401, "Unauthorized Code"), or our id and secret.
        IntercomError: it did not answer, or cannot be reached.
    """
    calls = Calls(session, base_url.rstrip("/"), None, timeout_seconds)
    answer = await calls.submit_form(
        "/auth/eagle/token", {"code": code, "client_id": client_id, "client_secret": client_secret}
    )
    token = answer.body.get("access_token") or answer.body.get("token")
    if not isinstance(token, str) or not token:
        raise NoAnswer("POST /auth/eagle/token: the answer holds no token")
    return token
