"""Puts the concrete parts together: the only place that knows them all."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import Any

from directory.channels import Channels
from directory.erasures import Erasures
from directory.secrets import Vault
from dispatcher import metrics
from dispatcher.channels import DirectoryChannels
from dispatcher.channels_http import OperatedChannels
from dispatcher.domain.states import Capabilities
from dispatcher.erasing_http import Erasing
from dispatcher.gates import WorkerGates
from dispatcher.handlers import Dispatch
from dispatcher.operators import operators_app
from dispatcher.providers.calls import HttpCalls, provider_session
from dispatcher.providers.registry import providers
from dispatcher.reachability import Reachability
from dispatcher.retaining import Retaining
from dispatcher.scheduler import Scheduler
from dispatcher.settings import DispatcherSettings, WebhooksSettings, WorkerSettings
from dispatcher.slots import Slots
from dispatcher.storage.erasing import PostgresErasing
from dispatcher.storage.jobs import PostgresJobs
from dispatcher.storage.recipients import Recipients
from dispatcher.storage.retention import Retention
from dispatcher.storage.senders import Senders
from dispatcher.webhooks import Webhooks
from dispatcher.worker import request_handler
from proactive_contracts.topology import part_of, send_queue
from proactive_contracts.values import Channel, Lane
from runtime.amqp.consumer import Consumer
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import TopologyWatch
from runtime.database_clock import DatabaseClock
from runtime.health import Health, serve_ops
from runtime.http import serve
from runtime.lifecycle import Stopping
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, UNPREPARED, Pool, insist, pool

_TABLES = [
    "dispatch.job",
    "dispatch.sender",
    "dispatch.host",
    "dispatch.recipient",
    "directory.channel",
    "directory.erasure",
]
_MISSING = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL"

log = get_logger()


async def run_worker(settings: WorkerSettings, channel: Channel, stack: AsyncExitStack, stopping: Stopping) -> None:
    """Send the messages of one channel until told to stop."""
    name = f"dispatcher.{channel}"
    health = Health()
    await stack.enter_async_context(serve_ops(health, settings.host, settings.ops_port))
    database = await _database(stack, settings, health, name)
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = await stack.enter_async_context(Publisher(amqp_url, name))
    health.add("publisher", publisher.check)
    capabilities = _capabilities(settings.settling_seconds)
    jobs = PostgresJobs(database, settings.lease_seconds, capabilities, collects=True)
    most_calls = 2 * settings.concurrency  # what the slots bound, and looks at what became of earlier calls
    session = await stack.enter_async_context(provider_session(settings.call_seconds, most_calls))
    slots = Slots(settings.concurrency)
    metrics.watch(channel, lambda: slots.used, settings.concurrency)
    gates = WorkerGates(Senders(database), Recipients(database), slots, channel)
    dispatch = Dispatch(
        jobs,
        _channels(database, settings),
        providers(),
        HttpCalls(session),
        publisher,
        webhooks_url=str(settings.webhooks_url),
        call_seconds=settings.call_seconds,
        lease_seconds=settings.lease_seconds,
        gates=gates,
        erased=Erasures(database, Vault(settings.channel_keys)),
    )
    clock = await stack.enter_async_context(DatabaseClock(database))
    queues = frozenset(send_queue(channel, lane) for lane in Lane)
    watch = await stack.enter_async_context(TopologyWatch(amqp_url, part_of(queues)))
    health.add("topology", watch.check)
    consumers = {
        lane: Consumer(
            amqp_url,
            [send_queue(channel, lane)],
            request_handler(dispatch, channel, lane, clock.now),
            publisher,
            concurrency=settings.concurrency,
            name=f"{name}.{lane}",
            trouble=(*TROUBLE, *UNPREPARED),
        )
        for lane in Lane
    }
    for lane, consumer in consumers.items():
        health.add(f"consumer.{lane}", consumer.check)
    scheduler = Scheduler(jobs, dispatch, gates, channel, seconds=settings.scheduler_seconds)
    await _enter_together(stack, [scheduler, *consumers.values()])
    health.started()
    log.info("worker_started", channel=channel.value)
    await stopping.wait()
    health.drain()


async def run_webhooks(settings: WebhooksSettings, stack: AsyncExitStack, stopping: Stopping) -> None:
    """Take receipts and replies until told to stop."""
    name = "dispatcher.webhooks"
    health = Health()
    await stack.enter_async_context(serve_ops(health, settings.host, settings.ops_port))
    database = await _database(stack, settings, health, name)
    publisher = await stack.enter_async_context(Publisher(settings.amqp_url.get_secret_value(), name))
    health.add("publisher", publisher.check)
    jobs = PostgresJobs(database, lease_seconds=0, capabilities=_capabilities())  # it never claims
    channels = _channels(database, settings)
    recipients = Recipients(database)
    webhooks = Webhooks(channels, providers(), jobs, publisher, recipients, str(settings.webhooks_url))
    operated = OperatedChannels(Senders(database), channels)
    erasing = Erasing(jobs, PostgresErasing(database))
    others = (operated, Reachability(recipients), erasing)
    operators = operators_app(
        jobs,
        settings.operators_tokens,
        *others,
        service_tokens=settings.service_tokens,
        scaling_tokens=settings.scaling_tokens,
    )
    await stack.enter_async_context(Retaining(Retention(database), settings.retention_seconds))
    operators_port = await stack.enter_async_context(serve(operators, settings.host, settings.operators_port))
    port = await stack.enter_async_context(serve(webhooks.app(), settings.host, settings.port))
    health.started()
    log.info("webhooks_started", port=port, operators_port=operators_port)
    await stopping.wait()
    health.drain()


async def _enter_together(stack: AsyncExitStack, parts: Sequence[AbstractAsyncContextManager[Any]]) -> None:
    """Enter parts that leave all at once: none takes new work while another one still drains."""

    async def leave() -> None:
        await asyncio.gather(*(part.__aexit__(None, None, None) for part in parts))

    stack.push_async_callback(leave)
    for part in parts:
        await part.__aenter__()


async def _database(stack: AsyncExitStack, settings: DispatcherSettings, health: Health, name: str) -> Pool:
    """A pool whose tables are there: without them every request would be returned until it is parked."""
    url = settings.database_url.get_secret_value()
    database = await stack.enter_async_context(pool(url, application=name, by_index=True))

    async def check() -> str | None:
        missing = await database.fetch(_MISSING, _TABLES)
        names = ", ".join(row["name"] for row in missing)
        return f"{names} is missing: run `proactivectl migrate`" if names else None

    health.add("database", check)
    while found := await insist(check, "tables"):
        log.warning("tables_awaited", missing=found)
        await asyncio.sleep(1)
    return database


def _capabilities(settling_seconds: float = 0) -> dict[str, Capabilities]:
    """What each provider offers to find out what became of an attempt, and when that can be relied on."""
    return {
        name: replace(provider.capabilities, settling_seconds=settling_seconds)
        for name, provider in providers().items()
    }


def _channels(database: Pool, settings: DispatcherSettings) -> DirectoryChannels:
    return DirectoryChannels(Channels(database, Vault(settings.channel_keys)))
