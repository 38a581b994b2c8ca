"""The benchmark of the history, small: it fills, asks every kind of question, and finds what there is."""

from typing import Any, cast

from tests.bench.history import run
from tests.bench.measuring import cases

NOTHING_THERE = {"status that no message has", "mine, the busiest, nothing there"}
HARDLY_ANYTHING = {"this conversation, channel and status", "search: number, mine, status"}


async def test_benchmark_asks_every_kind_of_question_and_finds_messages(database_url: str) -> None:
    said: list[str] = []
    report = await run(database_url, 5_000, said.append, times=10)
    measured = cast(list[dict[str, Any]], report["cases"])
    assert [one["name"] for one in measured] == [case.name for case in cases(())]
    for one in measured:
        assert 0 < one["p50"] <= one["p99"] <= one["slowest"], one
        if one["name"] not in HARDLY_ANYTHING:
            assert (one["messages"] > 0) == (one["name"] not in NOTHING_THERE), one
    assert report["rows"] == 5_000
    assert any(line.startswith("first page, everyone") for line in said)
