"""Gets RabbitMQ onto this machine where that is ours to do, without starting the system's own broker."""

import contextlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from devstack import apt
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
    if not apt.may_install():
        raise BackendError(f"RabbitMQ is not installed here. Run first: {command_for_people()}")
    report(f"installing {PACKAGE} (it is not started; Proactive runs a private node)")
    with no_autostart():
        apt.install(PACKAGE, report=report)
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


def forget_at_boot() -> None:
    """Where systemd runs the machine: the system's own broker does not come up at the next boot either."""
    if Path("/run/systemd/system").exists():
        subprocess.run(["systemctl", "disable", PACKAGE, "epmd.socket"], capture_output=True)
