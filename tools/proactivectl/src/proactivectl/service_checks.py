"""What doctor asks our own services over HTTP."""

import os
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import aiohttp

from proactivectl.dispatcher_api import dispatcher, tracker_operators
from proactivectl.environment import explained
from proactivectl.failures import Failure
from proactivectl.findings import CHECK_SECONDS, Finding, ok, warning, wrong
from proactivectl.gates import why_not
from proactivectl.history import History, tracker
from proactivectl.output import count
from runtime.http import client_session

_NOBODY = UUID(int=0)

_TO_OPEN = {
    "paused": "If it should send: proactivectl channel resume {id}",
    "blocked": "Mend key, balance or sender at the provider, then: proactivectl channel resume {id}",
    "failing": "The provider is away, and it is tried again by itself; at once: proactivectl channel resume {id}",
    "held": "The provider asked us to wait; to try it all the same: proactivectl channel resume {id}",
}


async def dispatcher_http() -> Sequence[Finding]:
    """It answers, and our token is right."""
    async with dispatcher() as api:
        await api.channels()
        return [ok(f"answers at {api.url}, and takes our token")]


async def senders() -> Sequence[Finding]:
    """No channel is kept from sending."""
    async with dispatcher() as api:
        channels = await api.channels()
    shut = [one for one in channels if one["state"] in _TO_OPEN]
    return [_kept(one) for one in shut] or [ok(f"{count(len(channels), 'channel')} may send")]


def _kept(one: dict[str, Any]) -> Finding:
    why = why_not(one)
    found = f"{one['name']} ({one['channel']}) is {one['state']}" + (f": {why}" if why else "")
    return warning(f"{found}; {one['waiting']} messages wait", _TO_OPEN[one["state"]].format(id=one["channel_id"]))


async def history_http() -> Sequence[Finding]:
    """It answers, and our token is right."""
    url, token = tracker()
    async with client_session(CHECK_SECONDS) as session:
        await History(session, url, token).page("doctor", limit=1)
    return [ok(f"answers at {url}, and takes our token")]


async def tracker_http() -> Sequence[Finding]:
    """It answers, and our token is right."""
    async with tracker_operators() as api:
        await api.get("/v1/waiting")
        return [ok(f"answers at {api.url}, and takes our token")]


async def webhooks() -> Sequence[Finding]:
    """The address that providers are given leads to us: of a channel that nobody connected, only we say so."""
    url = os.environ["PROACTIVE_WEBHOOKS_URL"].rstrip("/")
    advice = "See that `dispatcher webhooks` runs, and that this address leads to its PROACTIVE_PORT."
    try:
        async with (
            client_session(CHECK_SECONDS) as session,
            session.post(f"{url}/webhooks/twilio/{_NOBODY}", data=b"", allow_redirects=False) as answer,
        ):
            status, problem = answer.status, await _problem(answer)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Failure(f"{url} cannot be reached from here ({explained(error)})", advice) from None
    if (status, problem) == (404, "No such webhook"):
        return [ok(f"answers at {url}")]
    if (status, problem) == (503, "Not stored"):
        return [wrong(f"`dispatcher webhooks` at {url} cannot read the directory", "See its database: its /readyz")]
    return [wrong(f"{url} answers with HTTP {status}, not as `dispatcher webhooks` does", advice)]


async def _problem(answer: aiohttp.ClientResponse) -> str | None:
    if answer.content_type != "application/problem+json":
        return None
    return str((await answer.json(content_type=None)).get("title"))
