"""`migrate` and `topology …`: what has to be there before the services start."""

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from directory import SOURCE, Listeners
from proactive_contracts.topology import Topology, listener, topology
from proactivectl import database_accounts
from proactivectl.accounts import Account, Accounts, definitions
from proactivectl.environment import amqp_url, broker_failures, database
from proactivectl.failures import Failure, WrongUsage
from proactivectl.files import load
from proactivectl.management import binding_differences, import_definitions, virtual_host
from proactivectl.output import AsJson, count, say, show
from runtime import migrations
from runtime.amqp import topology as broker
from runtime.migrations import MigrationChanged, Source

SERVICES = (Source("dispatch", "dispatcher.storage"), Source("tracker", "status_tracker.storage"))
"""Where the services keep their migrations, when they are installed here; their code is not used."""

topologies = typer.Typer(no_args_is_help=True, help="Exchanges, queues and bindings on the broker: apply, diff, users.")


AccountsFile = Annotated[
    Path | None,
    typer.Option(
        "--accounts",
        metavar="FILE",
        help="The accounts of services and people (docs/accounts.md): each gets what its role needs and nothing else.",
    ),
]
ManagementUrl = Annotated[
    str | None,
    typer.Option(
        "--management-url",
        envvar="PROACTIVE_MANAGEMENT_URL",
        metavar="URL",
        help="The management plugin, such as http://user:password@host:15672.",
    ),
]


def migrate(accounts: AccountsFile = None, as_json: AsJson = False) -> None:
    """Bring the database up to date: the directory, and the services that are installed here."""
    known = read_accounts(accounts)
    applied, left_out, logins = asyncio.run(_migrate(known))
    document = {"applied": applied, "not_installed": left_out, "logins": logins}
    show(document, lambda: _tell_migrated(applied, left_out, logins))


@topologies.command("apply")
def apply_topology(
    accounts: AccountsFile = None, management_url: ManagementUrl = None, as_json: AsJson = False
) -> None:
    """Declare every exchange, queue and binding, listeners' queues included. Nothing is ever deleted."""
    known = read_accounts(accounts)
    if known and management_url is None:
        raise WrongUsage("--accounts needs --management-url", "Users cannot be made over AMQP. Nothing was changed.")
    declared = asyncio.run(_apply(known, management_url))
    users = [account.name for account, _ in known]
    show({"declared": declared, "users": users}, lambda: _tell_declared(declared, users))


@topologies.command("users")
def print_users(accounts: AccountsFile = None) -> None:
    """Print --accounts as definitions for `rabbitmqctl import_definitions`, where there is no management plugin."""
    known = read_accounts(accounts)
    if not known:
        raise WrongUsage("--accounts is missing", "Name the file with the accounts.")
    print(json.dumps(definitions(known, virtual_host(amqp_url())), indent=2))


@topologies.command("diff")
def diff_topology(management_url: ManagementUrl = None, as_json: AsJson = False) -> None:
    """Compare the broker with what should be there (bindings through the plugin); exit code 1 where they differ."""
    found = asyncio.run(_differences(management_url))
    document = {"differences": found, "bindings_compared": management_url is not None}
    show(document, lambda: _tell_differences(found, bindings=management_url is not None))
    if found:
        raise typer.Exit(1)


Known = Sequence[tuple[Account, str]]


def read_accounts(file: Path | None) -> Known:
    """Each account with its password; none without a file. Raises WrongUsage."""
    if file is None:
        return []
    wanted, secrets = load(file, Accounts)
    return [(account, secrets[account.password]) for account in wanted.accounts]


async def _migrate(accounts: Known) -> tuple[list[str], list[str], list[str]]:
    there = [source for source in SERVICES if is_installed(source)]
    async with database() as connection:
        try:
            applied = await migrations.migrate(connection, [SOURCE, *there])
        except MigrationChanged as error:
            raise Failure(
                str(error), "Put the file back as it was and add a new one; or this is another release's database."
            ) from None
        sources = [SOURCE, *there]
        known = accounts or await database_accounts.were_granted(connection, sources)
        logins = await database_accounts.grant(connection, sources, accounts) if known else []
    left_out = [source.package for source in SERVICES if source not in there]
    return [f"{migration.schema}/{migration.name}" for migration in applied], left_out, logins


def is_installed(source: Source) -> bool:
    """Whether the package with these migrations is here."""
    try:
        found = importlib.util.find_spec(source.package)
    except ModuleNotFoundError:
        return False
    return found is not None and (resources.files(source.package) / "migrations").is_dir()


async def _apply(accounts: Known, management_url: str | None) -> list[str]:
    url, wanted = amqp_url(), await wanted_topology()
    with broker_failures(url):
        declared = await broker.apply(url, wanted)
    if management_url is not None and accounts:
        await import_definitions(management_url, definitions(accounts, virtual_host(url)))
    return declared


async def _differences(management_url: str | None) -> list[str]:
    url, wanted = amqp_url(), await wanted_topology()
    with broker_failures(url):
        found = [_difference(line, wanted) for line in await broker.differences(url, wanted)]
    if management_url is not None:
        found += await binding_differences(management_url, url, wanted)
    return found


def _difference(line: str, wanted: Topology) -> str:
    """A bare name stands for what is missing; what differs comes with the broker's reason."""
    names = {f"exchange {exchange}" for exchange in wanted.exchanges}
    names |= {f"queue {queue.name}" for queue in wanted.queues}
    return f"missing {line}" if line in names else f"different {line}"


async def wanted_topology() -> Topology:
    """What the services need, and a queue for each listener."""
    async with database() as connection:
        listeners = await Listeners(connection).list()
    parts = [topology(), *(listener(known.name, known.workspace_id) for known in listeners)]
    return Topology(
        exchanges=tuple(exchange for part in parts for exchange in part.exchanges),
        queues=tuple(queue for part in parts for queue in part.queues),
        bindings=tuple(binding for part in parts for binding in part.bindings),
    )


def _tell_migrated(applied: list[str], left_out: list[str], logins: list[str]) -> None:
    for name in applied:
        say(f"applied {name}")
    say(f"{count(len(applied), 'migration')} applied." if applied else "The database is up to date.")
    if left_out:
        say(f"Not installed here, hence left out: {', '.join(left_out)}")
    if logins:
        say(f"May log in, each in its role: {', '.join(logins)}")


def _tell_declared(declared: list[str], users: list[str]) -> None:
    for thing in declared:
        say(f"declared {thing}")
    if not declared:
        say("Every exchange and queue was there; the bindings were made again.")
    else:
        say(f"{len(declared)} declared, and every binding made.")
    if users:
        say(f"May use the broker, each in its role: {', '.join(users)}")


def _tell_differences(found: list[str], *, bindings: bool) -> None:
    for difference in found:
        say(difference)
    if found:
        say("To make what is missing: proactivectl topology apply")
    else:
        say("No difference." if bindings else "No difference in exchanges and queues.")
    if not bindings:
        say("Bindings were not compared: that needs the management plugin (--management-url).")
