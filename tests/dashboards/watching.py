"""A real Prometheus that watches a stack with what deploy/prometheus says; only addresses and pauses are changed."""

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from devstack.backends import Backends
from devstack.demo.calls import call
from devstack.errors import DevstackError
from devstack.postgres import Postgres
from devstack.probes import http_answer
from devstack.processes import Process
from devstack.progress import Progress
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_install import ensure_rabbitmq
from devstack.services import inherited
from devstack.stack import Stack
from devstack.state import root_of_checkout
from tests.support.backends import temporary_state

FOLDER = root_of_checkout() / "deploy" / "prometheus"
READY_SECONDS = 60


@dataclass(frozen=True)
class Series:
    """One line of an answer: its labels, and value by moment (Unix time)."""

    labels: Mapping[str, str]
    points: Mapping[float, float]


@dataclass(frozen=True)
class Prometheus:
    """The running one at `url`."""

    url: str

    def ask(self, expr: str, begin: float, end: float, step: float) -> list[Series]:
        """
        What a PromQL expression comes to from begin to end; lines without a number are left out.

        Raises:
            DevstackError: Prometheus refused it.
        """
        found = self._get("query_range", query=expr, start=begin, end=end, step=step)["result"]
        read = [Series(one["metric"], _numbers(one["values"])) for one in found]
        return [one for one in read if one.points]

    def label_values(self, metric: str, label: str) -> list[str]:
        """As Grafana's label_values."""
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": metric})
        return values

    def down(self) -> list[str]:
        """Whom it does not reach, by instance."""
        targets = self._get("targets", state="active")["activeTargets"]
        return [one["labels"]["instance"] for one in targets if one["health"] != "up"]

    def _get(self, path: str, **query: object) -> Any:
        answer = call("GET", f"{self.url}/api/v1/{path}?{urlencode(query)}")
        if answer.status != 200:
            raise DevstackError(f"Prometheus refused {query}: {answer}")
        return answer.json()["data"]


@dataclass(frozen=True)
class Watched:
    """A running stack, and who watches it."""

    stack: Stack
    prometheus: Prometheus


@contextlib.contextmanager
def watched(program: Path, scraped: int, progress: Progress) -> Iterator[Watched]:
    """Everything that `make run` starts, on servers of its own, watched by this Prometheus every so many seconds."""
    with temporary_state("watched-servers") as servers, temporary_state("watched") as state:
        broker = RabbitMQ(servers, scripts=ensure_rabbitmq(progress.say), prometheus=True)
        backends = Backends(broker, Postgres(servers, durable=False), "private node", "private server")
        with (
            Stack(state.folder, progress=progress, backends=backends) as stack,
            watching(stack, program, broker.metrics_address, scraped) as prometheus,
        ):
            yield Watched(stack, prometheus)


@contextlib.contextmanager
def watching(stack: Stack, program: Path, broker: str, seconds: int) -> Iterator[Prometheus]:
    """
    One beside a running stack, which asks every so many seconds; `broker` is where the broker serves its metrics.
    """
    folder = stack.state.folder / "prometheus"
    folder.mkdir()
    own = f"127.0.0.1:{stack.state.ports(['prometheus'])['prometheus']}"
    (folder / "prometheus.yml").write_text(json.dumps(configuration(stack, broker, seconds)))
    (folder / "alerts.yml").write_text(json.dumps(rules()))
    process = Process(
        "prometheus",
        [
            *(str(program), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
            *(f"--web.listen-address={own}", "--log.level=warn"),
        ],
        env=inherited(),
        log=stack.state.logs / "prometheus.log",
        pid_file=stack.state.pids / "prometheus.pid",
        cwd=folder,
    )
    try:
        process.start()
        process.wait_ready(lambda: http_answer(f"http://{own}/-/ready")[0] == 200, READY_SECONDS)
        yield Prometheus(f"http://{own}")
    finally:
        process.stop()


def configuration(stack: Stack, broker: str, seconds: int) -> Any:
    """prometheus.yml; who is named in it is found on this machine, and keeps that name."""
    read = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    read["global"] = dict.fromkeys(read["global"], f"{seconds}s")
    for job in read["scrape_configs"]:
        (static,) = job["static_configs"]
        here = {name: broker if name.startswith("rabbitmq:") else _ops(stack, name) for name in static["targets"]}
        found = [
            {
                "source_labels": ["__address__"],
                "regex": re.escape(name),
                "target_label": "__address__",
                "replacement": to,
            }
            for name, to in here.items()
        ]
        name = {"source_labels": ["__address__"], "target_label": "instance"}
        job["relabel_configs"] = [*job.get("relabel_configs", []), name, *found]
    return read


def rules() -> Any:
    """alerts.yml; each group is looked at as often as the services are asked."""
    read = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    for group in read["groups"]:
        group.pop("interval", None)
    return read


def _ops(stack: Stack, target: str) -> str:
    """Where a service of compose.yaml serves its metrics here."""
    port = f"{target.partition(':')[0].replace('-', '_')}_ops"
    return f"127.0.0.1:{stack.surroundings.ports[port]}"


def _numbers(values: list[tuple[float, str]]) -> dict[float, float]:
    return {float(at): number for at, value in values if math.isfinite(number := float(value))}
