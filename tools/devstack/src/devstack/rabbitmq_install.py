"""Gets RabbitMQ onto this machine where that is ours to do, without starting the system's own broker."""

import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from devstack.errors import BackendError
from devstack.rabbitmq import find_scripts

PACKAGE = "rabbitmq-server"
POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian's packages before they start a service
FORBIDDEN = "#!/bin/sh\nexit 101\n"  # 101: action forbidden by policy


def ensure_rabbitmq(report: Callable[[str], None]) -> Path:
    """
    The folder with RabbitMQ's scripts, installed first where it is missing and we are root on Debian or
    Ubuntu.

    Raises:
        BackendError: it is missing and not ours to install; the text has the one command to run.
    """
    scripts = find_scripts()
    if scripts:
        return scripts
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BackendError(f"RabbitMQ is not installed here. Run first: {command_for_people()}")
    report(f"installing {PACKAGE} (it is not started; Proactive runs a private node)")
    with no_autostart():
        install()
    forget_at_boot()
    scripts = find_scripts()
    if scripts is None:
        raise BackendError(f"apt-get installed {PACKAGE}, but its scripts were not found in /usr/lib/rabbitmq.")
    return scripts


def command_for_people() -> str:
    """What somebody types on this platform."""
    if platform.system() == "Darwin":
        return "brew install rabbitmq"
    if shutil.which("apt-get"):
        return f"sudo apt-get install -y {PACKAGE}"
    if shutil.which("dnf"):
        return f"sudo dnf install -y {PACKAGE}"
    return f"install RabbitMQ 3.10 or newer, or set AMQP_URL (package: {PACKAGE})"


@contextlib.contextmanager
def no_autostart(policy: Path = POLICY) -> Iterator[None]:
    """
    Forbid packages to start services; afterwards the policy that was there before is back, whatever happened.
    """
    before = policy.with_name(policy.name + ".before-proactive")
    if policy.exists() and not before.exists():
        policy.rename(before)
    try:
        policy.write_text(FORBIDDEN)
        policy.chmod(0o755)
        yield
    finally:
        policy.unlink(missing_ok=True)
        if before.exists():
            before.rename(policy)


def install() -> None:
    """Install the package; a list of packages that is old or missing is fetched first."""
    try:
        apt_get("install", "-y", "--no-install-recommends", PACKAGE)
    except BackendError:
        apt_get("update")
        apt_get("install", "-y", "--no-install-recommends", PACKAGE)


def apt_get(*arguments: str) -> None:
    """
    Run apt-get, in a session of its own: a Ctrl-C must not leave a package half installed.

    Raises:
        BackendError: with the end of what it said.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # Another installation may be going on: wait for it, up to five minutes.
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait()
        except BaseException:
            child.wait()
            raise
        if code != 0:
            said.seek(0)
            end = "\n".join(f"  | {line}" for line in said.read().splitlines()[-15:])
            raise BackendError(f"{' '.join(command)} failed ({code}):\n{end}")


def forget_at_boot() -> None:
    """Where systemd runs the machine: the system's own broker does not come up at the next boot either."""
    if Path("/run/systemd/system").exists():
        subprocess.run(["systemctl", "disable", PACKAGE, "epmd.socket"], capture_output=True)
