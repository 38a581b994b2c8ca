"""The dispatcher's HTTP for operators: how channels stand, what it knows of a message, and letting channels go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devstack.channels import WORKSPACE
from devstack.demo.calls import Answer, call
from devstack.demo.checks import Unexpected, eventually

BY = "the demo"
DRAIN_SECONDS = 8.0
"""What a step left behind, such as a message that waits for its next try, has so long to leave."""


@dataclass(frozen=True)
class Operators:
    """The operators' HTTP at `url`, with one of its tokens."""

    url: str
    token: str

    def channels(self) -> Mapping[str, Mapping[str, Any]]:
        """How every connected channel stands, by its id."""
        found = self._ask("GET", "/v1/channels").json()["channels"]
        return {one["channel_id"]: one for one in found}

    def job(self, message_id: object, workspace_id: str = WORKSPACE) -> Mapping[str, Any] | None:
        """What the dispatcher knows of a message; nothing where it never took it."""
        answer = self._call("GET", f"/v1/workspaces/{workspace_id}/jobs/{message_id}")
        if answer.status == 404:
            return None
        found: Mapping[str, Any] = _taken(answer).json()
        return found

    def resume(self, channel_id: str) -> None:
        """What `proactivectl channel resume` asks for: no pause, no hold, and an open breaker lets one try."""
        self._ask("PUT", f"/v1/channels/{channel_id}/pause", {"paused": False, "by": BY})

    def unlimit(self, channel_id: str) -> None:
        """What `proactivectl channel limit … none` asks for."""
        self._ask("PUT", f"/v1/channels/{channel_id}/limit", {"per_second": None, "by": BY})

    def let_everything_go(self) -> None:
        """No channel is kept from sending; what waits has a while to leave, so that it disturbs nobody later."""
        for channel_id, channel in self.channels().items():
            if channel["state"] != "open" or channel["breaker"] is not None:
                self.resume(channel_id)
            if channel["per_second"] is not None:
                self.unlimit(channel_id)
        try:
            eventually(self._waiting, lambda waiting: not waiting, "nothing that waits", DRAIN_SECONDS)
        except Unexpected:
            return  # it waits for a moment far ahead, and everybody behaves by then

    def _waiting(self) -> int:
        return sum(int(channel["waiting"]) for channel in self.channels().values())

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        return _taken(self._call(method, path, body))

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return call(method, self.url + path, None if body is None else json.dumps(body).encode(), headers)


def _taken(answer: Answer) -> Answer:
    if answer.status != 200:
        raise Unexpected("200 from the dispatcher's HTTP for operators", answer)
    return answer
