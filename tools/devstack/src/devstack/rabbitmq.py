"""A private RabbitMQ node: own ports, data, cookie and epmd, nothing beyond loopback, not as root."""

import hashlib
import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping
from glob import glob
from pathlib import Path

from devstack.accounts import Account, give, write_private
from devstack.errors import BackendError
from devstack.probes import amqp_answers
from devstack.processes import Process, launcher
from devstack.state import State

USER = "proactive"
VHOST = "proactive"

# The scripts themselves. Debian's and Fedora's /usr/sbin/rabbitmq-server is a wrapper that changes account
# and place.
SCRIPT_FOLDERS = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/opt/rabbitmq/sbin",
)
START_SECONDS = 90
STOP_SECONDS = 30
CTL_SECONDS = 60

# A quorum queue that is younger may not come back after kill(): the node (3.10 at least) writes down that it has the
# queue some seconds after it said so, and without that the queue never finds its leader again.
NEW_QUEUE_SECONDS = 5.0

# No node, and no rabbitmqctl either, starts an epmd of its own or listens for other nodes beyond loopback.
ERL_FLAGS = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"


def find_scripts() -> Path | None:
    """The folder with rabbitmq-server and rabbitmqctl; nothing where RabbitMQ is not installed."""
    folders = [Path(found) for pattern in SCRIPT_FOLDERS for found in sorted(glob(pattern), reverse=True)]
    on_path = shutil.which("rabbitmq-server")
    if on_path and not on_path.startswith("/usr/sbin/"):
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if (folder / "rabbitmq-server").exists()), None)


def find_epmd() -> str:
    """Erlang's name server, which finds nodes by name."""
    found = shutil.which("epmd") or next(iter(glob("/usr/lib/erlang/erts-*/bin/epmd")), None)
    if not found:
        raise BackendError("RabbitMQ is installed but Erlang's epmd was not found. Put it on PATH.")
    return found


