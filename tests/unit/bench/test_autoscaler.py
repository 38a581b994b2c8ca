"""The autoscaler of the scaling run: what KEDA and Kubernetes would do with the same rule."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.bench.autoscaled import scaled_object
from tests.bench.autoscaler import Autoscaler, Direction, Policy, Rule, Trigger, read_rule

RULE = Rule(
    least=1,
    most=4,
    interval=10,
    up=Direction(0, [Policy(2, 30)]),
    down=Direction(300, [Policy(1, 60)]),
    failures=3,
    fallback=2,
    triggers=[Trigger("rabbitmq", 100, {}), Trigger("metrics-api", 100, {})],
)


def play(rule: Rule, depths: Sequence[tuple[float | None, float | None]], workers: int = 1) -> list[int]:
    """How many workers there are after each look at the two triggers, at the rule's interval."""
    autoscaler = Autoscaler(rule)
    seen = []
    for number, both in enumerate(depths):
        workers = autoscaler.wanted(number * rule.interval, workers, both)
        seen.append(workers)
    return seen


def queued(*depths: float) -> list[tuple[float | None, float | None]]:
    return [(depth, 0) for depth in depths]


@pytest.mark.parametrize(
    ("depth", "workers"), [(0, 1), (99, 1), (109, 1), (111, 2), (200, 2), (201, 3), (290, 3), (10_000, 3)]
)
def test_depth_is_shared_among_workers_who_may_differ_by_a_tenth(depth: float, workers: int) -> None:
    assert play(RULE, queued(depth)) == [workers]


def test_going_up_is_limited_by_the_policy_within_its_period_and_by_the_most() -> None:
    assert play(RULE, queued(5000, 5000, 5000, 5000, 5000)) == [3, 3, 3, 4, 4]


def test_going_down_waits_until_the_highest_recommendation_is_older_than_the_window() -> None:
    seen = play(RULE, queued(400, *[0] * 31), workers=4)
    assert seen[:30] == [4] * 30
    assert seen[30] == 3


def test_a_peak_within_the_window_keeps_the_workers() -> None:
    seen = play(RULE, queued(400, *[0] * 20, 400, *[0] * 30), workers=4)
    assert seen[:51] == [4] * 51
    assert seen[51] == 3


def test_going_down_takes_one_worker_a_period_as_far_as_the_least() -> None:
    seen = play(RULE, queued(*[0] * 60), workers=4)
    assert seen == [3] * 6 + [2] * 6 + [1] * 48


def test_going_up_waits_for_its_window_where_it_has_one() -> None:
    rule = Rule(**{**vars(RULE), "up": Direction(20, [Policy(2, 30)])})
    assert play(rule, queued(0, 400, 400, 400)) == [1, 1, 3, 3]


def test_the_trigger_that_asks_for_more_counts() -> None:
    assert play(RULE, [(0, 290), (150, 0)]) == [3, 3]


def test_without_an_answer_nobody_goes_and_after_some_there_is_the_fallback() -> None:
    assert play(RULE, [(None, None)] * 4) == [1, 1, 2, 2]
    assert play(RULE, [(None, 0)] * 2, workers=4) == [4, 4]


def test_unanswered_trigger_does_not_keep_another_from_going_up() -> None:
    assert play(RULE, [(None, 290)]) == [3]


def test_an_answer_begins_the_count_anew() -> None:
    assert play(RULE, [(None, 0), (None, 0), (0, 0), (None, 0), (None, 0), (None, 0)]) == [1, 1, 1, 1, 1, 2]


def test_factor_divides_every_time_and_nothing_else() -> None:
    faster = RULE.faster(10)
    assert (faster.interval, faster.down.window) == (1, 30)
    assert ([*faster.up.policies], [*faster.down.policies]) == ([Policy(2, 3)], [Policy(1, 6)])
    depths = queued(5000, 5000, 5000, 5000, *[0] * 60)
    assert play(faster, depths) == play(RULE, depths)
    assert (faster.least, faster.most, faster.failures, faster.fallback) == (1, 4, 3, 2)
    assert faster.triggers == RULE.triggers
    assert "2 more in 3 s, 1 fewer in 6 s once 30 s" in str(faster)


def test_rule_is_the_one_that_is_deployed() -> None:
    rule = read_rule(scaled_object())
    spec = scaled_object()["spec"]
    assert (rule.least, rule.most) == (spec["minReplicaCount"], spec["maxReplicaCount"])
    assert [trigger.kind for trigger in rule.triggers] == ["rabbitmq", "metrics-api"]
    queues, journal = (trigger.metadata for trigger in rule.triggers)
    assert queues["queueName"] == r"^dispatcher\.sms\.(interactive|bulk)$"
    assert journal["valueLocation"] == "due.sms"


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [("triggers", [{"type": "cron", "metadata": {}}], "cron"), ("policies", [{"type": "Percent"}], "Percent")],
)
def test_what_is_not_understood_is_refused(part: str, value: list[dict[str, Any]], said: str) -> None:
    document = scaled_object()
    behavior = document["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    (document["spec"] if part == "triggers" else behavior["scaleUp"])[part] = value
    with pytest.raises(ValueError, match=said):
        read_rule(document)
