"""The operators' HTTP of dispatcher and tracker: what they know, and what they may be told to do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp

from proactivectl.environment import explained, variable
from proactivectl.failures import Failure
from runtime.http import client_session

REQUEST_SECONDS = 10.0


@asynccontextmanager
async def dispatcher() -> AsyncIterator["DispatcherApi"]:
    """
    The API at PROACTIVE_DISPATCHER_URL, with PROACTIVE_DISPATCHER_TOKEN.

    Raises:
        WrongUsage: one of them is not set.
    """
    url = variable("PROACTIVE_DISPATCHER_URL", "the operators' address of `dispatcher webhooks`")
    token = variable("PROACTIVE_DISPATCHER_TOKEN", "one of the dispatcher's PROACTIVE_OPERATORS_TOKENS")
    async with client_session(REQUEST_SECONDS) as session:
        yield DispatcherApi(session, url.rstrip("/"), token)


@asynccontextmanager
async def tracker_operators() -> AsyncIterator["OperatorsApi"]:
    """
    The API at PROACTIVE_TRACKER_OPERATORS_URL, with PROACTIVE_TRACKER_OPERATORS_TOKEN.

    Raises:
        WrongUsage: one of them is not set.
    """
    url = variable("PROACTIVE_TRACKER_OPERATORS_URL", "the operators' address of `status_tracker`")
    token = variable("PROACTIVE_TRACKER_OPERATORS_TOKEN", "one of the tracker's PROACTIVE_OPERATORS_TOKENS")
    async with client_session(REQUEST_SECONDS) as session:
        yield OperatorsApi(session, url.rstrip("/"), token, "tracker", "TRACKER_OPERATORS", "status_tracker")


@dataclass(frozen=True)
class OperatorsApi:
    """
    What can be asked of both services.

    Each method raises Failure where the service does not answer, refuses our token, or refuses what was asked; the
    words are its own then.
    """

    session: aiohttp.ClientSession
    url: str
    token: str
    name: str = "dispatcher"
    variables: str = "DISPATCHER"
    process: str = "dispatcher webhooks"

    async def erase(
        self,
        workspace_id: str,
        number: str,
        *,
        by: str,
        erase: bool,
        only: Sequence[str] | None = None,
        also: Sequence[str] = (),
    ) -> dict[str, Any]:
        """
        How much it holds of a person; with `erase`, it removes what is not under way, and stops what waits.

        `left` are the ids of what waited or was under way, the dispatcher's `ids` those of what has ended. With `only`,
        these messages are meant; `also` are theirs, whoever else knows it.
        """
        meant = None if only is None else list(only)
        body = {"number": number, "by": by, "erase": erase, "only": meant, "also": list(also)}
        return await self.required("POST", f"/v1/workspaces/{quote(workspace_id, safe='')}/erasures", body)

    async def get(self, path: str) -> Any:
        """Any other document; None where the service itself says that there is none."""
        return await self._ask("GET", path, None)

    async def required(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A document that the service has to have."""
        found: dict[str, Any] | None = await self._ask(method, path, body)
        if found is None:
            raise Failure(
                f"the {self.name} at {self.url} does not know what was asked for", "See: proactivectl channel list"
            )
        return found

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with self.session.request(
                method, self.url + path, json=body, headers=headers, allow_redirects=False
            ) as answer:
                return await self._read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            what = f"the {self.name} at {self.url} does not answer as it should ({explained(error)})"
            raise Failure(what, f"Start it, or correct PROACTIVE_{self.variables}_URL.") from None

    async def _read(self, answer: aiohttp.ClientResponse) -> Any:
        if answer.status == 200:
            return await answer.json()
        if answer.status == 401:
            token, url = (f"PROACTIVE_{self.variables}_{what}" for what in ("TOKEN", "URL"))
            raise Failure(
                f"the {self.name} at {self.url} refused our token",
                f"Correct {token}, or {url} if it leads to another service.",
            )
        if answer.content_type != "application/problem+json":  # a proxy's words, or another server's
            raise Failure(
                f"{self.url} answered with HTTP {answer.status}, not as our {self.name} does",
                f"Correct PROACTIVE_{self.variables}_URL: it has to be the operators' address of `{self.process}`.",
            )
        problem = await answer.json(content_type=None)
        title, detail = (str(problem.get(part) or "") for part in ("title", "detail"))
        if answer.status == 404 and title.startswith("Unknown"):
            return None
        if answer.status == 404:
            older = f"the {self.name} at {self.url} does not know what was asked for"
            raise Failure(older, "Bring it to the release of this proactivectl.")
        if answer.status >= 500:
            trouble = f"the {self.name} at {self.url} has trouble of its own ({title}: {detail})"
            raise Failure(trouble, f"See the log of `{self.process}`, and its /readyz: they name what it misses.")
        raise Failure(f"the {self.name} refused it ({title}: {detail})", "Nothing was changed.")


@dataclass(frozen=True)
class DispatcherApi(OperatorsApi):
    """What only the dispatcher is asked."""

    async def job(self, workspace_id: str, message_id: UUID) -> dict[str, Any] | None:
        """What it knows of one message; None where no dispatcher took it."""
        found: dict[str, Any] | None = await self.get(
            f"/v1/workspaces/{quote(workspace_id, safe='')}/jobs/{message_id}"
        )
        return found

    async def channels(self) -> list[dict[str, Any]]:
        """The senders that it has used or was told about: limits, pauses, breakers, and how much waits."""
        found: list[dict[str, Any]] = (await self.required("GET", "/v1/channels"))["channels"]
        return found

    async def pause(self, channel_id: UUID, *, paused: bool, by: str) -> dict[str, Any]:
        """Let nothing leave through a channel, or let it go on; the sender as it is now."""
        return await self.required("PUT", f"/v1/channels/{channel_id}/pause", {"paused": paused, "by": by})

    async def limit(self, channel_id: UUID, per_second: float | None, *, by: str) -> dict[str, Any]:
        """Let at most so many leave each second, segments for SMS; None: no limit. The sender as it is now."""
        return await self.required("PUT", f"/v1/channels/{channel_id}/limit", {"per_second": per_second, "by": by})
