"""What AMQP cannot do: listing bindings, counting, making users; through RabbitMQ's management plugin."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from proactive_contracts.topology import Binding, Topology
from proactivectl.environment import explained
from proactivectl.failures import Failure
from runtime.http import client_session

TOTAL_SECONDS = 10.0

_ADVICE = "Correct PROACTIVE_MANAGEMENT_URL (or --management-url); its user must"
_TO_LOOK, _TO_CHANGE = f"{_ADVICE} have the tag monitoring.", f"{_ADVICE} be an administrator to make others."


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


async def import_definitions(management_url: str, definitions: Mapping[str, Any]) -> None:
    """
    Have the broker take users and their permissions.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    await _call(management_url, "POST", "/api/definitions", definitions)


async def queue_documents(management_url: str, amqp_url: str) -> list[dict[str, Any]]:
    """
    The queues of a virtual host with their counts and rates.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    found: list[dict[str, Any]] = await _call(management_url, "GET", f"/api/queues/{_vhost(amqp_url)}")
    return found


async def alarms(management_url: str) -> list[str]:
    """
    What keeps nodes of the broker from taking messages, a sentence each.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    nodes = await _call(management_url, "GET", "/api/nodes")
    found = [f"node {node['name']} does not run" for node in nodes if not node.get("running")]
    found += [f"node {node['name']} is out of memory" for node in nodes if node.get("mem_alarm")]
    return found + [f"node {node['name']} is out of disk" for node in nodes if node.get("disk_free_alarm")]


async def broker_time(management_url: str) -> datetime:
    """
    The broker's clock, which shows whole seconds.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    async with _answer(management_url, "GET", "/api/whoami") as answer:
        return parsedate_to_datetime(answer.headers["Date"])


async def _bindings(management_url: str, amqp_url: str) -> list[Binding]:
    entries = await _call(management_url, "GET", f"/api/bindings/{_vhost(amqp_url)}")
    return [
        Binding(entry["destination"], entry["source"], entry["routing_key"])
        for entry in entries
        if entry["source"] and entry["destination_type"] == "queue"
    ]


async def _call(management_url: str, method: str, path: str, document: Mapping[str, Any] | None = None) -> Any:
    """What the plugin answers; None where it has nothing to say."""
    async with _answer(management_url, method, path, document) as answer:
        return await answer.json() if answer.status == 200 else None


@asynccontextmanager
async def _answer(
    management_url: str, method: str, path: str, document: Mapping[str, Any] | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    parts = urlsplit(management_url)
    place = f"the management plugin at {parts.hostname}:{parts.port}"
    login = aiohttp.encode_basic_auth(unquote(parts.username or "guest"), unquote(parts.password or "guest"))
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}{path}"
    headers = {"Authorization": login}
    advice = _TO_LOOK if method == "GET" else _TO_CHANGE
    try:
        async with (
            client_session(TOTAL_SECONDS) as session,
            session.request(method, url, json=document, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status not in (200, 201, 204):
                raise Failure(f"{place} answered {answer.status}", advice)
            yield answer
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        raise Failure(f"{place} does not answer ({explained(error)})", advice) from None


def _vhost(amqp_url: str) -> str:
    return quote(virtual_host(amqp_url), safe="")


def virtual_host(amqp_url: str) -> str:
    """The one that an address names; `/` where it names none."""
    return unquote(urlsplit(amqp_url).path.removeprefix("/")) or "/"
