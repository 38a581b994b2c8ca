"""docs/statuses.md shows the one vocabulary, and names what there is."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from proactive_contracts.reasons import FailureReason
from proactive_contracts.schemas import schema_of
from proactive_contracts.status import MessageStatusChanged, Status
from status_tracker import metrics, sweep
from status_tracker.openapi import description

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "statuses.md").read_text("utf-8")


def rows(first_cell: str) -> list[list[str]]:
    """The rows of the table whose header begins with this cell."""
    table = re.search(rf"^\| {re.escape(first_cell)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE)
    assert table, f"no table with {first_cell}"
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in table[1].splitlines()]


def test_every_status_is_shown_with_its_words() -> None:
    assert rows("status") == [[f"`{one}`", one.label, one.meaning, one.advice] for one in Status]


def test_every_reason_is_shown_with_its_words() -> None:
    assert rows("reason") == [[f"`{one}`", one.why, one.advice] for one in FailureReason]


def test_place_and_metrics_that_it_names_are_there() -> None:
    [place] = re.findall(r"`(libs/\S+\.py)`", DOCUMENT)
    assert "class Status" in (ROOT / place).read_text("utf-8")
    assert metrics.MISDIRECTED is not None
    counted = {f"{family.name}_total" for family in REGISTRY.collect() if family.type == "counter"}
    assert set(re.findall(r"`(proactive_tracker_\w+)`", DOCUMENT)) <= counted
    assert sweep.UNMATCHED_AFTER.total_seconds() == 3600, "the page says an hour"


def test_schemas_of_events_and_of_the_history_say_what_each_status_means() -> None:
    event = schema_of(MessageStatusChanged)["$defs"]["Status"]["description"]
    history = description()["components"]["schemas"]["Status"]["description"]
    for one in Status:
        assert f"`{one}`: {one.label}. {one.meaning}" in event
        assert f"`{one}`: {one.label}. {one.meaning}" in history


def test_words_of_a_status_stand_nowhere_else_in_the_code() -> None:
    """Whoever needs them takes them from the vocabulary; other sentences may share a word, never a whole meaning."""
    sources = [path for place in ("libs", "services") for path in (ROOT / place).rglob("src/**/*.py")]
    own = {ROOT / "libs/contracts/src/proactive_contracts" / name for name in ("status.py", "reasons.py")}
    sentences = {one.meaning for one in Status} | {one.why for one in FailureReason}
    repeated = [
        (str(path.relative_to(ROOT)), sentence)
        for path in sources
        if path not in own
        for sentence in sentences
        if sentence in path.read_text("utf-8")
    ]
    assert repeated == []
