"""Which account private servers run as: PostgreSQL refuses root, and a broker does not need it."""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import BackendError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """An account of this machine, by number."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account for servers where we are root; nothing where we are a plain user already."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise BackendError(
            f"PostgreSQL does not run as root, and this machine has no account '{UNPRIVILEGED}' to run it "
            "as. Run make as a plain user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def can_reach(folder: Path) -> bool:
    """
    Whether any account may pass through all folders down to this one (a checkout below /root is closed).
    """
    resolved = folder.resolve()
    existing = [path for path in (resolved, *resolved.parents) if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in existing)


def give(folder: Path, account: Account | None) -> Path:
    """Create a folder that only this account may enter."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


def write_private(path: Path, text: str, account: Account | None = None, mode: int = 0o600) -> None:
    """Write a file that only its owner reads; whoever looks finds the old text or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    if account:
        shutil.chown(draft, account.uid, account.gid)
    draft.replace(path)
