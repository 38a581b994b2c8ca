"""Connected channels for faults: one that nobody used before has no breaker, no rate and no receipts in its way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import yaml

from devstack.accounts import write_private
from devstack.channels import SMS, WORKSPACE, Connected, channels_file
from devstack.stack import Stack
from tests.chaos.proxy import Network, Proxy, through

SPARE_LINES = 16
BACKSTAGE = "backstage1"
"""The workspace of the lines: a panel with so many channels would show its first page only."""


@dataclass(frozen=True)
class Line:
    """
    A connected channel of a fault's own, and its wire to the provider.

    It belongs to a workspace of its own kind, which no panel shows, unless it was asked for as `shown`.
    """

    channel: Connected
    wire: Proxy
    workspace: str


class Lines:
    """All lines of a world; `provider` is the wire of the sandbox's own channels."""

    def __init__(self, stack: Stack, network: Network, provider: Proxy) -> None:
        self._stack = stack
        self._network = network
        self._provider = provider
        self._declared: dict[str, tuple[str, dict[str, Any]]] = {}
        self._spare: list[Line] = []

    def set_up(self) -> None:
        """Connect the sandbox's channels, and some lines for whoever asks."""
        self._spare += [self._new(BACKSTAGE) for _ in range(SPARE_LINES)]
        self.connect()

    def take(self, *, shown: bool = False) -> Line:
        """A channel for SMS that nobody has used yet; `shown` in panels."""
        if shown:
            line = self._new(WORKSPACE)
            self.connect()
            return line
        if not self._spare:
            self.set_up()
        return self._spare.pop()

    def workspace_of(self, channel: Connected) -> str:
        """Where a channel is connected."""
        return self._declared[channel.id][0] if channel.id in self._declared else WORKSPACE

    def change(self, line: Line, *, base_url: str = "", credentials: Mapping[str, str] | None = None) -> None:
        """
        Have it lead elsewhere, or read its credentials from other variables; with neither it is as it was.

        It counts from connect() on.
        """
        own = through(self._stack.surroundings.url("sandbox", f"/{line.channel.provider}"), line.wire)
        changed = replace(line.channel, credentials=credentials or line.channel.credentials)
        self._declared[line.channel.id] = line.workspace, changed.declared(base_url or own)

    def connect(self) -> None:
        """Write the directory: the sandbox's workspace, its providers behind the proxy, and the lines."""
        document = yaml.safe_load(channels_file(self._stack.surroundings))
        shown = document["workspaces"][0]
        for channel in shown["channels"]:
            channel["settings"]["base_url"] = through(channel["settings"]["base_url"], self._provider)
        backstage = {**shown, "id": BACKSTAGE, "name": "Backstage", "channels": []}
        for workspace, line in self._declared.values():
            (backstage if workspace == BACKSTAGE else shown)["channels"].append(line)
        document["workspaces"].append(backstage)
        path = self._stack.state.folder / "channels.yaml"
        write_private(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        self._stack.proactivectl("apply", "-f", str(path))

    def _new(self, workspace: str) -> Line:
        number = len(self._declared) + 1
        [port] = self._stack.state.ports([f"proxy line {number}"]).values()
        channel = replace(SMS, id=str(uuid4()), name=f"Line {number}")
        line = Line(channel, self._network.open(port, self._provider.target), workspace)
        self.change(line)
        return line
