"""Finds a container engine that really answers, and a compose command that really works."""

import http.client
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devstack.errors import BackendError

PING_SECONDS = 1.0
COMMAND_SECONDS = 600  # an image may have to be fetched


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the engine's socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=PING_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket file in place of a network address."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PING_SECONDS)
        self.sock.connect(self._path)


def engine_sockets(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Where Docker and Podman listen, the chosen one first."""
    host = environment.get("DOCKER_HOST", "")
    if host:
        return [host.removeprefix("unix://")] if host.startswith("unix://") else []
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    users = [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"] if runtime else []
    home = f"{environment.get('HOME', '')}/.docker/run/docker.sock"
    return ["/var/run/docker.sock", *users, home]


def engine_answers(paths: list[str]) -> bool:
    """Whether an engine answers a ping within a second: a client that is installed proves nothing."""
    return any(Path(path).exists() and pings(path) for path in paths)


def pings(path: str) -> bool:
    """Ask one socket."""
    connection = SocketConnection(path)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def compose_command() -> list[str] | None:
    """The first compose of version 2 or newer that works here."""
    for command in (["docker", "compose"], ["podman", "compose"], ["docker-compose"]):
        if not shutil.which(command[0]):
            continue
        done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
        if done.returncode == 0 and not done.stdout.strip().lstrip("v").startswith("1."):
            return command
    return None


def run_command(command: list[str], environment: Mapping[str, str]) -> str:
    """
    Run one of the engine's commands.

    Raises:
        BackendError: it failed; with the end of what it said.
    """
    done = subprocess.run(
        command,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        start_new_session=True,
    )
    if done.returncode != 0:
        raise BackendError(f"{' '.join(command)} failed ({done.returncode}): {done.stderr.strip()[-800:]}")
    return done.stdout
