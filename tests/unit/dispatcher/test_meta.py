"""Meta: the call as its official description has it, its answers, its signature, its callbacks."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
import yaml

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import HttpRequest, HttpResponse, Report, Unreadable, UnreadableCallback
from dispatcher.providers.meta import Meta, sign
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import TextContent
from tests.unit.dispatcher.builders import MESSAGE_ID, NOW, make_callback, make_message, make_meta_channel

META = Meta()
WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJCOTY3NDc0NDFDRUI3NTA0Q0UA"
NUMBER_ID = "106540352242922"
BSUID = "US.13491208655302741918"


def build(**changes: Any) -> HttpRequest:
    built = META.build(make_message(**changes), make_meta_channel())
    assert isinstance(built, HttpRequest)
    return built


# --- sending ---


def test_call_names_everything() -> None:
    request = build()
    assert request.url == f"https://graph.facebook.com/v23.0/{NUMBER_ID}/messages"
    assert request.headers["Authorization"] == "Bearer token-of-meta"
    assert json.loads(request.body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+4915112345678",
        "type": "text",
        "text": {"body": "Grüße & 50 % +1 \U0001f600\nBye", "preview_url": False},
        "biz_opaque_callback_data": str(MESSAGE_ID),
    }


def test_business_scoped_user_id_has_a_field_of_its_own() -> None:
    """In `to`, Meta would take its digits for a number: accepted, and never delivered."""
    fields = json.loads(build(recipient=BSUID).body)
    assert (fields["recipient"], fields["recipient_type"]) == (BSUID, "individual")
    assert "to" not in fields


@pytest.mark.parametrize("recipient", ["+4915112345678", BSUID])
@pytest.mark.parametrize("text", ["x", "\U0001f600" * 4096])
def test_call_follows_the_official_description(recipient: str, text: str) -> None:
    described = official_description()
    path = described["paths"]["/{Version}/{Phone-Number-ID}/messages"]["post"]
    schema = path["requestBody"]["content"]["application/json"]["schema"]
    request = build(recipient=recipient, content=TextContent(text=text))
    fields = json.loads(request.body)
    if "recipient" in fields:  # it came after this version of the description
        fields["to"] = fields.pop("recipient")
    jsonschema.Draft202012Validator({"components": described["components"], **schema}).validate(fields)
    assert described["info"]["version"] in request.url


def official_description() -> dict[str, Any]:
    folder = Path(os.environ.get("PROVIDER_SPECS_DIR") or Path(__file__).parents[4] / "shared" / "specs")
    name = "meta_whatsapp_messages_patched.yaml"
    if not (folder / name).is_file():
        pytest.skip(f"{name} is not in {folder}: set PROVIDER_SPECS_DIR to check Meta's request with it")
    found: dict[str, Any] = yaml.load((folder / name).read_text(), Loader=yaml.CSafeLoader)
    return found


def test_base_url_of_the_channel_is_used() -> None:
    settings = {"phone_number_id": "../1?x#y", "base_url": "http://127.0.0.1:9/meta/"}
    built = META.build(make_message(), make_meta_channel(settings=settings))
    assert isinstance(built, HttpRequest)
    assert built.url == "http://127.0.0.1:9/meta/v23.0/..%2F1%3Fx%23y/messages"


def test_channel_without_its_number_is_blocked() -> None:
    refused = META.build(make_message(), make_meta_channel(settings={}))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)
    assert "setting phone_number_id is missing here" in refused.detail


# --- answers ---


def answer(status: int, fields: object, headers: Mapping[str, str] | None = None) -> Answer:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return META.read_answer(HttpResponse(status, headers or {}, body))


def error(code: object, **changes: object) -> dict[str, object]:
    return {"error": {"message": "No.", "type": "OAuthException", "code": code, "fbtrace_id": "x"} | changes}


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"contacts": [{"input": "+4915112345678", "wa_id": "4915112345678"}]},
        {"contacts": [{"input": BSUID, "user_id": BSUID}]},
        {"messages": [{"id": WAMID, "message_status": "accepted"}]},
    ],
)
def test_message_id_is_acceptance(extra: dict[str, object]) -> None:
    assert answer(200, {"messaging_product": "whatsapp", "messages": [{"id": WAMID}]} | extra) == Accepted(WAMID)


REASONS = FailureReason
CLASSES = [
    (ErrorClass.REJECTED, REASONS.INVALID_NUMBER, [131009, 131021, 131030]),
    (ErrorClass.REJECTED, REASONS.UNREACHABLE, [131026, 130472, 131049]),
    (ErrorClass.REJECTED, REASONS.OPTED_OUT, [131050]),
    (ErrorClass.REJECTED, REASONS.WINDOW_CLOSED, [131047]),
    (ErrorClass.REJECTED, REASONS.TEMPLATE, [132000, 132001, 132005, 132007, 132012, 132015, 132016, 132068, 132069]),
    (ErrorClass.REJECTED, REASONS.CONTENT, [131051, 131052, 135000]),
    (ErrorClass.REJECTED, REASONS.OTHER, [100, 131008]),
    (ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY, [4, 80007, 130429, 131048, 131056, 131057, 131064]),
    (ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED, [0, 3, 10, 190, 200, 299, 131005, 131042]),
    (ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED, [368, 131031, 131037, 131045, 130497, 133010]),
]


@pytest.mark.parametrize(
    ("error_class", "reason", "code"), [(kind, reason, code) for kind, reason, codes in CLASSES for code in codes]
)
def test_refusal_is_classified_by_its_code(error_class: ErrorClass, reason: FailureReason, code: int) -> None:
    for status in (400, 401, 403, 404, 429):
        refused = answer(status, error(code))
        assert isinstance(refused, Refused)
        assert (refused.error_class, refused.reason) == (error_class, reason)
        assert (refused.provider_code, refused.detail) == (str(code), "No.")


@pytest.mark.parametrize(("code", "alone"), [(131056, True), (130429, False), (131048, False), (131047, False)])
def test_limit_of_a_pair_is_the_recipients_alone(code: int, alone: bool) -> None:
    refused = answer(400, error(code))
    assert isinstance(refused, Refused)
    assert refused.recipient_only is alone


@pytest.mark.parametrize(
    ("status", "fields", "error_class"),
    [
        (401, b"", ErrorClass.BLOCKED),
        (403, b"<html>", ErrorClass.BLOCKED),
        (404, {}, ErrorClass.BLOCKED),
        (429, b"", ErrorClass.THROTTLED),
        (429, error(999_999), ErrorClass.THROTTLED),
        (400, error(130429, is_transient=True), ErrorClass.THROTTLED),
        (400, error(100, error_subcode=33), ErrorClass.BLOCKED),
        (400, error("131047"), ErrorClass.REJECTED),
    ],
)
def test_other_clear_refusals(status: int, fields: object, error_class: ErrorClass) -> None:
    refused = answer(status, fields, {"Retry-After": "7"})
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.retry_after_seconds) == (error_class, 7)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        *((status, error(code)) for status in (400, 429, 500) for code in (1, 2, 131000, 131016)),
        *((status, error(131047)) for status in (408, 500, 502, 503, 504, 200, 301)),
        (400, error(999_999)),
        (403, error(999_999)),
        (400, error(131053)),
        (400, error(100, is_transient=True)),
        (401, error(190, is_transient=True)),
        (400, error(None)),
        (400, error(True)),
        (400, {"error": "no"}),
        (400, b"<html>Bad Request</html>"),
        (500, b""),
        (200, b"{"),
        (200, {"messages": []}),
        (200, {"messages": [{"id": ""}]}),
        (200, {"messages": [{"id": 7}]}),
        (200, {"messages": [{"id": "x" * 201}]}),
        (200, {"messages": [{"id": "a\x00b"}]}),
        (200, {"messages": {"id": WAMID}}),
        (200, {"messages": [{"id": WAMID}]} | error(131000)),
        (202, {"messages": [{"id": WAMID}]}),
    ],
)
def test_anything_else_is_unclear(status: int, fields: object) -> None:
    assert isinstance(answer(status, fields), Unclear)


def test_details_are_told_once() -> None:
    said = error(131009, message="Parameter value is not valid", error_data={"details": "to is not a number"})
    refused = answer(400, said)
    assert isinstance(refused, Refused)
    assert refused.detail == "Parameter value is not valid: to is not a number"


# --- signatures and the question that Meta asks ---

BODY = b'{"entry": []}'
WRONG = "sha256=" + "0" * 64


def test_signature_is_sha256_over_the_raw_body() -> None:
    """RFC 4231, test case 2."""
    expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign("Jefe", b"what do ya want for nothing?") == expected


@pytest.mark.parametrize("header", ["X-Hub-Signature-256", "x-hub-signature-256"])
def test_what_meta_signed_is_accepted(header: str) -> None:
    callback = make_callback(BODY, headers={header: sign("secret-of-meta", BODY)})
    assert META.verify(callback, make_meta_channel())


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (BODY, {}),
        (BODY, {"X-Hub-Signature-256": ""}),
        (BODY, {"X-Hub-Signature-256": WRONG}),
        (BODY, {"X-Hub-Signature-256": sign("secret-of-meta", BODY)[7:]}),
        (BODY, {"X-Hub-Signature-256": sign("secret-of-meta", BODY).upper()}),
        (BODY, {"X-Hub-Signature-256": sign("another", BODY)}),
        (BODY, {"X-Hub-Signature": sign("secret-of-meta", BODY)}),
        (BODY + b" ", {"X-Hub-Signature-256": sign("secret-of-meta", BODY)}),
        (BODY, {"X-Hub-Signature-256": "\udcff\udcfeß"}),
    ],
)
def test_what_meta_did_not_sign_is_refused(body: bytes, header: dict[str, str]) -> None:
    assert not META.verify(make_callback(body, headers=header), make_meta_channel())


@pytest.mark.parametrize("credentials", [{}, {"app_secret": ""}])
def test_channel_without_a_secret_verifies_nothing(credentials: dict[str, str]) -> None:
    callback = make_callback(BODY, headers={"X-Hub-Signature-256": sign("", BODY)})
    assert not META.verify(callback, make_meta_channel(credentials=credentials))


@pytest.mark.parametrize(
    ("query", "answered"),
    [
        ("hub.mode=subscribe&hub.verify_token=ours&hub.challenge=1158201444", "1158201444"),
        ("hub.mode=subscribe&hub.verify_token=Ours&hub.challenge=1158201444", None),
        ("hub.mode=subscribe&hub.verify_token=&hub.challenge=1", None),
        ("hub.mode=unsubscribe&hub.verify_token=ours&hub.challenge=1", None),
        ("hub.verify_token=ours&hub.challenge=1", None),
        ("hub.mode=subscribe&hub.verify_token=ours", None),
        ("hub.mode=subscribe&hub.verify_token=ours&hub.challenge=<script>", None),
        ("hub.mode=subscribe&hub.verify_token=ours&hub.challenge=" + "1" * 201, None),
        ("hub.mode=subscribe&hub.verify_token=%ff%fe&hub.challenge=1", None),
        ("", None),
    ],
)
def test_question_is_answered_to_who_knows_the_token(query: str, answered: str | None) -> None:
    callback = make_callback(url=f"https://proactive.example/webhooks/meta/x?{query}")
    assert META.answer_challenge(callback, make_meta_channel()) == answered


def test_channel_without_a_verify_token_answers_nothing() -> None:
    callback = make_callback(url="https://p.example/?hub.mode=subscribe&hub.verify_token=&hub.challenge=1")
    assert META.answer_challenge(callback, make_meta_channel(credentials={"app_secret": "x"})) is None


# --- receipts and replies ---


def value_of(number_id: str = NUMBER_ID, **parts: object) -> dict[str, object]:
    metadata = {"display_phone_number": "4915700000002", "phone_number_id": number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def body_of(*values: object) -> bytes:
    changes = [{"field": "messages", "value": value} for value in values]
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()


def read(body: bytes, number_id: str = NUMBER_ID) -> list[Report | Unreadable]:
    return META.read_callback(make_callback(body), make_meta_channel(settings={"phone_number_id": number_id}))


def status_of(status: object, **changes: object) -> dict[str, object]:
    return {
        "id": WAMID,
        "status": status,
        "timestamp": "1793628300",
        "recipient_id": "4915112345678",
        "biz_opaque_callback_data": str(MESSAGE_ID),
        "conversation": {"id": "c"},
        "pricing": {"billable": True},
    } | changes


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("sent", ReceiptStatus.SENT),
        ("delivered", ReceiptStatus.DELIVERED),
        ("read", ReceiptStatus.READ),
        ("played", ReceiptStatus.READ),
        ("failed", ReceiptStatus.FAILED),
    ],
)
def test_receipt_is_read(word: str, status: ReceiptStatus) -> None:
    (receipt,) = read(body_of(value_of(statuses=[status_of(word)])))
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.status, receipt.message_id, receipt.provider_message_id) == (status, MESSAGE_ID, WAMID)
    assert receipt.reported_at == datetime.fromtimestamp(1793628300, UTC)
    assert (receipt.reason is None) == (status is not ReceiptStatus.FAILED)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (131026, ReceiptStatus.UNDELIVERED, FailureReason.UNREACHABLE),
        (131049, ReceiptStatus.UNDELIVERED, FailureReason.UNREACHABLE),
        (131047, ReceiptStatus.FAILED, FailureReason.WINDOW_CLOSED),
        (131000, ReceiptStatus.FAILED, FailureReason.OTHER),
        (130429, ReceiptStatus.FAILED, FailureReason.PROVIDER_BUSY),
    ],
)
def test_failure_has_its_reason(code: int, status: ReceiptStatus, reason: FailureReason) -> None:
    told = {"code": code, "title": "Failed", "message": "Failed", "error_data": {"details": "More than 24 hours"}}
    (receipt,) = read(body_of(value_of(statuses=[status_of("failed", errors=[told])])))
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.status, receipt.reason, receipt.provider_code) == (status, reason, str(code))
    assert receipt.detail == "Failed: More than 24 hours"


@pytest.mark.parametrize("word", ["deleted", "warning", "accepted"])
def test_status_that_tells_nothing_new_is_passed_over(word: str) -> None:
    assert read(body_of(value_of(statuses=[status_of(word)]))) == []


@pytest.mark.parametrize("echoed", [None, "", "7", 7, "' OR 1=1", ["x"]])
def test_receipt_without_our_id_is_kept_without_it(echoed: object) -> None:
    (receipt,) = read(body_of(value_of(statuses=[status_of("sent", biz_opaque_callback_data=echoed)])))
    assert isinstance(receipt, DeliveryReported)
    assert receipt.message_id is None


@pytest.mark.parametrize("timestamp", [None, "", "soon", "9" * 12, -1, 1.5, "٣" * 12])
def test_receipt_without_a_sound_time_has_that_of_its_arrival(timestamp: object) -> None:
    (receipt,) = read(body_of(value_of(statuses=[status_of("sent", timestamp=timestamp)])))
    assert isinstance(receipt, DeliveryReported)
    assert receipt.reported_at == NOW


def message_of(kind: str, content: object, **changes: object) -> dict[str, object]:
    return {"from": "4915112345678", "id": WAMID, "timestamp": "1793628300", "type": kind, kind: content} | changes


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", {"body": "Danke! \U0001f600"}, "Danke! \U0001f600"),
        ("button", {"text": "Yes", "payload": "y"}, "Yes"),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Tomorrow"}}, "Tomorrow"),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Friday"}}, "Friday"),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent"}}, "Sent"),
        ("interactive", {"type": "else"}, "[interactive]"),
        ("image", {"id": "1", "mime_type": "image/jpeg"}, "[image]"),
        ("image", {"id": "1", "caption": "My card"}, "[image] My card"),
        ("audio", {"id": "1"}, "[audio]"),
        ("video", {"id": "1"}, "[video]"),
        ("document", {"id": "1", "filename": "x.pdf"}, "[document]"),
        ("sticker", {"id": "1"}, "[sticker]"),
        ("location", {"latitude": 1.0, "longitude": 2.0}, "[location]"),
        ("contacts", [{"name": {}}], "[contacts]"),
        ("order", {"product_items": []}, "[order]"),
        ("reaction", {"message_id": WAMID, "emoji": "\U0001f44d"}, "[reaction] \U0001f44d"),
        ("unsupported", {}, "[unsupported]"),
        ("x" * 100, {}, f"[{'x' * 40}]"),
    ],
)
def test_reply_is_read(kind: str, content: object, text: str) -> None:
    (reply,) = read(body_of(value_of(messages=[message_of(kind, content)])))
    assert isinstance(reply, ReplyReceived)
    assert (reply.sender, reply.text, reply.provider_message_id) == ("+4915112345678", text, WAMID)
    assert reply.received_at == datetime.fromtimestamp(1793628300, UTC)


@pytest.mark.parametrize(
    ("item", "contacts", "sender"),
    [
        ({"from": BSUID}, [], BSUID),
        ({"from_user_id": BSUID}, [], BSUID),
        ({}, [{"user_id": BSUID, "profile": {"name": "Anna"}}], BSUID),
        ({}, [{"user_id": BSUID, "wa_id": "4915112345678"}], "+4915112345678"),
        ({"from": "4915112345678", "from_user_id": BSUID}, [{"user_id": BSUID}], "+4915112345678"),
    ],
)
def test_sender_may_hide_their_number(item: dict[str, object], contacts: object, sender: str) -> None:
    said = {"id": WAMID, "timestamp": "1", "type": "text", "text": {"body": "Hi"}} | item
    (reply,) = read(body_of(value_of(messages=[said], contacts=contacts)))
    assert isinstance(reply, ReplyReceived)
    assert reply.sender == sender


def test_sender_is_not_guessed_among_several_contacts() -> None:
    said = {"id": WAMID, "timestamp": "1", "type": "text", "text": {"body": "Hi"}}
    (broken,) = read(body_of(value_of(messages=[said], contacts=[{"user_id": BSUID}, {"user_id": "US.2"}])))
    assert isinstance(broken, Unreadable)


def test_system_message_is_no_reply() -> None:
    assert read(body_of(value_of(messages=[message_of("system", {"body": "Anna changed her number"})]))) == []


def test_channel_reads_its_own_number_in_several_entries_and_changes() -> None:
    other = "200000000000000"
    mine = [value_of(statuses=[status_of("sent"), status_of("read")]), value_of(statuses=[status_of("delivered")])]
    theirs = value_of(other, statuses=[status_of("failed")], messages=[message_of("text", {"body": "Hi"})])
    first, second = json.loads(body_of(mine[0], theirs)), json.loads(body_of(mine[1]))
    body = json.dumps({"entry": first["entry"] + second["entry"]}).encode()
    assert [report.status for report in read(body) if isinstance(report, DeliveryReported)] == [
        ReceiptStatus.SENT,
        ReceiptStatus.READ,
        ReceiptStatus.DELIVERED,
    ]
    assert len(read(body, other)) == 2
    assert read(body, str(uuid4())) == []
    addressees = META.addressees(make_callback(body))
    assert (addressees.setting, addressees.values) == ("phone_number_id", frozenset({NUMBER_ID, other}))


def test_other_fields_of_the_app_are_passed_over() -> None:
    changes = [{"field": "message_template_status_update", "value": {"event": "APPROVED"}}, {"field": 7}, "x", None]
    body = json.dumps({"entry": [{"changes": changes}, {}, None]}).encode()
    assert read(body) == []
    assert META.addressees(make_callback(body)).values == frozenset()


def test_change_that_names_no_number_is_nobodys() -> None:
    body = body_of({"statuses": [status_of("sent")]}, None)
    assert META.addressees(make_callback(body)).values == {""}
    assert read(body) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"id": WAMID},
        {"id": WAMID, "status": "exploded"},
        {"id": "", "status": "sent"},
        {"id": "x" * 201, "status": "sent"},
        {"id": "a\x00", "status": "sent"},
        {"id": "a\ud800", "status": "sent"},
        {"status": "sent"},
        None,
        7,
    ],
)
def test_broken_status_does_not_keep_the_others(broken: object) -> None:
    first, second = read(body_of(value_of(statuses=[broken, status_of("read")])))
    assert isinstance(first, Unreadable)
    assert isinstance(second, DeliveryReported)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        message_of("text", {}),
        message_of("text", "x"),
        message_of("button", None),
        message_of("text", {"body": "x"}, id=""),
        message_of("text", {"body": "x"}, **{"from": "x" * 201}),
        message_of("text", {"body": "x"}, **{"from": None}),
        message_of("text", {"body": "x"}, type=None),
    ],
)
def test_broken_reply_does_not_keep_the_others(broken: object) -> None:
    first, second = read(body_of(value_of(messages=[broken, message_of("text", {"body": "Hi"})])))
    assert isinstance(first, Unreadable)
    assert isinstance(second, ReplyReceived)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}", b'{"entry": {}}', b"[" * 100_000, b"9" * 10_000])
def test_what_meta_does_not_document_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableCallback):
        read(body)
    with pytest.raises(UnreadableCallback):
        META.addressees(make_callback(body))
