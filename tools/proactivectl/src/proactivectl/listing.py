"""`message list`: find messages in the history, without their texts and numbers."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import typer

from proactive_contracts.status import Status
from proactive_contracts.values import Channel
from proactivectl import masking
from proactivectl.history import REQUEST_SECONDS, History, tracker
from proactivectl.output import AsJson, say, show, table
from runtime.http import client_session


def list_messages(
    workspace: Annotated[str, typer.Option(help="The workspace's id.")],
    search: Annotated[str | None, typer.Option(help="A message's id, a number, or the last digits of one.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Only with this status. Repeatable.")] = None,
    channel: Annotated[list[Channel] | None, typer.Option(help="Only through this channel. Repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, the latest ones.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find messages, the latest first: by number, status or channel."""
    wanted = {"search": search, "status": ",".join(status or ()), "channel": ",".join(channel or ())}
    query = {name: value for name, value in wanted.items() if value}
    page = asyncio.run(_page(workspace, limit, query))
    found = [_document(one) for one in page["messages"]]
    more = page["next_cursor"] is not None
    show({"messages": found, "more": more}, lambda: _tell(found, more=more))


async def _page(workspace: str, limit: int, query: dict[str, str]) -> dict[str, Any]:
    async with client_session(REQUEST_SECONDS) as session:
        return await History(session, *tracker()).page(workspace, limit=limit, **query)


def _document(one: dict[str, Any]) -> dict[str, Any]:
    """What says which message it is and how it stands."""
    names = ("message_id", "status", "reason", "channel", "channel_id", "requested_at")
    return {**{name: one.get(name) for name in names}, "recipient": masking.number(str(one["recipient"]))}


def _tell(found: list[dict[str, Any]], *, more: bool) -> None:
    rows = [
        (_at(one["requested_at"]), Status(one["status"]).label, one["channel"], one["recipient"], one["message_id"])
        for one in found
    ]
    table(("ASKED FOR", "STATUS", "CHANNEL", "TO", "MESSAGE ID"), rows, "No message of this kind.")
    if more:
        say("There are more: narrow it, or ask for more with --limit.")


def _at(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
