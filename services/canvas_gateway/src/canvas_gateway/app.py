"""The only place that knows which class does what."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
import asyncpg

from canvas_gateway.bus import RequestBus
from canvas_gateway.connected import ConnectedWorkspaces
from canvas_gateway.contacts import IntercomContacts
from canvas_gateway.handlers.asking import Asking
from canvas_gateway.handlers.deciding import Deciding
from canvas_gateway.handlers.finding import Finding
from canvas_gateway.handlers.panel import Panel
from canvas_gateway.handlers.registry import shows, steps
from canvas_gateway.handlers.remembering import Remembering
from canvas_gateway.handlers.sending import Sending
from canvas_gateway.history import TrackedHistory
from canvas_gateway.http import CanvasEndpoints
from canvas_gateway.oauth import OAuthApp, OAuthEndpoints
from canvas_gateway.reachability import DispatcherReachability
from canvas_gateway.results import ArrivingResults
from canvas_gateway.settings import GatewaySettings
from directory.channels import Channels
from directory.installs import Installs
from directory.secrets import Vault
from directory.workspaces import Workspaces
from intercom_api import REGIONS
from proactive_contracts.topology import EVENTS
from runtime import clock, postgres
from runtime.amqp.private_queue import PrivateQueue
from runtime.amqp.publisher import Publisher
from runtime.health import Health, serve_ops
from runtime.http import client_session, serve
from runtime.lifecycle import Stopping
from runtime.logs import get_logger

NAME = "canvas_gateway"

_CALL_SECONDS = 5.0

log = get_logger()


class SystemClock:
    """The real time and new ids."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return clock.now()

    def new_id(self) -> UUID:
        """A UUID of version 7."""
        return clock.new_id()


async def serve_panels(settings: GatewaySettings, stack: AsyncExitStack, stopping: Stopping) -> None:
    """Serve until asked to stop. Ready means: the directory can be read; without the broker the panel says so."""
    health = Health()
    ops_port = await stack.enter_async_context(serve_ops(health, settings.host, settings.ops_port))
    log.info("ops_served", port=ops_port)

    amqp_url = settings.amqp_url.get_secret_value()
    publisher = await stack.enter_async_context(Publisher(amqp_url, NAME))
    results = ArrivingResults(clock.new_id())
    await stack.enter_async_context(PrivateQueue(amqp_url, EVENTS, results.route, results.on_message, NAME))

    pool = await stack.enter_async_context(postgres.pool(settings.database_url.get_secret_value(), application=NAME))
    health.add("database", lambda: _missing_directory(pool))

    bus = RequestBus(publisher)
    asking = Asking(bus, results)
    stack.push_async_callback(asking.drain)
    session = await stack.enter_async_context(client_session(_CALL_SECONDS, connect_seconds=2))
    workspaces = Workspaces(pool, Vault(settings.workspace_keys))
    application = _endpoints(settings, session, pool, workspaces, asking, bus).application()
    OAuthEndpoints(_oauth_app(settings), session, Installs(pool), workspaces).add_to(application)
    port = await stack.enter_async_context(serve(application, settings.host, settings.port))
    health.started()
    log.info("panel_served", port=port)
    await stopping.wait()
    health.drain()


def _oauth_app(settings: GatewaySettings) -> OAuthApp:
    return OAuthApp(
        client_id=settings.intercom_client_id,
        client_secret=settings.intercom_client_secrets[0],
        authorize_url=settings.intercom_oauth_url,
        intercom_url=settings.intercom_url or REGIONS["us"],
    )


def _endpoints(
    settings: GatewaySettings,
    session: aiohttp.ClientSession,
    pool: "asyncpg.Pool[asyncpg.Record]",
    workspaces: Workspaces,
    asking: Asking,
    bus: RequestBus,
) -> CanvasEndpoints:
    directory = ConnectedWorkspaces(workspaces, Channels(pool, None))
    contacts = IntercomContacts(session, directory.token, settings.intercom_url)
    tracked = TrackedHistory(session, settings.tracker_url, settings.tracker_token)
    reachability = DispatcherReachability(session, settings.dispatcher_url, settings.dispatcher_token)
    finding = Finding(contacts, directory, reachability, SystemClock())
    remembering = Remembering(tracked, directory, bus)
    sending = Sending(
        asking,
        tracked,
        wait_seconds=settings.result_wait_seconds,
        lifetime=timedelta(seconds=settings.not_after_seconds),
    )
    deciding = Deciding(asking, tracked, remembering, wait_seconds=settings.result_wait_seconds)
    panel = Panel(
        directory,
        SystemClock(),
        settings.state_keys,
        shows(finding, sending, remembering),
        steps(finding, sending, deciding),
    )
    return CanvasEndpoints(panel, settings.intercom_client_secrets)


async def _missing_directory(pool: "asyncpg.Pool[asyncpg.Record]") -> str | None:
    try:
        await pool.fetchval("SELECT 1 FROM directory.workspace LIMIT 1")
    except asyncpg.UndefinedTableError:
        return "the tables of the directory are not there: run `proactivectl migrate`"
    return None
