"""
Programs that check what deploy/ gives to Prometheus, Alertmanager and the proxy.

They are taken from PATH; else from Debian's packages, which are unpacked below .dev/ and not installed, so that no
service comes with them.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack import apt
from devstack.errors import BackendError
from devstack.state import root_of_checkout

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "nginx": "nginx",
}
FOLDER = root_of_checkout() / ".dev" / "tools"


def tool(name: str) -> Path | None:
    """One of PACKAGES' programs, fetched first where that is possible; nothing where it is not."""
    if found := shutil.which(name):
        return Path(found)
    package = FOLDER / PACKAGES[name]
    if not package.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        with _alone():
            _fetch(package)
    return next(package.glob(f"usr/*bin/{name}"), None)


def not_checked(what: str, name: str) -> str:
    """The line that a person reads where a program could not be had."""
    return f"{what} was not checked: {name} is not here. Install it first (Debian's package: {PACKAGES[name]})."


@cache
def _fetch(package: Path) -> None:
    """Unpack beside the final place: an interrupted one leaves nothing that looks finished. Tried once a process."""
    if package.exists():
        return
    with TemporaryDirectory(dir=FOLDER) as folder:
        try:
            apt.download(package.name, Path(folder), report=print)
        except BackendError as error:
            print(error)
            return
        draft = Path(folder) / "unpacked"
        for archive in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", archive, draft], check=True)
        draft.rename(package)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the folder: tests in other processes may want the same package."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "fetching").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