class RabbitMQ:
    """
    One private node.

    Its data and its ports survive stop, kill and restart. `cluster_name` is its name, unique to this state
    folder, and the broker tells it to whoever connects: the proof of which broker was reached.
    With `management` it has that plugin, and starts a second and stops five seconds slower; with `prometheus` it
    serves its metrics; `settings` are further lines of rabbitmq.conf.
    """

    def __init__(
        self,
        state: State,
        *,
        scripts: Path | None = None,
        management: bool = False,
        prometheus: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        found = scripts or find_scripts()
        if found is None:
            raise BackendError("RabbitMQ is not installed here.")
        self._scripts = found
        self._state = state
        self._account: Account | None = state.account
        self._plugins = [name for name, wanted in (("management", management), ("prometheus", prometheus)) if wanted]
        self._settings = dict(settings or {})
        served = [f"broker_{one}" for one in self._plugins]
        self._ports = state.ports(["amqp", "rabbitmq_distribution", "epmd", *served])
        self._password = state.secrets().broker_password
        self.cluster_name = f"proactive-{state.secrets().node_token}@localhost"
        self._home = state.servers / "rabbitmq"
        self._epmd = self._process("epmd", self._epmd_command(), self._environment())
        # ALLOW_INPUT makes the script become the node instead of waiting for it, so that signals reach the
        # node.
        server_env = self._environment() | {"RABBITMQ_ALLOW_INPUT": "1"}
        self._node = self._process("rabbitmq", [str(self._scripts / "rabbitmq-server")], server_env)

    @property
    def amqp_url(self) -> str:
        """The stack's own vhost."""
        return self.url_of(VHOST)

    @property
    def processes(self) -> list[Process]:
        """What runs for it, for logs and exit codes."""
        return [self._node, self._epmd]

    def url_of(self, vhost: str) -> str:
        """The address of one vhost."""
        quoted = urllib.parse.quote(vhost, safe="")
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self._ports['amqp']}/{quoted}"

    @property
    def management_url(self) -> str:
        """The management plugin, with the owner's name and password."""
        return f"http://{USER}:{self._password}@127.0.0.1:{self._ports['broker_management']}"

    @property
    def metrics_address(self) -> str:
        """Host and port of the Prometheus plugin."""
        return f"127.0.0.1:{self._ports['broker_prometheus']}"

    def start(self) -> None:
        """Start the node and wait until it speaks AMQP; a running one is left alone."""
        if self._node.running:
            return
        self._write_configuration()
        self._epmd.start()
        self._node.start()
        self._node.wait_ready(lambda: amqp_answers(self.amqp_url), START_SECONDS)

    def stop(self) -> None:
        """Stop the node in good order, then its epmd."""
        self._node.stop(STOP_SECONDS)
        self._epmd.stop()

    def kill(self) -> None:
        """End the node as a crash would. What queues older than NEW_QUEUE_SECONDS confirmed is there after start()."""
        self._node.kill()
        self._epmd.kill()

    def restart(self) -> None:
        """Stop and start, on the same ports."""
        self.stop()
        self.start()

    def create_vhost(self, name: str) -> str:
        """Make an empty vhost and return its address; one of that name is emptied by making it anew."""
        known = self.ctl("list_vhosts", "--quiet", "--no-table-headers").split()
        if name in known:
            self.ctl("delete_vhost", name)
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "-p", name, USER, ".*", ".*", ".*")
        return self.url_of(name)

    def ctl(self, *arguments: str) -> str:
        """
        Run rabbitmqctl against this node and return what it printed.

        For example ctl("stop_app"), ctl("list_queues", "-p", vhost), ctl("set_vm_memory_high_watermark",
        "0.0001").

        Raises:
            BackendError: rabbitmqctl failed or did not end in time.
        """
        command = [
            *launcher(self._account),
            str(self._scripts / "rabbitmqctl"),
            "-n",
            self.cluster_name,
            *arguments,
        ]
        shown = f"rabbitmqctl {' '.join(arguments)}"
        try:
            done = subprocess.run(
                command,
                env=self._environment(),
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CTL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise BackendError(f"{shown} gave no answer within {CTL_SECONDS} s.") from None
        if done.returncode != 0:
            raise BackendError(f"{shown} failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def _process(self, name: str, command: list[str], environment: Mapping[str, str]) -> Process:
        return Process(
            name,
            command,
            env=environment,
            log=self._state.logs / f"{name}.log",
            pid_file=self._state.pids / f"{name}.pid",
            cwd=self._home,
            account=self._account,
        )

    def _epmd_command(self) -> list[str]:
        return [find_epmd(), "-address", "127.0.0.1", "-port", str(self._ports["epmd"])]

    def _environment(self) -> dict[str, str]:
        home = self._home
        ours = {
            "NODENAME": self.cluster_name,
            "USE_LONGNAME": "false",
            "MNESIA_BASE": str(home / "data"),
            "LOG_BASE": str(home / "logs"),
            "LOGS": "-",
            "CONFIG_FILE": str(home / "rabbitmq"),
            "CONFIG_FILES": str(home / "conf.d"),
            "ADVANCED_CONFIG_FILE": str(home / "advanced"),
            "CONF_ENV_FILE": "/dev/null",
            "ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "PID_FILE": str(home / "pid"),
            "DIST_PORT": str(self._ports["rabbitmq_distribution"]),
            "SERVER_ADDITIONAL_ERL_ARGS": "-noinput +B i",
        }
        erlang = {
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_FLAGS": ERL_FLAGS,
            "ERL_CRASH_DUMP_SECONDS": "0",
        }
        system = {"HOME": str(home), "PATH": server_path(), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        return system | erlang | {f"RABBITMQ_{name}": value for name, value in ours.items()}

    def _write_configuration(self) -> None:
        home = self._state.server_home("rabbitmq")
        give(home / "conf.d", self._account)
        write_private(home / "rabbitmq.conf", self._configuration(), self._account)
        plugins = ",".join(f"rabbitmq_{one}" for one in self._plugins)
        write_private(home / "enabled_plugins", f"[{plugins}].\n", self._account)
        # The token is part of the node's name, which is in logs; the cookie must not follow from it.
        cookie = hashlib.sha256(self._state.secrets().broker_password.encode()).hexdigest()
        write_private(home / ".erlang.cookie", cookie, self._account, 0o400)

    def _configuration(self) -> str:
        lines = {
            "listeners.tcp.1": f"127.0.0.1:{self._ports['amqp']}",
            "loopback_users": "none",
            "default_user": USER,
            "default_pass": self._password,
            "default_vhost": VHOST,
            "cluster_name": self.cluster_name,
            "disk_free_limit.absolute": "50MB",
        }
        for one in self._plugins:
            lines |= {f"{one}.tcp.ip": "127.0.0.1", f"{one}.tcp.port": str(self._ports[f"broker_{one}"])}
        return "".join(f"{name} = {value}\n" for name, value in (lines | self._settings).items())


def server_path() -> str:
    """PATH for servers: ours first, then where systems keep what their scripts call."""
    return ":".join([*filter(None, [os.environ.get("PATH", "")]), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"])
