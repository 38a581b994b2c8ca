"""Debian's packages: installed where that is ours to do (as root, on Debian or Ubuntu), or only downloaded."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from devstack.errors import BackendError

Report = Callable[[str], None]

PATIENCE_SECONDS = 10.0


def may_install() -> bool:
    """Whether packages can be installed here without asking anybody."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str, report: Report) -> None:
    """
    Install packages; a list of packages that is old or missing is fetched first.

    Raises:
        BackendError: with the end of what apt-get said.
    """
    try:
        apt_get("install", "-y", "--no-install-recommends", *packages, report=report)
    except BackendError:
        apt_get("update", report=report)
        apt_get("install", "-y", "--no-install-recommends", *packages, report=report)


def download(package: str, folder: Path, report: Report) -> None:
    """
    Put a package's archive into a folder, without installing it; as root, an old list of packages is fetched first.

    Raises:
        BackendError: with the end of what apt-get said.
    """
    try:
        apt_get("download", package, report=report, folder=folder)
    except BackendError:
        if not may_install():
            raise
        apt_get("update", report=report)
        apt_get("download", package, report=report, folder=folder)


def apt_get(*arguments: str, report: Report, folder: Path | None = None) -> None:
    """
    Run apt-get, in a session of its own: a Ctrl-C must not leave a package half installed.

    folder is where a download goes.

    Raises:
        BackendError: with the end of what it said.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # Another installation may be going on: wait for it, up to five minutes.
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = wait(child, said, report)
        except BaseException:
            child.wait()
            raise
        if code != 0:
            end = "\n".join(f"  | {line}" for line in lines_of(said)[-15:])
            raise BackendError(f"{' '.join(command)} failed ({code}):\n{end}")


def wait(child: "subprocess.Popen[bytes]", said: BinaryIO, report: Report) -> int:
    """Wait for its exit code; now and then report what it does."""
    started = time.monotonic()
    while True:
        try:
            return child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            last = (lines_of(said) or ["waiting"])[-1]
            report(f"  {time.monotonic() - started:3.0f} s: {last[:100]}")


def lines_of(said: BinaryIO) -> list[str]:
    """What was written so far; the place at which the child writes on stays where it is."""
    written = os.pread(said.fileno(), os.fstat(said.fileno()).st_size, 0)
    return [line.strip() for line in written.decode(errors="replace").splitlines() if line.strip()]
