"""
Makes .venv from requirements.lock and installs every member editable: what `make setup` runs.

With --bench it adds what the benchmark needs besides, from requirements-bench.lock.

It runs before anything is installed, so it uses the standard library only. What is already as it should be is
skipped: the stamp in .venv holds one key per stage, and only the stages behind the first changed key run
again.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "setup-stamp.json"
LOCK = ROOT / "requirements.lock"
BENCH_LOCK = ROOT / "requirements-bench.lock"
BENCH_STAMP = VENV / "bench-stamp"
OLDEST = (3, 11)
PER_PACKAGE = ("Collecting ", "Processing ", "Ignoring ")  # pip says one of these for each line of the lock
NEWER_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11")


def main() -> int:
    """Bring .venv up to date; the exit code for make."""
    if sys.version_info[:2] < OLDEST:
        return run_with_newer_python()
    with OneAtATime(ROOT / ".setup.lock"):
        set_up()
        if "--bench" in sys.argv[1:]:
            add_bench()
    return 0


def run_with_newer_python() -> int:
    """Start this file again with the first newer interpreter on PATH."""
    for name in NEWER_NAMES:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])
    print(f"setup: python3 is {sys.version.split()[0]}; Proactive needs 3.11 or newer.", file=sys.stderr)
    print("       Install it, or name it: make setup PYTHON=/path/to/python3.12", file=sys.stderr)
    return 1


class OneAtATime:
    """Holds a file lock, so that two `make` commands in one checkout do not install into each other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        import fcntl

        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: another make is setting up this checkout; waiting for it", flush=True)
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def set_up() -> None:
    """Run the stages whose key has changed since the stamp was written."""
    members = [path.parent for path in member_projects()]
    wanted = {"venv": venv_key(), "lock": digest([LOCK]), "members": digest(member_projects())}
    have = read_stamp()
    if have == wanted:
        return
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    if have.get("venv") != wanted["venv"]:
        have = {}
        make_venv()
    if have.get("lock") != wanted["lock"]:
        install_lock(LOCK)
    install_members(members)
    STAMP.write_text(json.dumps(wanted, indent=2) + "\n")
    print(f"setup: done in {time.monotonic() - started:.0f} s", flush=True)


def add_bench() -> None:
    """Install the benchmark's packages, unless they are there; making .venv anew takes them away."""
    wanted = digest([LOCK, BENCH_LOCK])
    if BENCH_STAMP.exists() and BENCH_STAMP.read_text() == wanted:
        return
    install_lock(BENCH_LOCK)
    BENCH_STAMP.write_text(wanted)


def member_projects() -> list[Path]:
    """The pyproject.toml of every member that has one."""
    return sorted(path for folder in ("libs", "services", "tools") for path in ROOT.glob(f"{folder}/*/pyproject.toml"))


def venv_key() -> str:
    """Changes when the interpreter or the checkout's place does; both are written into .venv."""
    return f"{sys.version.split()[0]} {sys.base_prefix} {ROOT}"


def digest(paths: list[Path]) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def read_stamp() -> dict[str, str]:
    """What the last complete set-up was made of; empty when there was none, or its interpreter is gone."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if (VENV / "bin" / "python").exists() else {}


def make_venv() -> None:
    """Create .venv anew with this interpreter, installing Debian's missing package where we may."""
    print(f"setup: creating .venv with Python {sys.version.split()[0]}", flush=True)
    if not has_ensurepip():
        install_venv_package()
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def has_ensurepip() -> bool:
    """Debian keeps it in a package of its own; `python3 -m venv` fails without it."""
    return subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0


def install_venv_package() -> None:
    """As root on Debian or Ubuntu: install it. Elsewhere: name the one command, and stop."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"setup: Python's venv module is missing here. Run first: sudo apt-get install -y {package}")
    print(f"setup: installing {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", package]
    if subprocess.run(install, env=environment, capture_output=True).returncode != 0:
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
        subprocess.run(install, env=environment, check=True)


def install_lock(lock: Path) -> None:
    """Install exactly what a lock file names, each archive checked against its hash."""
    total = sum(1 for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#")))
    print(f"setup: installing {total} locked packages", flush=True)
    pip(["install", "--require-hashes", "-r", str(lock)], total=total)


def install_members(members: list[Path]) -> None:
    """Install every member editable; their dependencies came with the lock."""
    print(f"setup: installing {len(members)} members: {', '.join(path.name for path in members)}", flush=True)
    targets = [argument for path in members for argument in ("-e", str(path))]
    if targets:
        pip(["install", "--no-deps", "--no-build-isolation", *targets])


def pip(arguments: list[str], total: int = 0) -> None:
    """
    Run the virtual environment's pip, telling how far it is.

    Exits with pip's last lines where it fails.
    """
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        *arguments,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    seen = 0
    for line in process.stdout:
        lines.append(line.rstrip())
        if total and line.startswith(PER_PACKAGE):
            seen += 1
            show_progress(seen, total, Path(line.split()[1]).name.split("==")[0])
    if total and sys.stdout.isatty():
        print(flush=True)
    if process.wait() != 0:
        print("\n".join(lines[-25:]), file=sys.stderr)
        sys.exit(f"setup: pip failed (above). The command was: {' '.join(command)}")


def show_progress(seen: int, total: int, name: str) -> None:
    """On a terminal one line that changes; elsewhere a line now and then."""
    if sys.stdout.isatty():
        print(f"\r  {seen:3d}/{total} {name:<40}", end="", flush=True)
    elif seen % 20 == 0 or seen == total:
        print(f"  {seen}/{total} packages", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as failure:
        sys.exit(f"setup: a command failed with exit code {failure.returncode}: {' '.join(map(str, failure.cmd))}")
