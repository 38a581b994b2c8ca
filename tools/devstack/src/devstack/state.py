"""
What a stack remembers between two starts: its ports, its secrets, and where its servers keep their data.
"""

import atexit
import base64
import fcntl
import hashlib
import json
import os
import random
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devstack.accounts import can_reach, give, server_account, write_private
from devstack.errors import AlreadyRunning, BackendError

# Below the range that systems give to outgoing connections (Linux: from 32768): a port that is free for the
# moment of a broker's restart must not be taken by somebody's client meanwhile.
PORTS = range(20000, 32000)

# A port whose server is not up yet, or down for a moment, looks free to other stacks on this machine. What a stack
# has chosen it holds as a UDP socket of the same number, which nothing here uses, until it ends.
_held: dict[tuple[Path, int], socket.socket] = {}


@atexit.register
def _let_go() -> None:
    for claim in _held.values():
        claim.close()


def root_of_checkout() -> Path:
    """The repository's root: tools/devstack/src/devstack/state.py is four folders below."""
    return Path(__file__).resolve().parents[4]


def fernet_key() -> str:
    """A key in the form that Fernet wants: 32 random bytes, base64 for URLs."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def password() -> str:
    """Letters and digits only: it travels in URLs and configuration files."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Secrets:
    """Everything secret of one stack, made up once."""

    workspace_key: str = field(default_factory=fernet_key)
    channel_key: str = field(default_factory=fernet_key)
    state_key: str = field(default_factory=password)
    intercom_client_secret: str = field(default_factory=password)
    intercom_token: str = field(default_factory=password)
    tracker_token: str = field(default_factory=password)
    operators_token: str = field(default_factory=password)
    dispatcher_token: str = field(default_factory=password)
    twilio_account_sid: str = field(default_factory=lambda: "AC" + secrets.token_hex(16))
    twilio_auth_token: str = field(default_factory=password)
    meta_access_token: str = field(default_factory=password)
    meta_app_secret: str = field(default_factory=password)
    meta_verify_token: str = field(default_factory=password)
    infobip_api_key: str = field(default_factory=password)
    infobip_webhook_secret: str = field(default_factory=password)
    broker_password: str = field(default_factory=password)
    database_password: str = field(default_factory=password)
    node_token: str = field(default_factory=lambda: secrets.token_hex(6))


class State:
    """The folder of one stack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.pids = self.folder / "pids"
        self.account = server_account()

    @property
    def servers(self) -> Path:
        """
        Where broker and database keep their data.

        It is inside the folder, unless their account cannot get there (a checkout in root's home): then it
        is a folder of /var/tmp named after this one.
        """
        if self.account is None or can_reach(self.folder):
            return self.folder / "servers"
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"proactive-{digest}"

    def prepare(self) -> None:
        """Create the folders."""
        for folder in (self.folder, self.logs, self.pids):
            folder.mkdir(parents=True, exist_ok=True)

    def server_home(self, name: str) -> Path:
        """
        Create the folder of one server, which only the servers' account may enter.

        Raises:
            BackendError: somebody else has taken its place.
        """
        self.servers.mkdir(parents=True, exist_ok=True)
        if self.servers.is_symlink() or self.servers.stat().st_uid != os.geteuid():
            raise BackendError(f"{self.servers} belongs to somebody else. Remove it, or move the checkout.")
        return give(self.servers / name, self.account)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """
        Hold the folder for this process.

        Raises:
            AlreadyRunning: another process holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise AlreadyRunning(file.read().strip() or "unknown") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def secrets(self) -> Secrets:
        """The secrets of this stack; what is missing is made up and kept, readable by its owner alone."""
        path = self.folder / "secrets.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        known = Secrets(**{name: kept[name] for name in kept if name in Secrets.__dataclass_fields__})
        if asdict(known) != kept:
            write_private(path, json.dumps(asdict(known), indent=2) + "\n")
        return known

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """A free loopback port for each name, the same as last time wherever that is free."""
        path = self.folder / "ports.json"
        kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        chosen: dict[str, int] = {}
        for name in names:
            port = kept.pop(name, 0)
            while not (port and port not in {*kept.values(), *chosen.values()} and is_free(port) and self._hold(port)):
                port = random.choice(PORTS)
            chosen[name] = port
        path.write_text(json.dumps(kept | chosen, indent=2) + "\n")
        return chosen

    def _hold(self, port: int) -> bool:
        """Keep a port until this process ends; False where another stack has it."""
        if (self.folder, port) not in _held:
            claim = hold(port)
            if claim is None:
                return False
            _held[self.folder, port] = claim
        return True

    def forget(self) -> None:
        """Remove everything, the servers' data included; other stacks may have its ports."""
        path = self.folder / "ports.json"
        for port in json.loads(path.read_text()).values() if path.exists() else ():
            if held := _held.pop((self.folder, port), None):
                held.close()
        shutil.rmtree(self.servers, ignore_errors=True)
        shutil.rmtree(self.folder)


def hold(port: int) -> socket.socket | None:
    """Keep a port from other stacks as long as this is open; None where another one has it."""
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return None
    return claim


def is_free(port: int) -> bool:
    """Whether a server could listen there now (connections that are only closing do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
