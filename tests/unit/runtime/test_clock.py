"""Ids are of version 7 and in the order of their time."""

from collections.abc import Iterator
from datetime import UTC

import pytest

from runtime import clock


def test_now_is_in_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_new_id_is_of_version_7() -> None:
    ids = {clock.new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {(made.version, made.variant) for made in ids} == {(7, "specified in RFC 4122")}


def test_later_ids_sort_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def ticking() -> Iterator[int]:
        yield from range(1_790_000_000_000_000_000, 1_790_000_001_000_000_000, 1_000_000)

    ticks = ticking()
    monkeypatch.setattr("time.time_ns", lambda: next(ticks))
    ids = [clock.new_id() for _ in range(1_000)]
    assert ids == sorted(ids)
    assert [str(made) for made in ids] == sorted(map(str, ids))


def test_id_tells_its_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_645_557_742_000_999_999)
    assert str(clock.new_id()).startswith("017f22e2-79b0-7")  # the example of RFC 9562, appendix A.6
