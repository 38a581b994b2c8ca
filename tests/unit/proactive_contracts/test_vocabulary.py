"""Every status and every reason has words for people."""

import pytest

from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status


@pytest.mark.parametrize("reason", FailureReason)
def test_reason_says_what_happened_and_what_to_do(reason: FailureReason) -> None:
    assert reason.why.endswith(".")
    assert reason.advice.endswith(".")


@pytest.mark.parametrize("status", Status)
def test_status_has_a_label_a_meaning_and_advice(status: Status) -> None:
    assert status.label
    assert status.meaning.endswith(".")
    assert status.advice.endswith(".")


def test_reason_of_a_later_release_reads_as_other() -> None:
    assert FailureReason("moon_phase") is FailureReason.OTHER
