"""Roles and logins in PostgreSQL, for `migrate --accounts`."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from importlib import resources

from proactivectl.accounts import DATABASE_ROLES, Account
from proactivectl.failures import Failure
from runtime.migrations import Source
from runtime.postgres import Connection

ITERATIONS = 4096
"""PostgreSQL's own scram_iterations."""


async def grant(
    connection: Connection, sources: Sequence[Source], accounts: Iterable[tuple[Account, str]]
) -> list[str]:
    """
    Give each role what its service needs and nothing else, and each account its role; the logins' names.

    All of it or nothing, while the services go on working.

    Raises:
        Failure: an account has the name of a superuser.
    """
    roles = sorted(set(DATABASE_ROLES.values()))
    async with connection.transaction():
        for name in roles:
            await _ensure(connection, name, "NOLOGIN")
        for source in sources:
            for kind in ("TABLES", "SEQUENCES"):
                await connection.execute(
                    f'REVOKE ALL ON ALL {kind} IN SCHEMA "{source.schema}" FROM PUBLIC, {", ".join(roles)}'
                )
            await connection.execute(f'REVOKE ALL ON SCHEMA "{source.schema}" FROM PUBLIC, {", ".join(roles)}')
        for source in sources:
            await connection.execute((resources.files(source.package) / "grants.sql").read_text("utf-8"))
        return [
            await _log_in(connection, account.name, role, password, roles)
            for account, password in accounts
            if (role := DATABASE_ROLES.get(account.role)) is not None
        ]


async def were_granted(connection: Connection, sources: Sequence[Source]) -> bool:
    """Whether the services' roles have rights in this database: then they need what a migration just made as well."""
    found = await connection.fetchval(
        """
        SELECT count(*) FROM pg_namespace, aclexplode(nspacl) AS granted
        JOIN pg_roles ON pg_roles.oid = granted.grantee
        WHERE nspname = ANY($1) AND rolname = ANY($2)
        """,
        [source.schema for source in sources],
        list(set(DATABASE_ROLES.values())),
    )
    return bool(found)


async def _log_in(connection: Connection, name: str, role: str, password: str, roles: Sequence[str]) -> str:
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = $1", name):
        raise Failure(f"{name} is a superuser of the database", "Give the account another name. Nothing was changed.")
    await _ensure(connection, name, "LOGIN")
    await connection.execute(f"ALTER ROLE \"{name}\" LOGIN PASSWORD '{verifier(password)}'")
    for other in roles:
        if other != role:
            await connection.execute(f'REVOKE {other} FROM "{name}"')
    await connection.execute(f'GRANT {role} TO "{name}"')
    return name


async def _ensure(connection: Connection, role: str, kind: str) -> None:
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f'CREATE ROLE "{role}" {kind}')


def verifier(password: str) -> str:
    """
    What PostgreSQL keeps of a password, so that the password itself is in no log of the server.

    https://www.postgresql.org/docs/16/catalog-pg-authid.html, and RFC 5802. SASLprep is left out: it changes nothing in
    ASCII, and PostgreSQL leaves what is no valid UTF-8 as it is.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored, kept, salt64 = (base64.b64encode(part).decode() for part in (hashlib.sha256(client).digest(), server, salt))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored}:{kept}"
