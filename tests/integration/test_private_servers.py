"""The broker and database that devstack starts: closed to the network, and keeping what they were given."""

import re
import shutil
import subprocess
import time

import asyncpg
import pika
import pytest

from devstack.backends import Broker, Database
from devstack.postgres import Postgres
from devstack.probes import cluster_name
from devstack.rabbitmq import NEW_QUEUE_SECONDS, RabbitMQ


def publish(url: str, text: bytes) -> None:
    """Put a persistent message into a durable quorum queue, confirmed."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    channel.basic_publish("", "kept", text, pika.BasicProperties(delivery_mode=2))
    connection.close()


def take(url: str) -> bytes | None:
    """Take the next message, if there is one."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    _, _, text = connection.channel().basic_get("kept", auto_ack=True)
    connection.close()
    return text if isinstance(text, bytes) else None


def test_a_confirmed_message_survives_a_killed_broker_on_the_same_port(broker: Broker, amqp_url: str) -> None:
    publish(amqp_url, b"once")
    time.sleep(NEW_QUEUE_SECONDS)
    broker.kill()
    broker.start()
    assert cluster_name(amqp_url) == broker.cluster_name
    assert take(amqp_url) == b"once"


def test_a_restarted_broker_keeps_its_messages(broker: Broker, amqp_url: str) -> None:
    publish(amqp_url, b"twice")
    broker.restart()
    assert take(amqp_url) == b"twice"


def test_the_broker_can_be_controlled(broker: Broker) -> None:
    assert "proactive" in broker.ctl("list_vhosts")


async def test_committed_rows_survive_a_killed_database_on_the_same_port(database: Database, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE kept (what text); INSERT INTO kept VALUES ('once')")
    await connection.close()
    database.kill()
    database.start()
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT what FROM kept") == "once"
    await connection.close()


@pytest.mark.skipif(not shutil.which("ss"), reason="ss (iproute2) shows who listens where")
def test_nothing_listens_beyond_loopback(broker: Broker, database: Database) -> None:
    if not (isinstance(broker, RabbitMQ) and isinstance(database, Postgres)):
        pytest.skip("not private processes")
    pids = "|".join(str(process.pid) for process in (*broker.processes, *database.processes))
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = [line for line in listening.splitlines() if re.search(rf"pid=({pids}),", line)]
    assert len(ours) >= 4
    assert all(re.search(r"\s(127\.0\.0\.1|\[::1\]):\d+\s", line) for line in ours), listening
