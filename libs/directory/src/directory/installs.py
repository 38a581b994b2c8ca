"""Installations under way: what a browser was given must come back from the same browser, once, in time."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from directory.database import Database

LIFETIME_SECONDS = 600


@dataclass(frozen=True)
class Begun:
    """`state` travels through Intercom; `browser` stays in the browser's cookie."""

    state: str
    browser: str


class Taken(StrEnum):
    """What a state that came back is worth."""

    GOOD = "good"
    UNKNOWN = "unknown"
    """Never ours, used before, or over."""
    OTHER_BROWSER = "other_browser"


class Installs:
    """Kept in the database, so that any replica may see the end of what another began."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self) -> Begun:
        """Note a new installation, and forget those whose time is over."""
        begun = Begun(state=secrets.token_urlsafe(32), browser=secrets.token_urlsafe(32))
        await self._database.execute(
            """
            WITH over AS (DELETE FROM directory.install WHERE expires_at < now())
            INSERT INTO directory.install (state_digest, browser_digest, expires_at)
            VALUES ($1, $2, now() + make_interval(secs => $3))
            """,
            _digest(begun.state),
            _digest(begun.browser),
            LIFETIME_SECONDS,
        )
        return begun

    async def take(self, state: str, browser: str) -> Taken:
        """Use a state up, whoever brings it: one that somebody else saw is worth nothing afterwards."""
        row = await self._database.fetchrow(
            "DELETE FROM directory.install WHERE state_digest = $1 "
            "RETURNING browser_digest, expires_at > now() AS good",
            _digest(state),
        )
        if row is None or not row["good"]:
            return Taken.UNKNOWN
        fits = hmac.compare_digest(row["browser_digest"], _digest(browser))
        return Taken.GOOD if fits else Taken.OTHER_BROWSER


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()
