"""
The rule of a ScaledObject, as KEDA and Kubernetes apply it: how many workers there are to be. No clock, no I/O.

Written after https://keda.sh/docs/latest/reference/scaledobject-spec/ and
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TOLERANCE = 0.1
"""Kubernetes' own: a metric that is no further from its target changes nothing."""

_TARGET = {"rabbitmq": "value", "metrics-api": "targetValue"}


@dataclass(frozen=True)
class Policy:
    """At most so many workers more, or fewer, in so many seconds."""

    workers: int
    seconds: float


@dataclass(frozen=True)
class Direction:
    """How it goes up, or down: the mildest recommendation of the last `window` seconds, as far as a policy allows."""

    window: float
    policies: Sequence[Policy]

    def faster(self, factor: float) -> "Direction":
        """The same with its times divided."""
        policies = [replace(policy, seconds=policy.seconds / factor) for policy in self.policies]
        return Direction(self.window / factor, policies)


@dataclass(frozen=True)
class Trigger:
    """Something that is asked, and how much of it one worker is for."""

    kind: str
    target: float
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """What a ScaledObject says. `failures` times without an answer, and there are to be `fallback` workers."""

    least: int
    most: int
    interval: float
    up: Direction
    down: Direction
    failures: int
    fallback: int
    triggers: Sequence[Trigger]

    def __str__(self) -> str:
        more = " or ".join(f"{one.workers} more in {one.seconds:g} s" for one in self.up.policies)
        fewer = " or ".join(f"{one.workers} fewer in {one.seconds:g} s" for one in self.down.policies)
        return (
            f"{self.least} to {self.most} workers, a look every {self.interval:g} s, {more}, "
            f"{fewer} once {self.down.window:g} s ask for no more"
        )

    def faster(self, factor: float) -> "Rule":
        """The same rule in a world whose time runs so many times as fast."""
        up, down = self.up.faster(factor), self.down.faster(factor)
        return replace(self, interval=self.interval / factor, up=up, down=down)


def read_rule(scaled_object: Mapping[str, Any]) -> Rule:
    """
    The rule in a ScaledObject's document.

    Raises:
        KeyError: something that the rule needs is left to a default.
        ValueError: a policy or a trigger is of a kind that is not understood here.
    """
    spec = scaled_object["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    return Rule(
        least=spec["minReplicaCount"],
        most=spec["maxReplicaCount"],
        interval=spec["pollingInterval"],
        up=_direction(behavior["scaleUp"]),
        down=_direction(behavior["scaleDown"]),
        failures=spec["fallback"]["failureThreshold"],
        fallback=spec["fallback"]["replicas"],
        triggers=[_trigger(one) for one in spec["triggers"]],
    )


def _direction(behavior: Mapping[str, Any]) -> Direction:
    if unknown := {policy["type"] for policy in behavior["policies"]} - {"Pods"}:
        raise ValueError(f"Policies of type {', '.join(sorted(unknown))} are not understood here, Pods alone are.")
    policies = [Policy(policy["value"], policy["periodSeconds"]) for policy in behavior["policies"]]
    return Direction(behavior["stabilizationWindowSeconds"], policies)


def _trigger(document: Mapping[str, Any]) -> Trigger:
    kind, metadata = document["type"], document["metadata"]
    if kind not in _TARGET:
        raise ValueError(f"A trigger of type {kind} is not understood here; {' and '.join(_TARGET)} are.")
    return Trigger(kind, float(metadata[_TARGET[kind]]), metadata)


class Autoscaler:
    """Remembers what it recommended and did. Moments are seconds of any clock that does not go back."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._recommended: list[tuple[float, int]] = []
        self._changes: list[tuple[float, int]] = []
        self._unanswered = [0] * len(rule.triggers)

    def wanted(self, now: float, workers: int, depths: Sequence[float | None]) -> int:
        """How many workers there are to be, of which there are `workers`; `depths`: each trigger's, None unanswered."""
        self._recommended.append((now, self._recommend(workers, depths)))
        steady = self._steady(now, workers)
        wanted = min(max(self._allowed(now, workers, steady), self._rule.least), self._rule.most)
        if wanted != workers:
            self._changes.append((now, wanted - workers))
        return wanted

    def _recommend(self, workers: int, depths: Sequence[float | None]) -> int:
        """The highest that a trigger asks for; while one of them is unknown, not fewer than there are."""
        found = [self._by(number, workers, depth) for number, depth in enumerate(depths)]
        known = [one for one in found if one is not None]
        return max(known) if len(known) == len(found) else max([workers, *known])

    def _by(self, number: int, workers: int, depth: float | None) -> int | None:
        if depth is None:
            self._unanswered[number] += 1
            return self._rule.fallback if self._unanswered[number] >= self._rule.failures else None
        self._unanswered[number] = 0
        target = self._rule.triggers[number].target
        if abs(depth / (target * workers) - 1) <= TOLERANCE:
            return workers
        return math.ceil(depth / target)

    def _steady(self, now: float, workers: int) -> int:
        """Up only as far as all recommendations of the window go, down only as far as well."""
        up = min(_since(self._recommended, now, self._rule.up.window))
        down = max(_since(self._recommended, now, self._rule.down.window))
        return min(max(workers, up), down)

    def _allowed(self, now: float, workers: int, wanted: int) -> int:
        if wanted > workers:
            limits = [self._before(now, workers, policy) + policy.workers for policy in self._rule.up.policies]
            return min(wanted, max(workers, *limits))
        limits = [self._before(now, workers, policy) - policy.workers for policy in self._rule.down.policies]
        return max(wanted, min(workers, *limits))

    def _before(self, now: float, workers: int, policy: Policy) -> int:
        """How many there were when the policy's period began."""
        return workers - sum(_since(self._changes, now, policy.seconds))


def _since(events: Iterable[tuple[float, int]], now: float, seconds: float) -> list[int]:
    """What happened in the last `seconds`, and what happens just now."""
    return [what for moment, what in events if moment > now - seconds or moment == now]
