"""What fails the scaling run."""

import itertools
from collections import Counter

import pytest

from tests.bench.autoscaled import Sample, scaled_object
from tests.bench.autoscaler import read_rule
from tests.bench.scaled import Asked, Scaled, accounts, over_time


def make_scaled(workers: tuple[int, ...] = (1, 3, 4, 3, 2, 1), busy: float = 1.1) -> Scaled:
    """A run whose agents waited a second alone, and `busy` seconds among bulk messages."""
    scaled = Scaled(read_rule(scaled_object()), factor=10, warm=100, began=160, all_sent=5, published=5_700)
    for number, (before, after) in enumerate(itertools.pairwise(workers)):
        scaled.samples.append(Sample(160 + 6 * number, [0, None], before, after, 100 * number))
    scaled.agents = [Asked(moment, moment, 1.0, 1.2) for moment in range(100, 160)]
    scaled.agents += [Asked(moment, moment, busy, 2.0) for moment in range(160, 190)]
    return scaled


def test_run_that_went_as_it_has_to_says_so() -> None:
    scaled = make_scaled()
    assert scaled.failed() == []
    assert "1 → 3 → 4 → 3 → 2 → 1" in scaled.success()
    assert scaled.document()["failed"] == []


@pytest.mark.parametrize(
    ("scaled", "said"),
    [
        (make_scaled((1, 3, 2, 1)), "never more than 3 workers, of 4"),
        (make_scaled((1, 3, 4, 3)), "ended with 3"),
        (make_scaled(busy=1.21), "1.21 times"),
    ],
)
def test_run_fails_by_workers_that_did_not_come_or_go_and_by_agents_that_waited(scaled: Scaled, said: str) -> None:
    (sentence,) = scaled.failed()
    assert said in sentence


def test_run_fails_by_a_worker_that_went_with_work_undone() -> None:
    scaled = make_scaled()
    scaled.all_sent = 12.5
    assert scaled.failed() == ["A worker was sent away after 12 s, and all was sent after 12 s only."]


def test_quiet_minutes_afterwards_do_not_hide_what_agents_waited() -> None:
    scaled = make_scaled(busy=1.21)
    scaled.agents += [Asked(moment, moment, 1.0, 1.0) for moment in range(190, 1190)]
    assert "1.21 times" in scaled.failed()[0]


def test_run_without_agents_answers_fails() -> None:
    scaled = make_scaled()
    for one in scaled.agents[60:]:
        one.answered = None
    assert len(scaled.failed()) == 1


def test_each_message_is_accounted_for() -> None:
    assert list(accounts({"a", "b"}, {"a", "b"}, Counter("ab"))) == []
    assert len(list(accounts({"a", "b", "c"}, {"a"}, Counter("aax")))) == 4


def test_table_begins_with_agents_alone_and_shows_what_was_not_answered() -> None:
    head, alone, first, *_ = over_time(make_scaled())
    assert head.split()[:5] == ["s", "queues", "journal", "workers", "wanted"]
    assert alone.split() == ["alone", "1", "1", "1,000"]
    assert first.split() == ["6", "0", "–", "3", "4", "17", "1,100"]
