"""Senders in memory, with the real rules."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from dispatcher.domain import gates
from dispatcher.domain.answers import Answer
from dispatcher.domain.gates import Host, Sender, Standing
from proactive_contracts.values import Channel
from tests.unit.dispatcher.builders import NOW


class FakeSenders:
    """dispatcher.gates.SenderStore; `asked` are the statements that it stands for, `troubles` what they raise."""

    def __init__(self) -> None:
        self.rows: dict[UUID, tuple[Sender, str]] = {}
        self.hosts: dict[str, Host] = {}
        self.asked: list[str] = []
        self.troubles: list[Exception] = []
        self.now: datetime = NOW

    async def know(self, channel_id: UUID, channel: Channel, workspace_id: str, host: str) -> None:
        self._ask("know")
        sender, _ = self.rows.get(channel_id, (Sender(), host))
        self.rows[channel_id] = (sender, host)
        self.hosts.setdefault(host, Host(host))

    async def report(self, channel_id: UUID, answer: Answer) -> tuple[Standing, Standing] | None:
        self._ask("report")
        before = self._standing(channel_id)
        channels = sum(host == before.host.name for _, host in self.rows.values())
        sender = gates.sender_after(before.sender, answer, self.now)
        host = gates.host_after(before.host, channel_id, channels, answer, self.now)
        self.rows[channel_id], self.hosts[host.name] = (sender, host.name), host
        return before, self._standing(channel_id)

    async def unwell(self, channel: Channel) -> Mapping[UUID, Standing]:
        self._ask("unwell")
        found = {one: self._standing(one) for one in self.rows}
        return {one: standing for one, standing in found.items() if gates.unwell(standing.sender, standing.host)}

    def _standing(self, channel_id: UUID) -> Standing:
        sender, host = self.rows[channel_id]
        return Standing(sender, self.hosts[host], self.now)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.troubles:
            raise self.troubles.pop(0)
