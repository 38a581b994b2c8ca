"""Who is measured: our services, and the peers; how each is started, fed, and asked how far it is."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from devstack.channels import SMS
from devstack.postgres import DATABASE
from devstack.services import SERVICES, Service, common_environment
from devstack.surroundings import Surroundings
from tests.bench.peers.job import PREFETCH, THREADS
from tests.support.bus import WORKSPACE, send_requested

TEXT = "Your parcel is on its way and comes today between two and four. Reply STOP to hear no more from us."
PROVIDER_PORT = "sandbox"
"""Under this name devstack's channels look for their provider."""

INTERCOM_PORT = "intercom"
"""Where the sandbox's Intercom is, since the provider has its place."""

JSON = "application/json"


@dataclass(frozen=True)
class Letter:
    """One message to be published: where to, and what."""

    exchange: str
    key: str
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contestant:
    """
    One way to do the work: processes that call the provider, and processes that remember.

    `done` gives the ids in $1 of messages that are done; `committed` id and moment of the last change of each in $1;
    `forget` empties what it wrote in its `database`.
    """

    name: str
    title: str
    dispatchers: tuple[str, ...]
    trackers: tuple[str, ...]
    queues: tuple[str, ...]
    letter: Callable[[str, str], Letter]
    done: str
    committed: str
    forget: str
    database: str


# Ours

_SETTINGS = {
    # A single channel's bulk lane has nine sixteenths of it: 562 calls at the same time.
    SMS.worker: {"PROACTIVE_CONCURRENCY": "1000"},
    "status_tracker": {"PROACTIVE_CONCURRENCY": "200"},
}
"""What differs from the defaults, which are made for many channels of 20 messages a second."""

_PLACES = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b", "+10000000000")


def _request() -> bytes:
    event = send_requested(_PLACES[2], TEXT, seconds=36_000) | {"id": _PLACES[1]}
    event["data"]["message_id"] = _PLACES[0]
    return json.dumps(event).encode()


def _ours(id: str, recipient: str) -> Letter:  # noqa: A002  as the others call it
    body = _REQUEST.replace(_PLACES[0].encode(), id.encode()).replace(_PLACES[1].encode(), str(uuid4()).encode())
    body = body.replace(_PLACES[2].encode(), recipient.encode())
    return Letter("proactive.requests", "send.sms.bulk", body, "application/cloudevents+json")


_REQUEST = _request()

OURS = Contestant(
    name="ours",
    title="Proactive, the whole path",
    dispatchers=(SMS.worker,),
    trackers=("status_tracker",),
    queues=("dispatcher.sms.bulk", "status_tracker.history"),
    letter=_ours,
    # Done is what was told as well. OFFSET 0 keeps it to two keys: it costs the same however much is done.
    done="SELECT message_id::text FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL ("
    f"SELECT message_id, status, recipient FROM tracker.message WHERE workspace_id = '{WORKSPACE}' "
    "AND message_id = asked.id OFFSET 0) AS known WHERE status = 'sent' "
    f"AND NOT EXISTS (SELECT FROM tracker.outgoing WHERE workspace_id = '{WORKSPACE}' AND channel = 'sms' "
    "AND recipient = known.recipient OFFSET 0)",
    committed="SELECT message_id::text, pg_xact_commit_timestamp(xmin) FROM tracker.message "
    "WHERE message_id = ANY($1::text[]::uuid[])",
    forget="TRUNCATE dispatch.job, tracker.message, tracker.request, tracker.entry, tracker.provider_message, "
    "tracker.outgoing, tracker.effect",
    database=DATABASE,
)

MOST_WORKERS = 4
ABLATED = {"journal": SMS.worker, "batches": SMS.worker, "status_events": "status_tracker"}
"""What tests.bench.without can take away, and from which of our processes."""


def settings_of(service: str) -> dict[str, str]:
    """What differs from the defaults, also for a twin of a service."""
    return next((settings for name, settings in _SETTINGS.items() if service.startswith(name)), {})


def with_workers(count: int) -> Contestant:
    """Ours with so many workers."""
    names = tuple(SMS.worker if number == 1 else f"{SMS.worker}-{number}" for number in range(1, count + 1))
    return replace(OURS, name=f"ours-{count}", dispatchers=names)


def ours_without(what: str) -> Contestant:
    """Ours with something taken away that ABLATED names."""
    twin = f"{ABLATED[what]}-without-{what}"
    if ABLATED[what] == SMS.worker:
        return replace(OURS, name=f"without-{what}", dispatchers=(twin,))
    return replace(OURS, name=f"without-{what}", trackers=(twin,))


def _twins(ours: Mapping[str, Service]) -> Iterable[Service]:
    """More workers, and those that something was taken from."""
    worker = ours[SMS.worker]
    for number in range(2, MOST_WORKERS + 1):
        port = f"dispatcher_sms_{number}_ops"
        name = f"{SMS.worker}-{number}"
        yield replace(worker, name=name, ports={"PROACTIVE_OPS_PORT": port}, ready=(port, "/readyz"))
    for what, name in ABLATED.items():
        arguments = ("-m", "tests.bench.without", what, *ours[name].arguments[1:])
        yield replace(ours[name], name=f"{name}-without-{what}", arguments=arguments)


# The peers

OUTCOME = "CREATE TABLE outcome (id uuid PRIMARY KEY, provider_message_id text NOT NULL)"


