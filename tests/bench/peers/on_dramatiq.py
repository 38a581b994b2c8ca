"""
Dramatiq. It acknowledges late, but does not wait for the broker's confirms by default, and knows no quorum queues.

https://dramatiq.io/reference.html#dramatiq.brokers.rabbitmq.RabbitmqBroker
"""

import threading
from typing import Any

import dramatiq
import psycopg
import urllib3
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from tests.bench.peers.job import AMQP_URL, DATABASE_URL, HEADERS, INSERT, PROVIDER_URL, THREADS, form, sid_of

JOBS, RESULTS = "dramatiq_jobs", "dramatiq_results"


class QuorumBroker(RabbitmqBroker):
    """Its queues, replicated."""

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {**super()._build_queue_arguments(queue_name), "x-queue-type": "quorum"}


broker = QuorumBroker(url=AMQP_URL, confirm_delivery=True)
dramatiq.set_broker(broker)

_http = urllib3.PoolManager(maxsize=THREADS)
_local = threading.local()


def send(id: str, recipient: str, text: str) -> None:  # noqa: A002  as the others call it
    """POST it and publish the result."""
    answer = _http.request("POST", PROVIDER_URL, body=form(recipient, text), headers=HEADERS)
    recorder.send(id, sid_of(answer.data))


def record(id: str, sid: str) -> None:  # noqa: A002  as the others call it
    """Write one row; a connection per thread."""
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(DATABASE_URL, autocommit=True)
    _local.connection.execute(INSERT.format("%s", "%s"), (id, sid))


sender = dramatiq.actor(queue_name=JOBS, actor_name="send")(send)
recorder = dramatiq.actor(queue_name=RESULTS, actor_name="record")(record)
