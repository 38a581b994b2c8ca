"""The whole sandbox as one thing: its state and everything that plays a part in it."""

from dataclasses import dataclass
from typing import get_args

from sandbox.behaviour import Behaviours, IntercomMode, ProviderMode, ReceiptMode
from sandbox.fixtures import TIME_ZONE
from sandbox.intercom.desk import Desk, fresh_world
from sandbox.intercom.shapes import plain_text
from sandbox.ledger import Ledger
from sandbox.panel import Panel
from sandbox.providers.ports import Provider
from sandbox.receipts import Receipts
from sandbox.snapshot import Saver, State
from sandbox.stream import Stream, Topic

_EXCERPT_CHARACTERS = 90


# What only some providers know.
_RARE_MODES: frozenset[ProviderMode] = frozenset({"window_closed"})


def modes_of(provider: Provider) -> list[ProviderMode]:
    """Every way of going wrong that a provider plays."""
    every: tuple[ProviderMode, ...] = get_args(ProviderMode)
    return [mode for mode in every if mode not in _RARE_MODES or mode in provider.own_modes]


def fresh_state() -> State:
    """The fixtures, an empty ledger, and everybody behaving."""
    return State(world=fresh_world(), ledger=Ledger(), behaviours=Behaviours())


@dataclass(frozen=True)
class Playground:
    """What the control endpoints work on; put together in app.py."""

    state: State
    desk: Desk
    stream: Stream
    saver: Saver
    receipts: Receipts
    panel: Panel
    providers: dict[str, Provider]

    def tell(self, topic: Topic, line: str) -> None:
        """Tell open pages, and keep the change."""
        self.stream.tell(topic, line)
        self.saver.changed()

    async def reset(self) -> None:
        """
        Back to the fixtures. Receipts that are still to come are forgotten, tokens that were consented to stay
        good, and no id is given a second time: the app remembers conversations longer than this.

        Everybody holds on to the same objects, so their contents are exchanged, not they themselves.
        """
        await self.receipts.stop()
        fresh = fresh_state()
        fresh.world.next_number = max(fresh.world.next_number, self.state.world.next_number)
        vars(self.state.world).update(vars(fresh.world))
        vars(self.state.ledger).update(vars(fresh.ledger))
        vars(self.state.behaviours).update(vars(fresh.behaviours))
        self.tell("reset", "sandbox: everything is as at the start")

    def conversations(self) -> list[dict[str, object]]:
        """The Inbox's list, the latest first."""
        world = self.state.world
        listed: list[dict[str, object]] = []
        for row in world.latest_first():
            contact = world.contacts[row.contact_id]
            last = world.last_part(row)
            excerpt = plain_text((last.body if last else row.body) or "")
            listed.append(
                {
                    "id": row.id,
                    "contact": {
                        "id": contact.id,
                        "name": contact.name,
                        "role": contact.role,
                        "phone": contact.phone,
                    },
                    "updated_at": row.updated_at,
                    "state": row.state,
                    "assignee": world.admins[row.admin_assignee_id].name if row.admin_assignee_id else None,
                    "parts": len(row.parts),
                    "note": last is not None and last.part_type == "note",
                    "excerpt": excerpt[:_EXCERPT_CHARACTERS],
                }
            )
        return listed

    def describe(self) -> dict[str, object]:
        """What a page needs once: people, channels, and what can be switched."""
        world = self.state.world
        return {
            "workspace_id": self.desk.workspace_id,
            "time_zone": TIME_ZONE,
            "admins": [{"id": one.id, "name": one.name} for one in world.admins.values()],
            "channels": [
                {
                    "channel": one.channel,
                    "label": one.channel_label,
                    "provider": one.name,
                    "provider_label": one.label,
                    "senders": list(one.senders),
                    "modes": modes_of(one),
                    "receipts": [{"status": status, "error_code": code} for status, code in one.offered_receipts],
                }
                for one in self.providers.values()
            ],
            "receipt_modes": get_args(ReceiptMode),
            "intercom_modes": get_args(IntercomMode),
            "bus": self.stream.bus_state,
            "lines": self.stream.lines(),
        }
