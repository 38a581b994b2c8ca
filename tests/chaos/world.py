"""One private stack for many faults: servers, services, and a proxy on every wire between them."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from devstack.backends import choose
from devstack.demo.calls import call
from devstack.demo.checks import eventually
from devstack.demo.scene import Scene
from devstack.postgres import Postgres
from devstack.probes import http_answer, run_async
from devstack.processes import Process
from devstack.progress import Progress, Silent
from devstack.rabbitmq import NEW_QUEUE_SECONDS, RabbitMQ
from devstack.services import SERVICES, Service
from devstack.stack import Stack
from devstack.state import State
from proactive_contracts import topology
from runtime.amqp.topology import apply
from tests.chaos.lines import Lines
from tests.chaos.proxy import Network, Proxy, address_of, through

SMS, SMS_2, WHATSAPP, VIBER = "dispatcher-sms", "dispatcher-sms-2", "dispatcher-whatsapp", "dispatcher-viber"
GATEWAY, WEBHOOKS, TRACKER, SANDBOX = "canvas_gateway", "dispatcher-webhooks", "status_tracker", "sandbox"

ALWAYS = (SANDBOX, GATEWAY, SMS, WEBHOOKS, TRACKER)
"""The others are started by the faults that need them, and stopped when the world is healed."""

OURS = (GATEWAY, SMS, SMS_2, WHATSAPP, VIBER, WEBHOOKS, TRACKER)
LISTENER = "chaos"

_WORKER_TIMES = {
    "PROACTIVE_CALL_SECONDS": "4",
    "PROACTIVE_LEASE_SECONDS": "8",
    "PROACTIVE_SCHEDULER_SECONDS": "0.2",
    "PROACTIVE_SETTLING_SECONDS": "1",
}
SHORT_LEASE = {"PROACTIVE_CALL_SECONDS": "1.5", "PROACTIVE_LEASE_SECONDS": "3"}
"""For workers that are killed on purpose: their claims lapse while one waits."""

_TIMES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys((SMS, SMS_2, WHATSAPP, VIBER), _WORKER_TIMES),
    TRACKER: {"PROACTIVE_NOT_TAKEN_GRACE_SECONDS": "1", "PROACTIVE_SWEEP_SECONDS": "0.5"},
    GATEWAY: {"PROACTIVE_RESULT_WAIT_SECONDS": "2", "PROACTIVE_NOT_AFTER_SECONDS": "60"},
    # The state file is written whole at every change, and a queue of the sandbox's own would make requests routable.
    SANDBOX: {"SANDBOX_STATE_FILE": "", "SANDBOX_AMQP_URL": ""},
}


class World:
    """The stack of one run; a context manager. `broker` and `database` are there to be mistreated."""

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        self.state = State(folder)
        self.state.prepare()
        self.progress = progress or Silent()
        backends = choose(
            self.state, purpose="tests", report=self.progress.say, environment={"PROACTIVE_BACKENDS": "private"}
        )
        assert isinstance(backends.broker, RabbitMQ)
        assert isinstance(backends.database, Postgres)
        self.broker, self.database = backends.broker, backends.database
        self._resources = ExitStack()
        self.network = Network()
        self._backends = backends
        self._services = _services()
        self._proxies: dict[str, Proxy] = {}
        self._changed: set[str] = set()
        self.retired = False
        """Beyond repair on purpose: the next fault gets another one."""
        self.database_url = backends.database.database_url
        """Where the database is now; a replica may have taken over."""
        self.repairs: list[Callable[[], None]] = []
        """What a fault leaves to be put right, last first, before anything else is healed."""

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.network)
            self._open_proxies()
            self.stack = Stack(
                self.state.folder,
                overrides=self._overrides(),
                progress=self.progress,
                backends=self._backends,
                services=list(self._services.values()),
                purpose="tests",
            )
            starting.callback(self.stack.stop)
            self.stack.start_backends()
            self._set_up()
            self._start_always()
            self.scene = Scene(self.stack)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.stack.started_processes():
            process.send_signal(signal.SIGCONT)  # a stopped one would not hear that it shall end
        self._resources.close()

    # What stands between the services and the servers

    def broker_of(self, service: str) -> Proxy:
        """The wire from one service to the broker."""
        return self._proxies[f"{service}:broker"]

    def database_of(self, service: str) -> Proxy:
        """The wire from one service to the database."""
        return self._proxies[f"{service}:database"]

    @property
    def databases(self) -> list[Proxy]:
        """The wires of all services to the database."""
        return [proxy for name, proxy in self._proxies.items() if name.endswith(":database")]

    @property
    def provider(self) -> Proxy:
        """The wire from all workers to the providers."""
        return self._proxies["provider"]

    # Services

    def start(self, name: str, environment: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Start a service (again), with these variables on top."""
        self._note(name, environment)
        self.stack.start_service(name, environment, wait=wait)

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stop it in good order and start it with these variables on top."""
        self._note(name, environment)
        self.stack.restart(name, environment)

    def _note(self, name: str, environment: Mapping[str, str] | None) -> None:
        """What was started as usual needs no healing."""
        if environment or name not in ALWAYS:
            self._changed.add(name)
        else:
            self._changed.discard(name)

    def stop(self, name: str) -> Process:
        """Stop it in good order; the process, for its exit code."""
        self._changed.add(name)
        self.stack.stop_service(name)
        return self.stack.process(name)

    def kill(self, name: str) -> None:
        """End it as a crash would."""
        self._changed.add(name)
        self.stack.kill(name)

    def await_death(self, name: str, seconds: float = 20) -> None:
        """A failpoint kills it, or has done so."""
        self._changed.add(name)
        process = self.stack.process(name)
        eventually(lambda: process.running, lambda running: not running, f"{name} dies", seconds)

    def await_ready(self, *names: str, ready: bool = True, seconds: float = 30) -> None:
        """Wait until these say that they are ready, or that they are not."""
        for name in names:
            eventually(
                lambda name=name: self.stack.readiness(name)[0] == 200,  # type: ignore[misc]
                lambda answer: answer is ready,
                f"{name} {'ready' if ready else 'not ready'}",
                seconds,
            )

    def memory(self, name: str) -> int:
        """Bytes of memory that a service occupies (VmRSS, as Linux counts it)."""
        pid = self.stack.process(name).pid
        words = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
        return int(words[0]) * 1024

    def metric(self, name: str, what: str) -> float:
        """The sum over a metric's lines at one service."""
        port, _path = self._services[name].ready
        _status, page = http_answer(self.stack.surroundings.url(port, "/metrics"))
        lines = [line.rsplit(" ", 1) for line in page.splitlines() if line.startswith(what)]
        return sum(float(value) for _name, value in lines)

    # Afterwards

    def heal(self) -> None:
        """
        Put everything right after a fault.

        Raises:
            DevstackError, Unexpected: it cannot be; make another world.
        """
        while self.repairs:
            repair = self.repairs.pop()
            self.repairs = [one for one in self.repairs if one != repair]
            repair()
        for proxy in self.network.proxies:
            proxy.flow()
        self.database.start()
        self.broker.start()
        changed, self._changed = self._changed, set()
        for name in changed - set(ALWAYS):
            if name in self._services:
                self.stack.stop_service(name)
        again = [name for name in ALWAYS if name in changed or not self.stack.process(name).running]
        for name in again:
            self.stack.process(name).ask_to_stop()
        for name in again:
            self.stack.stop_service(name)
            self.stack.start_service(name, wait=False)
        for name in ALWAYS:
            self.stack.wait_ready(name)
        self.sandbox_reset()

    def sandbox_reset(self) -> None:
        """An empty ledger, and everybody behaving."""
        url = f"{self.stack.sandbox_url}/sandbox/reset"
        answer = call("POST", url, b"{}", {"Content-Type": "application/json"})
        assert answer.status == 200, f"the sandbox answered: {answer}"

    def declare(self) -> None:
        """The broker's topology and our listener, where they are missing."""
        for wanted in (topology.topology(), topology.listener(LISTENER)):
            run_async(apply(self.broker.amqp_url, wanted))

    # How it starts

    def _open_proxies(self) -> None:
        names = [f"{service}:{server}" for service in OURS for server in ("broker", "database")]
        ports = self.state.ports([f"proxy {name}" for name in (*names, "provider")] + ["sandbox"])
        targets = {"broker": address_of(self.broker.amqp_url), "database": address_of(self.database.database_url)}
        for name in names:
            self._proxies[name] = self.network.open(ports[f"proxy {name}"], targets[name.partition(":")[2]])
        self._proxies["provider"] = self.network.open(ports["proxy provider"], ("127.0.0.1", ports["sandbox"]))

    def _overrides(self) -> dict[str, dict[str, str]]:
        overrides = {name: dict(changes) for name, changes in _TIMES.items()}
        for service in OURS:
            overrides.setdefault(service, {})
            overrides[service] |= {
                "AMQP_URL": through(self.broker.amqp_url, self.broker_of(service)),
                "DATABASE_URL": through(self.database.database_url, self.database_of(service)),
            }
        return overrides

    def _set_up(self) -> None:
        self.stack.proactivectl("migrate")
        # Figures of a quorum queue are as old as its last tick: else five seconds. For queues declared from now on.
        self.broker.ctl("eval", "application:set_env(rabbit, quorum_tick_interval, 500).")
        self.stack.proactivectl("topology", "apply")
        self.stack.proactivectl("listener", "add", LISTENER)
        declared = time.monotonic()
        self.lines = Lines(self.stack, self.network, self.provider)
        self.lines.set_up()
        time.sleep(max(0.0, NEW_QUEUE_SECONDS - (time.monotonic() - declared)))

    def _start_always(self) -> None:
        for name in ALWAYS:
            self.stack.start_service(name, wait=False)
        for name in ALWAYS:
            self.stack.wait_ready(name)


def _services() -> dict[str, Service]:
    """devstack's, and a second worker for SMS."""
    services = {service.name: service for service in SERVICES}
    ops = "dispatcher_sms_2_ops"
    twin = replace(services[SMS], name=SMS_2, ports={"PROACTIVE_OPS_PORT": ops}, ready=(ops, "/readyz"))
    return services | {SMS_2: twin}
