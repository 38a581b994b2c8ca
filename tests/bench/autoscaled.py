"""Workers as processes, started and stopped by the ScaledObject of deploy/kubernetes, which is asked as KEDA does."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import yaml

from devstack.channels import SMS
from devstack.errors import DevstackError
from devstack.stack import STOP_SECONDS
from devstack.state import root_of_checkout
from tests.bench.autoscaler import Autoscaler, Rule, Trigger
from tests.bench.contestants import MOST_WORKERS, with_workers
from tests.bench.world import World

ASK_SECONDS = 3.0
"""KEDA's own: who has not answered by then has not answered."""

_KUBERNETES = root_of_checkout() / "deploy" / "kubernetes"


def scaled_object() -> dict[str, Any]:
    """The ScaledObject of the SMS workers, as kustomize renders it."""
    documents = yaml.safe_load_all((_KUBERNETES / "channel" / "scaling.yaml").read_text())
    found: dict[str, Any] = next(one for one in documents if one["kind"] == "ScaledObject")
    kustomization = yaml.safe_load((_KUBERNETES / "channels" / "sms" / "kustomization.yaml").read_text())
    for patch in kustomization["patches"]:
        if patch["target"]["kind"] == "ScaledObject":
            for change in yaml.safe_load(patch["patch"]):
                _replace(found, change["path"].strip("/").split("/"), change["value"])
    return found


def _replace(place: Any, path: Sequence[str], value: object) -> None:
    """A `replace` of https://www.rfc-editor.org/rfc/rfc6902."""
    for step in path[:-1]:
        place = place[int(step) if isinstance(place, list) else step]
    place[path[-1]] = value


@dataclass(frozen=True)
class Sample:
    """One look: `second` of time.monotonic, what each trigger said (None: nothing), workers before, and wanted."""

    second: float
    depths: Sequence[float | None]
    workers: int
    wanted: int
    answered: int


class Autoscaled:
    """The workers of one world, of which the first one runs; `samples` are its looks."""

    def __init__(self, world: World, rule: Rule, settings: Mapping[str, str]) -> None:
        if rule.most > MOST_WORKERS:
            raise DevstackError(f"The rule allows {rule.most} workers; the benchmark's world has {MOST_WORKERS}.")
        self._world = world
        self._rule = rule
        self._settings = settings
        self._names = with_workers(MOST_WORKERS).dispatchers
        self._active = [SMS.worker]
        self._processes = {SMS.worker: world.stack.process(SMS.worker)}
        self._autoscaler = Autoscaler(rule)
        self.samples: list[Sample] = []

    @property
    def workers(self) -> int:
        """How many there are that nobody asked to stop."""
        return len(self._active)

    async def keep(self, stopping: asyncio.Event) -> None:
        """Look, and do what the rule says, at its interval."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as session:
            due = time.monotonic()
            while not stopping.is_set():
                await self._look(session)
                due = max(due + self._rule.interval, time.monotonic())
                await asyncio.sleep(due - time.monotonic())

    async def _look(self, session: aiohttp.ClientSession) -> None:
        depths = [await self._ask(session, trigger) for trigger in self._rule.triggers]
        now, workers = time.monotonic(), self.workers
        wanted = self._autoscaler.wanted(now, workers, depths)
        self.samples.append(Sample(now, depths, workers, wanted, self._world.counters.answered))
        await asyncio.to_thread(self._scale, wanted)

    async def _ask(self, session: aiohttp.ClientSession, trigger: Trigger) -> float | None:
        ask = {"rabbitmq": self._queued, "metrics-api": self._told}[trigger.kind]
        try:
            return await ask(session, trigger.metadata)
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _queued(self, session: aiohttp.ClientSession, metadata: Mapping[str, str]) -> float:
        """Messages in all queues whose name matches, ready and with a worker."""
        url = urlsplit(self._world.broker.management_url)
        place = f"http://{url.hostname}:{url.port}/api/queues/{quote(metadata['vhostName'], safe='')}"
        query = {"page": "1", "page_size": "100", "use_regex": "true", "name": metadata["queueName"]}
        login = aiohttp.BasicAuth(url.username or "", url.password or "")
        async with session.get(place, params=query, auth=login, raise_for_status=True) as answer:
            found = await answer.json()
        return float(sum(queue.get("messages", 0) for queue in found["items"]))

    async def _told(self, session: aiohttp.ClientSession, metadata: Mapping[str, str]) -> float:
        """A number in what the dispatcher tells operators."""
        around = self._world.stack.surroundings
        url = around.url("operators", urlsplit(metadata["url"]).path)
        headers = {"Authorization": f"Bearer {around.secrets.operators_token}"}
        async with session.get(url, headers=headers, raise_for_status=True) as answer:
            found = await answer.json()
        for name in metadata["valueLocation"].split("."):
            found = found[name]
        return float(found)

    def _scale(self, wanted: int) -> None:
        while self.workers > wanted:
            self._processes[self._active.pop()].ask_to_stop()
        free = [name for name in self._names if name not in self._active and self._ended(name)]
        for name in free[: wanted - self.workers]:
            self._world.launch(name, self._settings)
            self._processes[name] = self._world.stack.process(name)
            self._active.append(name)

    def check(self) -> None:
        """
        See that those who were asked to stop did so.

        Raises:
            DevstackError: one did not end in good order.
        """
        for name in self._names:
            if name not in self._active and not self._ended(name):
                self._processes[name].stop(STOP_SECONDS)
                self._ended(name)

    def _ended(self, name: str) -> bool:
        """
        Whether nothing runs under that name.

        Raises:
            DevstackError: it did not end in good order.
        """
        process = self._processes.get(name)
        if process is not None and process.exit_code:
            raise DevstackError(f"{name} ended with {process.exit_code}.\n{process.log_tail()}")
        return process is None or not process.running
