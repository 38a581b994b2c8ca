"""The benchmark's table: what fails it, and what is merely told."""

import pytest

from tests.bench.comparing import Comparison
from tests.bench.contestants import FASTSTREAM, OURS
from tests.bench.rows import Row, figure
from tests.bench.running import Run


def run(contestant: str, per_second: float, cpu: float) -> Run:
    processes = dict.fromkeys(("dispatcher", "tracker", "broker", "database"), cpu)
    return Run(contestant, 1000, per_second, processes, dict.fromkeys(processes, 50.0), 56.0, 61.0)


def test_median_counts() -> None:
    assert str(figure([1.0, 3.0, 2.0])) == "2.00 (1.00 – 3.00)"
    assert not Row("x", figure([1.0, 3.0, 0.1]), at_least=1.0, judged=True).failed


@pytest.mark.parametrize(
    ("value", "less_is_better", "judged", "verdict"),
    [
        (0.8, False, True, "BELOW"),
        (0.8, False, False, "below"),
        (1.1, False, True, "ok"),
        (1.3, False, True, "aim reached"),
        (1.1, True, True, "BELOW"),
        (0.8, True, True, "ok"),
    ],
)
def test_only_ratios_fail_the_benchmark(value: float, less_is_better: bool, judged: bool, verdict: str) -> None:
    aim = 0.7 if less_is_better else 1.2
    row = Row("x", figure([value]), at_least=1.0, aim=aim, less_is_better=less_is_better, judged=judged)
    assert row.verdict == verdict
    assert row.failed == (verdict == "BELOW")


def test_ratios_are_of_neighbours_in_time() -> None:
    pairs = [
        (run("ours", 1000, 0.2), run("faststream", 500, 0.4)),
        (run("ours", 100, 0.4), run("faststream", 50, 0.8)),
    ]
    rows = {row.name: row for row in Comparison((OURS, FASTSTREAM), pairs).rows()}
    assert str(rows["messages/s, ours / FastStream"].value) == "2.00 (2.00 – 2.00)"
    assert rows["CPU per message, ours / FastStream"].verdict == "aim reached"
    assert rows["added latency at 50/s, p99"].value.median == pytest.approx(11.0)
    assert not any(row.failed for row in rows.values())
