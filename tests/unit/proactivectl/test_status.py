"""The one screen of `proactivectl status`."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from proactivectl.picture import Picture, Row, rows_of
from proactivectl.queues import Queued
from proactivectl.status import MOST_CHANNELS, age, document, drawn
from tests.unit.proactivectl.command import Command

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def waiting(status: str, seconds: float, messages: int = 1, lane: str = "bulk") -> dict[str, Any]:
    return {"channel": "sms", "lane": lane, "status": status, "messages": messages, "oldest_seconds": seconds}


def sender(name: str, state: str = "open", waiting: int = 0) -> dict[str, Any]:
    shut = {"paused_at": AT.isoformat(), "paused_by": "maria"} if state == "paused" else {}
    return {
        "name": name,
        "channel": "sms",
        "channel_id": f"id-of-{name}",
        "workspace_id": "w1",
        "state": state,
        "waiting": waiting,
        "paused_at": None,
        "paused_by": None,
        "held_until": None,
        "breaker": None,
        "provider_breaker": None,
        **shut,
    }


def picture(
    rows: list[Row] | None = None,
    channels: list[dict[str, Any]] | None = None,
    waiting: list[dict[str, Any]] | None = None,
    notes: tuple[str, ...] = (),
) -> Picture:
    return Picture(AT, rows or [], channels or [], waiting or [], notes, answered=True)


def printed(seen: Picture, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(drawn(seen))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_row_has_what_its_sources_tell_of_its_lane() -> None:
    queues = {
        "dispatcher.sms.bulk": Queued(12, 2, 3, 1.5, 0.5),
        "dispatcher.sms.bulk.parked": Queued(4, 0, 1),
        "status_tracker.history": Queued(0, 1),
    }
    told = [waiting("queued", 31), waiting("waiting", 90), waiting("unknown", 500), waiting("queued", 7, lane="other")]

    rows = {(row.channel, row.lane): row for row in rows_of(queues, told)}

    assert rows["sms", "bulk"] == Row("sms", "bulk", 12, 3, 5, 90, 1.5, 0.5, 2)
    assert rows["sms", "interactive"] == Row("sms", "interactive")
    assert rows["history", None] == Row("history", None, 0, None, None, None, None, None, 1)
    assert len(rows) == 7


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, None), (0.2, "0 s"), (31.4, "31 s"), (180, "3 min"), (11_000, "3.1 h"), (216_000, "2.5 days")],
)
def test_age_is_short(seconds: float | None, words: str | None) -> None:
    assert age(seconds) == words


def test_screen_of_eighty_columns_holds_large_numbers() -> None:
    rows = [Row("whatsapp", "interactive", 199_999, 12_000, 4_000, 86_000, 1000.5, 999.5, 40)]
    shown = printed(picture(rows, [sender("WhatsApp support")]))

    assert "whatsapp  interactive  199999  12000   4000    23.9 h   1000.5  999.5    40" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_somebody_has_to_look_at_is_said_with_its_command() -> None:
    rows = [Row("sms", "bulk", queued=3, workers=0), Row("viber", "bulk", queued=0, parked=2, workers=0)]
    shown = printed(picture(rows, waiting=[waiting("unknown", 60, 2)], notes=("Not shown: x.",)), 200)

    assert "Nobody works on sms bulk. See: proactivectl doctor" in shown
    assert "viber bulk." not in shown, "nothing waits for a worker there"
    assert "2 messages parked. See why: proactivectl parked list" in shown
    assert "2 messages may have been sent. See: proactivectl message list" in shown
    assert shown.index("Not shown: x.") < shown.index("LANE"), "a small terminal cuts the end"


def test_channels_that_are_kept_from_sending_come_first_and_many_open_ones_are_counted() -> None:
    many = [sender(f"line {number}") for number in range(MOST_CHANNELS + 4)]
    shown = printed(picture(channels=[*many, sender("night line", "paused", 7)]), 200)

    lines = [line for line in shown.splitlines() if "line " in line]
    assert lines[0].split()[:2] == ["night", "line"]
    assert "paused by maria" in lines[0]
    assert len(lines) == MOST_CHANNELS
    assert "and 5 channels more: proactivectl channel state" in shown


def test_document_has_what_the_screen_has() -> None:
    seen = picture([Row("sms", "bulk", 1)], [sender("line")], [waiting("queued", 3)], ("Not shown: x.",))

    found = document(seen)

    assert found["at"] == "2026-11-23T03:00:00+00:00"
    assert found["lanes"][0]["queued"] == 1
    assert (len(found["channels"]), len(found["waiting"]), found["notes"]) == (1, 1, ["Not shown: x."])


def test_watch_without_a_terminal_is_refused(run: Command) -> None:
    assert "--watch needs a terminal" in run("status", "--watch", code=2).err
    assert "--watch needs a terminal" in run("status", "--watch", "--json", code=2).document["error"]["what"]


def test_nothing_that_answers_is_a_failure_that_says_what_to_set(run: Command) -> None:
    shown = run("status", code=1).out
    for name in ("AMQP_URL", "PROACTIVE_MANAGEMENT_URL", "DISPATCHER_URL", "TRACKER_OPERATORS_URL"):
        assert name in shown
