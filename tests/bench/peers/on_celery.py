"""
Celery. Its defaults acknowledge before the task runs and do not wait for the broker's confirms.

https://docs.celeryq.dev/en/stable/userguide/configuration.html · quorum queues:
https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/rabbitmq.html
"""

import threading

import psycopg
import urllib3
from celery import Celery
from kombu import Queue

from tests.bench.peers.job import AMQP_URL, DATABASE_URL, HEADERS, INSERT, PROVIDER_URL, THREADS, form, sid_of

JOBS, RESULTS = "celery.jobs", "celery.results"

app = Celery("bench", broker=AMQP_URL)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_transport_options={"confirm_publish": True},  # for py-amqp; messages are persistent by default
    task_queues=[Queue(name, queue_arguments={"x-queue-type": "quorum"}) for name in (JOBS, RESULTS)],
    task_default_queue=JOBS,
    task_routes={"record": {"queue": RESULTS}},
    task_ignore_result=True,  # no result backend: the result is published, as everybody's is
    broker_pool_limit=THREADS,  # else threads wait for a connection to publish on
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)

_http = urllib3.PoolManager(maxsize=THREADS)
_local = threading.local()


def send(id: str, recipient: str, text: str) -> None:  # noqa: A002  as the others call it
    """POST it and publish the result."""
    answer = _http.request("POST", PROVIDER_URL, body=form(recipient, text), headers=HEADERS)
    app.tasks["record"].delay(id, sid_of(answer.data))


def record(id: str, sid: str) -> None:  # noqa: A002  as the others call it
    """Write one row; a connection per thread."""
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(DATABASE_URL, autocommit=True)
    _local.connection.execute(INSERT.format("%s", "%s"), (id, sid))


app.task(name="send")(send)
app.task(name="record")(record)
