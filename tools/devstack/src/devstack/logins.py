"""The accounts of a stack's services on its own broker and database: each may do what it needs and nothing else."""

import base64
from collections.abc import Mapping
from pathlib import Path

import yaml

from devstack.accounts import write_private
from devstack.backends import Broker
from devstack.channels import CHANNELS
from devstack.surroundings import password_of

LOGINS: Mapping[str, Mapping[str, str]] = {
    "canvas_gateway": {"role": "canvas_gateway"},
    **{channel.worker: {"role": "dispatcher", "channel": channel.kind} for channel in CHANNELS},
    "dispatcher-webhooks": {"role": "webhooks"},
    "status_tracker": {"role": "status_tracker"},
}
"""By the service's name, as proactivectl's accounts file wants them."""


def accounts_file(folder: Path, url: str) -> Path:
    """Write the file for the server at `url` into `folder`, and each password beside it."""
    accounts = [
        {"name": login, **what, "password": {"file": str(_keep(folder, login, url))}} for login, what in LOGINS.items()
    ]
    file = folder / "accounts.yaml"
    write_private(file, yaml.safe_dump({"accounts": accounts}, sort_keys=False))
    return file


def _keep(folder: Path, login: str, url: str) -> Path:
    folder.mkdir(exist_ok=True)
    kept = folder / login
    write_private(kept, password_of(login, url))
    return kept


def import_users(broker: Broker, definitions: str) -> None:
    """Have a broker of ours take what `proactivectl topology users` printed; by a command that all kinds of it know."""
    document = base64.b64encode(definitions.encode()).decode()
    broker.ctl("eval", f'ok = rabbit_definitions:import_raw(base64:decode(<<"{document}">>)).')
