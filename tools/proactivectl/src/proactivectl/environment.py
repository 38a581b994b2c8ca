"""What the environment tells, and the connections that are made with it."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import aiormq
import asyncpg
from pydantic import SecretStr

from directory import DirectoryError, InvalidKey, Vault
from directory.errors import NoVault
from proactivectl.failures import Failure, WrongUsage
from runtime.amqp.connection import AMQP_ERRORS
from runtime.amqp.topology import TopologyRefused

CONNECT_SECONDS = 5.0

_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError)
_AMQP_REFUSALS = (aiormq.exceptions.AuthenticationError, aiormq.exceptions.ProbableAuthenticationError)


def variable(name: str, meaning: str) -> str:
    """
    An environment variable that has to be set.

    Raises:
        WrongUsage: it is not set; the text says what it is for.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise WrongUsage(f"the environment variable {name} is not set", f"Set it to {meaning}, and run this again.")
    return value


def amqp_url() -> str:
    """Where the broker is."""
    return variable("AMQP_URL", "the broker's address, such as amqp://user:password@host:5672/")


def workspace_vault() -> Vault:
    """Seals and opens the tokens of workspaces."""
    return _vault("PROACTIVE_WORKSPACE_KEYS", "the Fernet keys for workspaces' tokens, newest first")


def channel_vault() -> Vault:
    """Seals and opens the credentials of channels."""
    return _vault("PROACTIVE_CHANNEL_KEYS", "the Fernet keys for channels' credentials, newest first")


def _vault(name: str, meaning: str) -> Vault:
    keys = [SecretStr(key.strip()) for key in variable(name, meaning).split(",") if key.strip()]
    try:
        return Vault(keys)
    except InvalidKey as error:
        raise WrongUsage(f"{name}: {error}", "Correct the variable, and run this again.") from None


@asynccontextmanager
async def database() -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """
    One connection to DATABASE_URL, for one command.

    Raises:
        Failure: in the words of a person, whatever the database or the directory said inside the block.
    """
    url = variable("DATABASE_URL", "the database's address, such as postgresql://user:password@host:5432/name")
    place = f"the database at {place_of(url)}"
    with _database_failures(place):
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise Failure(
                f"{place} does not answer ({explained(error)})", "Start it, or correct DATABASE_URL."
            ) from None
        except (ValueError, asyncpg.InterfaceError) as error:
            raise WrongUsage(f"DATABASE_URL is no address of a database ({error})", _DATABASE_FORM) from None
        try:
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
            yield connection
        finally:
            await connection.close(timeout=CONNECT_SECONDS)


_DATABASE_FORM = "Write it as postgresql://user:password@host:5432/name."


@contextmanager
def _database_failures(place: str) -> Iterator[None]:
    try:
        yield
    except _NOT_MIGRATED as error:
        raise Failure(f"{place} lacks what this release needs ({error})", "Run: proactivectl migrate") from None
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise Failure(f"{place} refused the connection ({error})", "Correct DATABASE_URL.") from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise Failure(f"{place} denied it ({error})", "Use a DATABASE_URL whose user may do this.") from None
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise Failure(f"the connection to {place} was lost ({explained(error)})", "Run this again.") from None
    except asyncpg.PostgresError as error:
        raise Failure(f"{place} refused a statement ({error})", "Nothing was changed by it.") from None
    except NoVault as error:
        raise WrongUsage(str(error), "Set the variable, and run this again.") from None
    except DirectoryError as error:
        raise Failure(str(error), "Nothing was changed.") from None


@contextmanager
def broker_failures(url: str) -> Iterator[None]:
    """
    Say in the words of a person what the broker at `url` did not do inside the block.

    Raises:
        Failure: instead of every error of AMQP.
    """
    place = f"the broker at {place_of(url)}"
    try:
        yield
    except TopologyRefused as error:
        raise Failure(f"{place} refused {error}", _TOPOLOGY_ADVICE) from None
    except _AMQP_REFUSALS as error:
        raise Failure(f"{place} refused the connection ({explained(error)})", "Correct AMQP_URL.") from None
    except aiormq.exceptions.InvalidFrameError:
        what = f"{place} closed the connection while it was opened"
        raise Failure(what, "Check the virtual host in AMQP_URL, and that its user may use it.") from None
    except aiormq.exceptions.AMQPChannelError as error:
        raise Failure(f"{place} refused it ({explained(error)})", "Use an AMQP_URL whose user may do this.") from None
    except AMQP_ERRORS as error:
        raise Failure(f"{place} does not answer ({explained(error)})", "Start it, or correct AMQP_URL.") from None
    except (ValueError, KeyError) as error:
        raise WrongUsage(f"AMQP_URL is no address of a broker ({explained(error)})", _BROKER_FORM) from None


_TOPOLOGY_ADVICE = (
    "If its properties differ, empty it, delete it on the broker, and run: proactivectl topology apply. "
    "If access was refused, use an AMQP_URL whose user may configure."
)
_BROKER_FORM = "Write it as amqp://user:password@host:5672/."


def place_of(url: str) -> str:
    """Host, port and path of an address, without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.hostname or 'localhost'}{port}{parts.path}"


def explained(error: BaseException) -> str:
    """What an exception says, on one line; its name where it says nothing."""
    if "Connect call failed" in str(error):
        return "connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
