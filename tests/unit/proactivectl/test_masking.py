"""What operators see of an event."""

import json

from proactivectl.masking import event_in_view


def test_ids_and_kinds_stay_and_texts_names_and_numbers_go() -> None:
    document = {
        "id": "814860",
        "type": "proactive.send_requested.v1",
        "data": {
            "recipient": "+4915112345678",
            "content": {"kind": "text", "text": "Hello Anna"},
            "contact": {"id": "6657add46abd0167d9419001", "name": "Anna Schmidt"},
            "requested_by": {"kind": "admin", "id": "814860", "name": "Maria"},
            "thread": {"conversation_id": "215470001", "open_new": False},
            "detail": "unsubscribed: 4915112345678",
        },
    }
    seen = event_in_view(json.dumps(document).encode())
    assert seen["data"]["recipient"] == "***5678"
    assert seen["data"]["content"] == {"kind": "text", "text": "[hidden, 10 characters]"}
    assert seen["data"]["contact"] == {"id": "6657add46abd0167d9419001", "name": "[hidden, 12 characters]"}
    assert seen["data"]["thread"] == {"conversation_id": "215470001", "open_new": False}
    assert "12345678" not in json.dumps(seen)


def test_number_in_a_field_of_another_meaning_is_masked() -> None:
    seen = event_in_view(b'{"id": "+4915112345678", "type": "to 4915112345678", "attempt": 4915112345678}')
    assert "12345678" not in json.dumps(seen)


def test_unknown_fields_show_neither_name_nor_value() -> None:
    assert event_in_view(b'{"call +4915112345678": [1, {"x": "secret"}]}') == {
        "[hidden]": ["[hidden, 1 characters]", {"x": "[hidden, 6 characters]"}]
    }


def test_what_is_no_object_is_not_shown() -> None:
    assert [event_in_view(body) for body in (b"text", b'"text"', b"[1]", b"\xff", b"")] == [None] * 5
