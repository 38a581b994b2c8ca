"""The history's HTTP, as another service would read it."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from devstack.channels import WORKSPACE
from devstack.demo.calls import Answer, call
from devstack.demo.checks import eventually
from devstack.stack import Stack


@dataclass(frozen=True)
class Tracker:
    """The history of the sandbox's workspace, with a service token."""

    url: str
    token: str
    metrics_url: str

    @classmethod
    def of(cls, stack: Stack) -> "Tracker":
        """The one of a running stack."""
        around = stack.surroundings
        return cls(stack.tracker_url, around.secrets.tracker_token, around.url("status_tracker_ops", "/metrics"))

    def counted(self, metric: str) -> float:
        """The sum over a metric's lines."""
        page = call("GET", self.metrics_url).body.decode()
        lines = [line.rsplit(" ", 1) for line in page.splitlines() if line.startswith(metric)]
        return sum(float(value) for _, value in lines)

    def get(self, path: str, token: str | None = None) -> Answer:
        """One GET, with another token where one is given."""
        return call("GET", self.url + path, headers={"Authorization": f"Bearer {token or self.token}"})

    def page(self, **query: str | int) -> Mapping[str, Any]:
        """One page of messages."""
        answer = self.get(f"/v1/workspaces/{WORKSPACE}/messages?{urlencode(query)}")
        assert answer.status == 200, answer
        page: Mapping[str, Any] = answer.json()
        return page

    def export(self, **query: str) -> list[dict[str, str]]:
        """Every message that fits, as the CSV has it."""
        answer = self.get(f"/v1/workspaces/{WORKSPACE}/messages.csv?{urlencode(query)}")
        assert answer.status == 200, answer
        return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))

    def message(self, message_id: object, workspace_id: str = WORKSPACE) -> Mapping[str, Any] | None:
        """One message with its timeline; nothing where there is none."""
        answer = self.get(f"/v1/workspaces/{workspace_id}/messages/{message_id}")
        if answer.status == 404:
            return None
        assert answer.status == 200, answer
        message: Mapping[str, Any] = answer.json()
        return message

    def latest_to(self, number: str) -> Mapping[str, Any]:
        """The newest message to this number, with its timeline, once the history has it."""
        found = eventually(
            lambda: [one for one in self.page(limit=50)["messages"] if one["recipient"] == number],
            bool,
            "the message in the history",
        )
        message = self.message(found[0]["message_id"])
        assert message is not None
        return message

    def await_status(
        self, message_id: object, *statuses: str, seconds: float = 15, workspace_id: str = WORKSPACE
    ) -> Mapping[str, Any]:
        """Wait until the message has one of these statuses."""
        message = eventually(
            lambda: self.message(message_id, workspace_id),
            lambda found: found is not None and found["status"] in statuses,
            f"status {' or '.join(statuses)}",
            seconds,
        )
        assert message is not None
        return message
