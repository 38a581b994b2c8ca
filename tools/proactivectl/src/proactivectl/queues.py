"""How much is in queues, and who reads them: through the management plugin, or as far as AMQP tells."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiormq
from aio_pika.abc import AbstractConnection

from proactivectl.management import queue_documents


@dataclass(frozen=True)
class Queued:
    """
    What is in one queue: `ready` wait for a reader, `taken` are with one; messages a second come `arriving` and go
    `leaving`. None: AMQP does not tell.
    """

    ready: int
    readers: int
    taken: int | None = None
    arriving: float | None = None
    leaving: float | None = None


async def over_amqp(connection: AbstractConnection, names: Iterable[str]) -> dict[str, Queued]:
    """What can be seen of each queue that is there and that this account may look at."""
    found = {}
    for name in names:
        channel = await connection.channel()  # a passive declaration that fails closes its channel
        try:
            declared = (await channel.get_queue(name)).declaration_result
        except (aiormq.exceptions.ChannelNotFoundEntity, aiormq.exceptions.ChannelAccessRefused):
            continue
        found[name] = Queued(declared.message_count or 0, declared.consumer_count or 0)
        await channel.close()
    return found


async def over_management(management_url: str, amqp_url: str) -> dict[str, Queued]:
    """
    Every queue of the virtual host, as the plugin counted it some seconds ago.

    Raises:
        Failure: the plugin does not answer, or refuses.
    """
    return {document["name"]: _read(document) for document in await queue_documents(management_url, amqp_url)}


def _read(document: Mapping[str, Any]) -> Queued:
    """A queue that was idle since the broker's start has no statistics."""
    counted = document.get("message_stats") or {}
    return Queued(
        ready=document.get("messages_ready") or 0,
        readers=document.get("consumers") or 0,
        taken=document.get("messages_unacknowledged") or 0,
        arriving=_rate(counted, "publish"),
        leaving=_rate(counted, "ack"),
    )


def _rate(counted: Mapping[str, Any], what: str) -> float:
    return float((counted.get(f"{what}_details") or {}).get("rate") or 0)
