"""The ids that make telling twice harmless; their golden values are a promise to every neighbour."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from proactive_contracts.envelope import content_digest, receipt_id, request_id, result_id
from proactive_contracts.requests import SendRequested
from proactive_contracts.values import Model
from tests.unit.proactive_contracts.examples import make_request
from tests.unit.proactive_contracts.strategies import models

TEMPLATE = {
    "kind": "template",
    "name": "card_shipped",
    "language": "de_AT",
    "variables": [{"name": "2", "value": "Donnerstag"}, {"name": "1", "value": "Grüß dich, “Anna” 👋\n"}],
}


def test_digest_of_a_text_is_what_it_was_in_every_release() -> None:
    assert content_digest(make_request()) == "1693e2196afd1f89993bac5afc15d4a4d4aeb1a0c5181121c91796fb36661e73"


def test_digest_of_a_template_is_what_it_was_in_every_release() -> None:
    assert (
        content_digest(make_request(content=TEMPLATE))
        == "6e364dcb5ec873c0a5eec4faf195da3239b51e697e4c540e925452f720f70223"
    )


def test_request_id_is_what_it_was_in_every_release() -> None:
    assert request_id(make_request()) == UUID("bdc151fd-7df0-5ce1-9f4b-7e8e1242ba44")


def test_result_id_is_what_it_was_in_every_release() -> None:
    assert result_id(UUID(int=1), 2, "accepted") == UUID("47b97932-0873-5966-aa56-863fbda3b769")


def test_receipt_id_is_what_it_was_in_every_release() -> None:
    assert receipt_id(UUID(int=1), "SM1", "failed", "30003") == UUID("dd261ccd-0604-574d-b987-24776d05a755")


@pytest.mark.parametrize(
    "changed",
    [
        {"content": {"kind": "text", "text": "Something else"}},
        {"content": TEMPLATE},
        {"recipient": "+4915112345679"},
        {"channel_id": "0b5ad1a0-0000-4000-8000-000000000009"},
        {"thread": {"conversation_id": "215470001", "open_new": True}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_the_customer_would_get_makes_another_request(changed: dict[str, Any]) -> None:
    assert request_id(make_request(**changed)) != request_id(make_request())


@pytest.mark.parametrize(
    "changed",
    [
        {"not_after": "2026-11-23T10:29:07Z"},
        {"not_before": "2026-11-23T09:20:00Z"},
        {"requested_by": {"kind": "service", "name": "cards"}},
        {"contact": None},
        {"thread": {"conversation_id": "215470002", "open_new": False}},
        {"result_route": None},
        {"resend_of": "01a207af-0000-7000-8000-000000000000"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_the_customer_does_not_see_makes_the_same_request(changed: dict[str, Any]) -> None:
    assert request_id(make_request(**changed)) == request_id(make_request())


def test_same_content_under_another_message_id_is_another_request() -> None:
    other = make_request(message_id="01a207af-0000-7000-8000-000000000001")
    assert content_digest(other) == content_digest(make_request())
    assert request_id(other) != request_id(make_request())


@given(models(SendRequested))
def test_ids_survive_the_bus(request: Model) -> None:
    read = SendRequested.model_validate_json(request.model_dump_json())
    assert isinstance(request, SendRequested)
    assert request_id(read) == request_id(request)


def test_results_differ_by_request_transition_and_outcome() -> None:
    ids = {result_id(UUID(int=n), step, word) for n in (1, 2) for step in (1, 11) for word in ("failed", "1:failed")}
    assert len(ids) == 8


def test_receipts_differ_by_channel_message_status_and_code() -> None:
    ids = {
        receipt_id(UUID(int=n), message, status, code)
        for n in (1, 2)
        for message in ("a", 'a", "b')
        for status in ("b", "sent")
        for code in (None, "", "None")
    }
    assert len(ids) == 24