def _peer(name: str, title: str, queues: tuple[str, str], letter: Callable[[str, str], Letter]) -> Contestant:
    return Contestant(
        name=name,
        title=title,
        dispatchers=(f"{name}-send",),
        trackers=(f"{name}-record",),
        queues=queues,
        letter=letter,
        done="SELECT id::text FROM outcome WHERE id = ANY($1::uuid[])",
        committed="SELECT id::text, pg_xact_commit_timestamp(xmin) FROM outcome WHERE id = ANY($1::text[]::uuid[])",
        forget="TRUNCATE outcome",
        database="peers",
    )


def _plainly(queue: str) -> Callable[[str, str], Letter]:
    def letter(id: str, recipient: str) -> Letter:  # noqa: A002  as the others call it
        return Letter("", queue, json.dumps({"id": id, "recipient": recipient, "text": TEXT}).encode())

    return letter


def _celery(id: str, recipient: str) -> Letter:  # noqa: A002  as the others call it
    """https://docs.celeryq.dev/en/stable/internals/protocol.html, version 2."""
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([[id, recipient, TEXT], {}, embed]).encode()
    return Letter("", "celery.jobs", body, headers=(("lang", "py"), ("task", "send"), ("id", id), ("root_id", id)))


def _dramatiq(id: str, recipient: str) -> Letter:  # noqa: A002  as the others call it
    """https://dramatiq.io/reference.html#dramatiq.Message."""
    message = {
        "queue_name": "dramatiq_jobs",
        "actor_name": "send",
        "args": [id, recipient, TEXT],
        "kwargs": {},
        "options": {},
        "message_id": id,
        "message_timestamp": 1_800_000_000_000,
    }
    return Letter("", "dramatiq_jobs", json.dumps(message).encode())


def _taskiq(id: str, recipient: str) -> Letter:  # noqa: A002  as the others call it
    """taskiq.message.TaskiqMessage."""
    message = {"task_id": id, "task_name": "send", "labels": {}, "args": [id, recipient, TEXT], "kwargs": {}}
    return Letter("taskiq", "taskiq.jobs", json.dumps(message).encode())


PLAIN = _peer("plain", "aio-pika by hand", ("plain.jobs", "plain.results"), _plainly("plain.jobs"))
FASTSTREAM = _peer("faststream", "FastStream", ("faststream.jobs", "faststream.results"), _plainly("faststream.jobs"))
CELERY = _peer("celery", f"Celery, {THREADS} threads", ("celery.jobs", "celery.results"), _celery)
DRAMATIQ = _peer("dramatiq", f"Dramatiq, {THREADS} threads", ("dramatiq_jobs", "dramatiq_results"), _dramatiq)
TASKIQ = _peer("taskiq", "taskiq-aio-pika", ("taskiq.jobs", "taskiq.results"), _taskiq)

PEERS = (PLAIN, FASTSTREAM, CELERY, DRAMATIQ, TASKIQ)


def services() -> list[Service]:
    """Ours, the provider, and the peers' processes."""
    ours = {service.name: service for service in SERVICES}
    wanted = [ours[name] for name in (*OURS.dispatchers, *OURS.trackers, "dispatcher-webhooks", "canvas_gateway")]
    intercom = replace(ours["sandbox"], ports={"SANDBOX_PORT": INTERCOM_PORT}, ready=(INTERCOM_PORT, "/"))
    return [_provider(), intercom, *wanted, *_twins(ours), *_peers()]


def _provider() -> Service:
    ports = {"PROVIDER_PORT": PROVIDER_PORT}
    return Service("provider", ("-m", "tests.bench.provider"), ports, (PROVIDER_PORT, "/"), lambda _around: {})


def _peers() -> Iterable[Service]:
    threads = str(THREADS)
    celery = ["-m", "celery", "-A", "tests.bench.peers.on_celery", "worker", "--pool", "threads", "-c", threads]
    celery += ["--loglevel", "warning", "--without-gossip", "--without-mingle"]
    dramatiq = ["-m", "dramatiq", "tests.bench.peers.on_dramatiq", "--processes", "1", "--threads", threads]
    taskiq = ["-m", "taskiq", "worker", "tests.bench.peers.on_taskiq:broker", "--workers", "1"]
    taskiq += ["--log-level", "WARNING", "--ack-type", "when_executed", "--max-async-tasks", str(PREFETCH)]
    plain, faststream = ["-m", "tests.bench.peers.plain"], ["-m", "tests.bench.peers.on_faststream"]
    commands = {
        "plain": ([*plain, "send"], [*plain, "record"]),
        "faststream": ([*faststream, "send"], [*faststream, "record"]),
        "celery": ([*celery, "-n", "send", "-Q", "celery.jobs"], [*celery, "-n", "record", "-Q", "celery.results"]),
        "dramatiq": ([*dramatiq, "-Q", "dramatiq_jobs"], [*dramatiq, "-Q", "dramatiq_results"]),
        "taskiq": (taskiq, taskiq),
    }
    for name, (send, record) in commands.items():
        for role, command in (("send", send), ("record", record)):
            yield Service(f"{name}-{role}", tuple(command), {}, (PROVIDER_PORT, "/"), _peer_environment(role))


def _peer_environment(role: str) -> Callable[[Surroundings], dict[str, str]]:
    return lambda around: {
        **common_environment(around),
        "PROVIDER_URL": around.url(PROVIDER_PORT, "/Messages.json"),
        "TASKIQ_ROLE": role,
    }
