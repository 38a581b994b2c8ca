"""Each account may do what its role needs and nothing else, on the real broker and the real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import aiormq
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel

from devstack.backends import Broker
from devstack.errors import BackendError
from devstack.logins import import_users
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_install import ensure_rabbitmq
from tests.support.backends import missing_backend, temporary_state
from tests.unit.proactivectl.command import Command

PASSWORD = "correct horse /?#@"
ACCOUNTS = """
accounts:
  - {name: t-gateway, role: canvas_gateway, password: {env: LOGIN}}
  - {name: t-sms, role: dispatcher, channel: sms, password: {env: LOGIN}}
  - {name: t-webhooks, role: webhooks, password: {env: LOGIN}}
  - {name: t-tracker, role: status_tracker, password: {env: LOGIN}}
  - {name: t-operator, role: operator, password: {env: LOGIN}}
  - {name: t-newsletter, role: publisher, channels: [sms], password: {env: LOGIN}}
  - {name: t-billing, role: listener, listener: billing, password: {env: LOGIN}}
  - {name: t-keda, role: monitor, password: {env: LOGIN}}
"""


async def refused(doing: Awaitable[object]) -> bool:
    """Whether broker or database denied it."""
    try:
        await doing
    except (aiormq.exceptions.ChannelAccessRefused, asyncpg.InsufficientPrivilegeError):
        return True
    return False


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("accounts") / "accounts.yaml"
    file.write_text(ACCOUNTS)
    return file


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], amqp_url: str, database_url: str
) -> Command:
    monkeypatch.setenv("AMQP_URL", amqp_url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LOGIN", PASSWORD)
    monkeypatch.delenv("PROACTIVE_MANAGEMENT_URL", raising=False)
    return Command(monkeypatch, capsys)


def url_of(url: str, name: str) -> str:
    parts = urlsplit(url)
    login = f"{name}:correct%20horse%20%2F%3F%23%40"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


# The broker


@pytest.fixture
def let_in(run: Command, broker: Broker, accounts: Path) -> None:
    """Everything is declared, and everybody has an account."""
    run("migrate")
    run("topology", "apply")
    run("listener", "add", "billing")
    import_users(broker, run("topology", "users", "--accounts", str(accounts)).out)


@asynccontextmanager
async def channel_of(url: str, name: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url_of(url, name))
    try:
        yield await connection.channel(on_return_raises=True)
    finally:
        await connection.close()


async def publish(url: str, name: str, exchange: str, key: str, user_id: str | None = None) -> None:
    """Raises where the broker refuses it."""
    async with channel_of(url, name) as channel:
        where = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await where.publish(aio_pika.Message(b"{}", user_id=user_id), key, mandatory=False, timeout=5)


async def read(url: str, name: str, queue: str) -> None:
    """Raises where the broker refuses it."""
    async with channel_of(url, name) as channel:
        await (await channel.get_queue(queue, ensure=False)).get(fail=False, no_ack=False)


MAY_PUBLISH = [
    ("t-gateway", "proactive.requests", "send.viber.interactive"),
    ("t-gateway", "proactive.requests", "control.sms"),
    ("t-gateway", "proactive.events", "teammate.replied"),
    ("t-sms", "proactive.events", "delivery.accepted.sms"),
    ("t-sms", "proactive.events", "panel.0b5ad1a0"),
    ("t-sms", "proactive.dead", "dispatcher.sms.bulk.parked"),
    ("t-webhooks", "proactive.events", "receipt.viber"),
    ("t-tracker", "proactive.events", "status.sandbox1.sms.sent"),
    ("t-tracker", "proactive.dead", "status_tracker.history.parked"),
    ("t-operator", "proactive.requests", "send.sms.bulk"),
    ("t-operator", "", "dispatcher.sms.bulk"),
    ("t-newsletter", "proactive.requests", "send.sms.bulk"),
]
MUST_NOT_PUBLISH = [
    ("t-gateway", "proactive.requests", "send.sms.bulk"),
    ("t-gateway", "proactive.events", "delivery.accepted.sms"),
    ("t-gateway", "", "dispatcher.sms.interactive"),
    ("t-sms", "proactive.events", "delivery.accepted.viber"),
    ("t-sms", "proactive.events", "status.sandbox1.sms.sent"),
    ("t-sms", "proactive.requests", "send.sms.bulk"),
    ("t-sms", "proactive.dead", "dispatcher.viber.bulk.parked"),
    ("t-sms", "", "dispatcher.sms.bulk"),
    ("t-webhooks", "proactive.events", "delivery.accepted.sms"),
    ("t-webhooks", "proactive.requests", "send.sms.bulk"),
    ("t-tracker", "proactive.events", "receipt.sms"),
    ("t-tracker", "proactive.requests", "send.sms.bulk"),
    ("t-operator", "proactive.events", "delivery.accepted.sms"),
    ("t-newsletter", "proactive.requests", "send.sms.interactive"),
    ("t-newsletter", "proactive.requests", "send.viber.bulk"),
    ("t-newsletter", "proactive.requests", "control.sms"),
    ("t-newsletter", "proactive.events", "receipt.sms"),
    ("t-newsletter", "", "dispatcher.sms.bulk"),
    ("t-billing", "proactive.requests", "send.sms.bulk"),
]


@pytest.mark.usefixtures("let_in")
async def test_everybody_publishes_what_is_theirs(amqp_url: str) -> None:
    for who, exchange, key in MAY_PUBLISH:
        await publish(amqp_url, who, exchange, key)


@pytest.mark.usefixtures("let_in")
async def test_nobody_publishes_what_is_anothers(amqp_url: str) -> None:
    for who, exchange, key in MUST_NOT_PUBLISH:
        assert await refused(publish(amqp_url, who, exchange, key)), f"{who} published {key} to {exchange or 'default'}"


@pytest.mark.usefixtures("let_in")
async def test_nobody_reads_what_is_anothers(amqp_url: str) -> None:
    mine = {
        "t-sms": ["dispatcher.sms.interactive", "dispatcher.sms.bulk"],
        "t-tracker": ["status_tracker.history"],
        "t-billing": ["listener.billing"],
        "t-operator": ["dispatcher.sms.bulk.parked"],
    }
    queues = {queue for queues in mine.values() for queue in queues} | {"dispatcher.whatsapp.bulk"}
    names = ("t-gateway", "t-sms", "t-webhooks", "t-tracker", "t-operator", "t-newsletter", "t-billing", "t-keda")
    for who in names:
        for queue in sorted(queues):
            if queue in mine.get(who, ()):
                await read(amqp_url, who, queue)
            elif (who, queue) != ("t-sms", "dispatcher.sms.bulk.parked"):  # it looks whether that one is there
                assert await refused(read(amqp_url, who, queue)), f"{who} read {queue}"


@pytest.mark.usefixtures("let_in")
async def test_nobody_declares_or_deletes_a_queue_but_the_gateway_its_own(amqp_url: str) -> None:
    for who in ("t-sms", "t-webhooks", "t-tracker", "t-operator", "t-newsletter", "t-billing", "t-gateway"):
        async with channel_of(amqp_url, who) as channel:
            with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
                await channel.declare_queue("mine", durable=True)
        async with channel_of(amqp_url, who) as channel:
            with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
                await channel.queue_delete("dispatcher.sms.bulk")
    async with channel_of(amqp_url, "t-gateway") as channel:
        queue = await channel.declare_queue("panel.1.2", exclusive=True)
        await queue.bind("proactive.events", "panel.1")
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await queue.bind("proactive.events", "delivery.#")


@pytest.mark.usefixtures("let_in")
async def test_the_broker_checks_who_a_message_says_it_is_from(amqp_url: str) -> None:
    await publish(amqp_url, "t-newsletter", "proactive.requests", "send.sms.bulk", user_id="t-newsletter")
    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
        await publish(amqp_url, "t-newsletter", "proactive.requests", "send.sms.bulk", user_id="t-operator")


# The management plugin


@pytest.fixture(scope="module")
def managed() -> Iterator[RabbitMQ]:
    """A node of our own with the plugin, which the others do without."""
    with temporary_state("managed") as state:
        try:
            broker = RabbitMQ(state, scripts=ensure_rabbitmq(print), management=True)
        except BackendError as error:
            missing_backend(error)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


def test_topology_apply_makes_the_users_through_the_plugin(
    run: Command, managed: RabbitMQ, accounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URL", managed.amqp_url)
    run("migrate")
    apply = ("topology", "apply", "--accounts", str(accounts))
    assert "needs --management-url" in run(*apply, code=2).err
    monkeypatch.setenv("PROACTIVE_MANAGEMENT_URL", managed.management_url)
    assert "t-newsletter" in run(*apply).out
    assert run(*apply, "--json").document["users"][0] == "t-gateway"
    asyncio.run(publish(managed.amqp_url, "t-newsletter", "proactive.requests", "send.sms.bulk"))
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        asyncio.run(publish(managed.amqp_url, "t-newsletter", "proactive.requests", "send.viber.bulk"))
    assert run("topology", "diff").out == "No difference.\n"
    monkeypatch.setenv("PROACTIVE_MANAGEMENT_URL", url_of(managed.management_url, "t-keda"))
    assert "must be an administrator" in run(*apply, code=1).err


# The database


@asynccontextmanager
async def login(url: str, name: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url_of(url, name))
    try:
        yield connection
    finally:
        await connection.close()


MAY = {
    "t-gateway": [
        "SELECT sealed_token FROM directory.workspace",
        "SELECT name, sender FROM directory.channel",
        "DELETE FROM directory.install",
    ],
    "t-sms": ["SELECT sealed_credentials FROM directory.channel", "DELETE FROM dispatch.job"],
    "t-webhooks": ["UPDATE dispatch.job SET attempt = attempt", "SELECT keep_text_days FROM directory.workspace"],
    "t-tracker": ["DELETE FROM tracker.message", "SELECT sealed_token FROM directory.workspace"],
    "t-operator": ["UPDATE directory.channel SET enabled = enabled", "SELECT name FROM tracker.migration"],
}
MUST_NOT = {
    "t-gateway": [
        "SELECT sealed_credentials FROM directory.channel",
        "SELECT FROM dispatch.job",
        "SELECT FROM tracker.message",
        "DELETE FROM directory.workspace",
    ],
    "t-sms": [
        "SELECT FROM tracker.message",
        "SELECT sealed_token FROM directory.workspace",
        "UPDATE directory.channel SET enabled = true",
        "DELETE FROM dispatch.migration",
        "CREATE TABLE dispatch.mine ()",
    ],
    "t-tracker": [
        "SELECT FROM dispatch.job",
        "SELECT FROM directory.channel",
        "UPDATE directory.workspace SET name = name",
        "TRUNCATE tracker.message",
    ],
    "t-operator": [
        "SELECT FROM tracker.message",
        "SELECT FROM dispatch.job",
        "DELETE FROM directory.audit",
        "UPDATE directory.audit SET action = 'x'",
    ],
}


@pytest.fixture
def logged_in(run: Command, accounts: Path) -> list[str]:
    """Everybody has a login; their names."""
    logins: list[str] = run("migrate", "--accounts", str(accounts), "--json").document["logins"]
    return logins


async def test_everybody_sees_what_is_theirs_in_the_database(logged_in: list[str], database_url: str) -> None:
    assert logged_in == ["t-gateway", "t-sms", "t-webhooks", "t-tracker", "t-operator"]
    for who, statements in MAY.items():
        async with login(database_url, who) as connection:
            for statement in statements:
                await connection.execute(statement)
    for who, statements in MUST_NOT.items():
        async with login(database_url, who) as connection:
            for statement in statements:
                assert await refused(connection.execute(statement)), f"{who}: {statement}"


@pytest.fixture
def moved(run: Command, logged_in: list[str], tmp_path: Path) -> str:
    """An account that has another role than before."""
    other = tmp_path / "accounts.yaml"
    other.write_text(ACCOUNTS.replace("t-sms, role: dispatcher, channel: sms", "t-sms, role: status_tracker"))
    run("migrate", "--accounts", str(other))
    return logged_in[1]


async def test_an_account_can_change_its_role(moved: str, database_url: str) -> None:
    async with login(database_url, moved) as connection:
        await connection.execute("SELECT FROM tracker.message")
        assert await refused(connection.execute("SELECT FROM dispatch.job"))


def test_a_superuser_is_left_alone(run: Command, tmp_path: Path, database_url: str) -> None:
    owner = urlsplit(database_url).username
    file = tmp_path / "accounts.yaml"
    file.write_text(f"accounts: [{{name: {owner}, role: operator, password: {{env: LOGIN}}}}]")
    assert "is a superuser of the database" in run("migrate", "--accounts", str(file), code=1).err


def as_owner(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


@pytest.fixture
def migrated_anew(run: Command, logged_in: list[str], database_url: str) -> Iterator[None]:
    """A later release made a table, and was migrated to without the file of accounts."""
    as_owner(database_url, "CREATE TABLE tracker.of_a_later_release ()")
    run("migrate")
    yield
    as_owner(database_url, "DROP TABLE tracker.of_a_later_release")


@pytest.mark.usefixtures("migrated_anew")
async def test_a_plain_migration_gives_services_what_it_made(database_url: str) -> None:
    async with login(database_url, "t-tracker") as connection:
        await connection.execute("SELECT FROM tracker.of_a_later_release")
    async with login(database_url, "t-sms") as connection:
        assert await refused(connection.execute("SELECT FROM tracker.of_a_later_release"))
