"""Finds a Chromium for the browser tests and the pictures, or gets one where that is ours to do."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from devstack import apt
from devstack.errors import BackendError

VARIABLE = "PROACTIVE_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
PACKAGES = ("chromium", "fonts-noto-core", "fonts-noto-color-emoji")
VERSION_SECONDS = 20
START_MILLISECONDS = 30_000

# Root has no sandbox, a machine for tests no graphics card; and nothing is asked of the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)


def find_chromium() -> Path | None:
    """
    A program that starts: the one that PROACTIVE_CHROMIUM names, else one of the usual ones.

    Raises:
        BackendError: PROACTIVE_CHROMIUM names one that does not start.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted:
        if not starts(Path(wanted)):
            raise BackendError(f"{VARIABLE} is {wanted}, which does not start. Correct or unset it.")
        return Path(wanted)
    on_path = (Path(found) for name in PROGRAMS if (found := shutil.which(name)))
    return next((program for program in (*on_path, *APPLICATIONS) if starts(program)), None)


def starts(program: Path) -> bool:
    """Whether it tells its version: Ubuntu's chromium-browser is a script that only names another package."""
    if not program.exists():
        return False
    try:
        asked = subprocess.run([program, "--version"], capture_output=True, timeout=VERSION_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def ensure_chromium(report: Callable[[str], None]) -> Path:
    """
    The program, installed first where it is missing and we are root on Debian or Ubuntu.

    Raises:
        BackendError: it is missing and not ours to install; the text has the one command to run.
    """
    program = find_chromium()
    if program:
        return program
    if not apt.may_install():
        raise BackendError(f"Chromium is not installed here. Run first: {command_for_people()}")
    report("installing chromium for the browser tests (about 100 MB to fetch)")
    apt.install(*PACKAGES, report=report)
    program = find_chromium()
    if program is None:
        raise BackendError(f"apt-get installed chromium, but it does not start. Name another one with {VARIABLE}.")
    return program


def command_for_people() -> str:
    """What somebody types on this platform."""
    if platform.system() == "Darwin":
        return "brew install --cask chromium"
    if shutil.which("apt-get"):
        return f"sudo apt-get install -y {' '.join(PACKAGES)}"
    if shutil.which("dnf"):
        return "sudo dnf install -y chromium"
    return f"install Chromium, or name it with {VARIABLE} (package: chromium)"


@contextmanager
def browser(program: Path) -> Iterator[Browser]:
    """A running Chromium with an empty profile; it is gone afterwards."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=program, args=list(ARGUMENTS), headless=True, timeout=START_MILLISECONDS
        )
        try:
            yield running
        finally:
            running.close()
