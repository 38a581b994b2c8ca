"""What is kept of messages that were just written, and when it is all that is known."""

from dataclasses import replace
from uuid import UUID

import pytest

from proactive_contracts.status import Status
from status_tracker import recent
from status_tracker.domain.decision import Known, MessageKey
from status_tracker.recent import Recent, Said
from tests.unit.status_tracker.making import as_facts, make_request

ROW = Known(("w1", UUID(int=1)), Status.QUEUED, 1, None, version=7)


def make_said() -> Said:
    return Said(*as_facts([make_request()]))


def test_what_is_kept_is_known_of_that_version_of_the_row_only() -> None:
    said, kept = make_said(), Recent()
    kept.keep({ROW.key: (7, said)})
    assert kept.of(ROW) == said
    assert kept.of(replace(ROW, version=8)) is None
    assert kept.of(replace(ROW, erased=True)) is None
    assert kept.of(replace(ROW, key=("w2", UUID(int=1)))) is None


def test_without_a_row_nothing_is_known() -> None:
    assert Recent().of(replace(ROW, version=None)) == Said()


def test_message_of_several_requests_is_not_kept() -> None:
    kept = Recent()
    kept.keep({ROW.key: (6, make_said())})
    kept.keep({ROW.key: (7, make_said() + make_said())})
    assert kept.of(ROW) is None
    assert kept.of(replace(ROW, version=6)) is None


def test_oldest_goes_when_too_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST", 2)
    keys: list[MessageKey] = [("w1", UUID(int=number)) for number in range(3)]
    kept = Recent()
    kept.keep({key: (7, make_said()) for key in keys[:2]})
    kept.keep({keys[0]: (7, make_said())})
    kept.keep({keys[2]: (7, make_said())})
    assert [kept.of(replace(ROW, key=key)) is not None for key in keys] == [True, False, True]
