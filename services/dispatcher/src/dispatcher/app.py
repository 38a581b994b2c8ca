"""Puts the concrete parts together: the only place that knows them all."""

from contextlib import AsyncExitStack

from directory.channels import Channels
from directory.secrets import Vault
from dispatcher.channels import DirectoryChannels
from dispatcher.handlers import Dispatch
from dispatcher.operators import operators_app
from dispatcher.providers.calls import HttpCalls, provider_session
from dispatcher.providers.registry import providers
from dispatcher.scheduler import Scheduler
from dispatcher.settings import DispatcherSettings, WebhooksSettings, WorkerSettings
from dispatcher.storage.jobs import PostgresJobs
from dispatcher.webhooks import Webhooks
from dispatcher.worker import request_handler
from proactive_contracts.topology import part_of, send_queue
from proactive_contracts.values import Channel, Lane
from runtime.amqp.consumer import Consumer
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import TopologyWatch
from runtime.health import Health, serve_ops
from runtime.http import serve
from runtime.lifecycle import Stopping
from runtime.logs import get_logger
from runtime.postgres import TROUBLE, Pool, pool

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
    jobs = PostgresJobs(database, settings.lease_seconds)
    session = await stack.enter_async_context(provider_session(settings.call_seconds))
    dispatch = Dispatch(
        jobs,
        _channels(database, settings),
        providers(),
        HttpCalls(session),
        publisher,
        webhooks_url=str(settings.webhooks_url),
        call_seconds=settings.call_seconds,
        lease_seconds=settings.lease_seconds,
    )
    scheduler = Scheduler(jobs, dispatch, channel, seconds=settings.scheduler_seconds, slots=settings.concurrency)
    await stack.enter_async_context(scheduler)
    queues = frozenset(send_queue(channel, lane) for lane in Lane)
    watch = await stack.enter_async_context(TopologyWatch(amqp_url, part_of(queues)))
    health.add("topology", watch.check)
    for lane in Lane:
        consumer = Consumer(
            amqp_url,
            [send_queue(channel, lane)],
            request_handler(dispatch, channel, lane),
            publisher,
            concurrency=settings.concurrency,
            name=f"{name}.{lane}",
            trouble=TROUBLE,
        )
        await stack.enter_async_context(consumer)
        health.add(f"consumer.{lane}", consumer.check)
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
    jobs = PostgresJobs(database, lease_seconds=0)  # it never claims
    webhooks = Webhooks(_channels(database, settings), providers(), jobs, publisher, str(settings.webhooks_url))
    operators = operators_app(jobs, settings.operators_tokens)
    await stack.enter_async_context(serve(operators, settings.host, settings.operators_port))
    port = await stack.enter_async_context(serve(webhooks.app(), settings.host, settings.port))
    log.info("webhooks_started", port=port)
    await stopping.wait()
    health.drain()


async def _database(stack: AsyncExitStack, settings: DispatcherSettings, health: Health, name: str) -> Pool:
    database = await stack.enter_async_context(pool(settings.database_url.get_secret_value(), application=name))

    async def check() -> str | None:
        there = await database.fetchval("SELECT to_regclass('dispatch.job') IS NOT NULL")
        return None if there else "schema dispatch is missing: run `proactivectl migrate`"

    health.add("database", check)
    return database


def _channels(database: Pool, settings: DispatcherSettings) -> DirectoryChannels:
    return DirectoryChannels(Channels(database, Vault(settings.channel_keys)))
