"""Bindings, which AMQP cannot list, through RabbitMQ's management plugin."""

from urllib.parse import quote, unquote, urlsplit

import aiohttp

from proactive_contracts.topology import Binding, Topology
from proactivectl.failures import Failure
from runtime.http import client_session

TOTAL_SECONDS = 10.0

_ADVICE = "Correct --management-url, or leave it out to compare exchanges and queues alone."


async def binding_differences(management_url: str, amqp_url: str, wanted: Topology) -> list[str]:
    """
    Bindings that are missing, and bindings of our queues that nobody asked for; one line each.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    there = await _bindings(management_url, amqp_url)
    ours = {queue.name for queue in wanted.queues}
    missing = [binding for binding in wanted.bindings if binding not in there]
    surplus = [binding for binding in there if binding.queue in ours and binding not in wanted.bindings]
    return [f"missing {_in_words(b)}" for b in missing] + [f"unexpected {_in_words(b)}" for b in surplus]


def _in_words(binding: Binding) -> str:
    return f"binding of queue {binding.queue} to {binding.key} on exchange {binding.exchange}"


async def _bindings(management_url: str, amqp_url: str) -> list[Binding]:
    parts = urlsplit(management_url)
    place = f"the management plugin at {parts.hostname}:{parts.port}"
    login = aiohttp.encode_basic_auth(unquote(parts.username or "guest"), unquote(parts.password or "guest"))
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/bindings/{_virtual_host(amqp_url)}"
    try:
        async with (
            client_session(TOTAL_SECONDS) as session,
            session.get(url, headers={"Authorization": login}, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise Failure(f"{place} answered {answer.status}", _ADVICE)
            entries = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Failure(f"{place} does not answer ({error})", _ADVICE) from None
    return [
        Binding(entry["destination"], entry["source"], entry["routing_key"])
        for entry in entries
        if entry["source"] and entry["destination_type"] == "queue"
    ]


def _virtual_host(amqp_url: str) -> str:
    """As one step of a path; the default one is `/`."""
    return quote(unquote(urlsplit(amqp_url).path.removeprefix("/")) or "/", safe="")
