"""The only place that knows concrete classes: a tracker put together, started, and stopped in reverse."""

from contextlib import AsyncExitStack
from functools import partial

from directory import Erasures, Vault, Workspaces
from proactive_contracts.topology import HISTORY_QUEUE, part_of
from runtime import http as runtime_http
from runtime import postgres
from runtime.amqp.consumer import Consumer
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import TopologyWatch
from runtime.database_clock import DatabaseClock
from runtime.health import Health, serve_ops
from runtime.lifecycle import Stopping
from runtime.logs import get_logger
from status_tracker.announcer import LEASE_SECONDS, Announcer
from status_tracker.clients.connection import Connection
from status_tracker.clients.conversations import IntercomConversations
from status_tracker.clients.dispatcher import DispatcherClient
from status_tracker.clients.threads import IntercomThreads
from status_tracker.handlers import Recorder
from status_tracker.http import application
from status_tracker.operators import operators_app
from status_tracker.readiness import schema_trouble, wait_for_schema
from status_tracker.retaining import Retaining
from status_tracker.settings import Settings
from status_tracker.storage.database import Pool
from status_tracker.storage.outgoing import InLine
from status_tracker.sweep import Sweep
from status_tracker.thread import ThreadWriter
from status_tracker.worker import Worker

NAME = "status_tracker"
INTERCOM_SECONDS = 10.0
DISPATCHER_SECONDS = 5.0

log = get_logger()


async def main(settings: Settings, stack: AsyncExitStack, stopping: Stopping) -> None:
    """Start everything in the order in which it depends on one another, then wait to be stopped."""
    health = Health()
    ops_port = await stack.enter_async_context(serve_ops(health, settings.host, settings.ops_port))
    log.info("ops_listening", host=settings.host, port=ops_port)
    database_url = settings.database_url.get_secret_value()
    pool = await stack.enter_async_context(postgres.pool(database_url, application=NAME, by_index=True))
    health.add("database", partial(schema_trouble, pool))
    await wait_for_schema(pool)
    await _start(settings, stack, health, pool)
    health.started()
    stack.callback(health.drain)
    await stopping.wait()


async def _start(settings: Settings, stack: AsyncExitStack, health: Health, pool: Pool) -> None:
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = await stack.enter_async_context(Publisher(amqp_url, NAME))
    watch = await stack.enter_async_context(TopologyWatch(amqp_url, part_of(frozenset({HISTORY_QUEUE}))))
    announcer = await stack.enter_async_context(Announcer(pool, publisher))
    thread = await stack.enter_async_context(await _thread(settings, stack, pool))

    def written(in_line: InLine) -> None:
        announcer.publish(in_line)
        thread.wake()

    recorder = Recorder(pool, written, LEASE_SECONDS)
    app = application(pool, settings.service_tokens)
    port = await stack.enter_async_context(runtime_http.serve(app, settings.host, settings.port))
    log.info("history_listening", host=settings.host, port=port)
    await stack.enter_async_context(Retaining(pool, poll_seconds=settings.retention_seconds))
    if settings.operators_tokens:
        operators = operators_app(pool, settings.operators_tokens)
        operators_port = await stack.enter_async_context(
            runtime_http.serve(operators, settings.host, settings.operators_port)
        )
        log.info("operators_listening", host=settings.host, port=operators_port)
    clock = await stack.enter_async_context(DatabaseClock(pool))
    consumer = Consumer(
        amqp_url,
        [HISTORY_QUEUE],
        Worker(pool, recorder, clock.now, Erasures(pool, Vault(settings.workspace_keys))).handle,
        publisher,
        concurrency=settings.concurrency,
        name=NAME,
        trouble=(*postgres.TROUBLE, *postgres.UNPREPARED),
    )
    await stack.enter_async_context(consumer)
    await stack.enter_async_context(await _sweep(settings, stack, pool, recorder, consumer))
    for name, part in (("topology", watch), ("publisher", publisher), ("consumer", consumer)):
        health.add(name, part.check)


async def _thread(settings: Settings, stack: AsyncExitStack, pool: Pool) -> ThreadWriter:
    session = await stack.enter_async_context(runtime_http.client_session(INTERCOM_SECONDS))
    connection = Connection(session, Workspaces(pool, Vault(settings.workspace_keys)), settings.intercom_url)
    return ThreadWriter(pool, IntercomThreads(connection), IntercomConversations(connection))


async def _sweep(
    settings: Settings, stack: AsyncExitStack, pool: Pool, recorder: Recorder, consumer: Consumer
) -> Sweep:
    session = await stack.enter_async_context(runtime_http.client_session(DISPATCHER_SECONDS))
    dispatcher = DispatcherClient(session, settings.dispatcher_url, settings.dispatcher_token)
    return Sweep(
        pool,
        recorder,
        dispatcher,
        lambda: consumer.read_up_to,
        grace_seconds=settings.not_taken_grace_seconds,
        poll_seconds=settings.sweep_seconds,
    )
