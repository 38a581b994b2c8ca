"""Infobip: the call, the status in its answer, its callbacks and how we know them."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import HttpRequest, HttpResponse, Report, Unreadable, UnreadableCallback
from dispatcher.providers.infobip import Infobip
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import TextContent
from tests.unit.dispatcher.builders import MESSAGE_ID, NOW, make_callback, make_infobip_channel, make_message

INFOBIP = Infobip()
SECRET = "geheim & ü"
INFOBIPS_ID = f"w1.{MESSAGE_ID}"
ADDRESS = "https://proactive.example/webhooks/infobip/x"


def build(**changes: Any) -> HttpRequest:
    built = INFOBIP.build(make_message(callback_url=ADDRESS, **changes), make_infobip_channel())
    assert isinstance(built, HttpRequest)
    return built


# --- sending ---


def test_call_names_everything() -> None:
    request = build()
    assert request.url == "https://x.api.infobip.example/viber/2/messages"
    assert request.headers["Authorization"] == "App key-of-infobip"
    (message,) = json.loads(request.body)["messages"]
    address = f"{ADDRESS}?secret={quote_plus(SECRET)}"
    assert message == {
        "sender": "Proactive",
        "destinations": [{"to": "4915112345678", "messageId": INFOBIPS_ID}],
        "content": {"type": "TEXT", "text": "Grüße & 50 % +1 \U0001f600\nBye"},
        "options": {"validityPeriod": {"amount": 600, "timeUnit": "SECONDS"}},
        "webhooks": {
            "delivery": {"url": address, "intermediateReport": True},
            "seen": {"url": address},
            "contentType": "application/json",
            "callbackData": str(MESSAGE_ID),
        },
    }


def test_address_that_we_hand_out_is_accepted_when_called() -> None:
    (message,) = json.loads(build().body)["messages"]
    address = message["webhooks"]["delivery"]["url"]
    assert parse_qs(urlsplit(address).query) == {"secret": [SECRET]}
    assert INFOBIP.verify(make_callback(url=address), make_infobip_channel())


@pytest.mark.parametrize(
    ("seconds_left", "validity"), [(-3, 30), (0.4, 30), (30.9, 30), (60, 60), (172_800, 172_800), (999_999, 172_800)]
)
def test_validity_period_ends_with_the_message(seconds_left: float, validity: int) -> None:
    (message,) = json.loads(build(seconds_left=seconds_left).body)["messages"]
    assert message["options"]["validityPeriod"]["amount"] == validity


def test_business_scoped_user_id_is_no_address_on_viber() -> None:
    refused = INFOBIP.build(make_message(recipient="US.13491208655302741918"), make_infobip_channel())
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.REJECTED, FailureReason.INVALID_NUMBER)


@pytest.mark.parametrize(("length", "taken"), [(1000, True), (1001, False)])
def test_text_is_as_long_as_viber_takes(length: int, taken: bool) -> None:
    text = TextContent(text="\U0001f600" * length)
    assert isinstance(INFOBIP.build(make_message(content=text), make_infobip_channel()), HttpRequest) is taken


# --- answers ---


def answer(status: int, fields: object, headers: Mapping[str, str] | None = None) -> Answer:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return INFOBIP.read_answer(HttpResponse(status, headers or {}, body))


def taken(group: object, code: object, **changes: object) -> dict[str, Any]:
    status = {"groupId": group, "groupName": "X", "id": code, "name": "NAME", "description": "Words."}
    message = {"messageId": INFOBIPS_ID, "status": status, "destination": "4915112345678"}
    return {"bulkId": "b", "messages": [message | changes]}


@pytest.mark.parametrize(("group", "code"), [(1, 26), (1, 7), (1, 3), (3, 5), (3, 2), ("1", "26")])
def test_pending_is_acceptance(group: object, code: object) -> None:
    assert answer(200, taken(group, code)) == Accepted(INFOBIPS_ID)


def test_duplicate_is_known_as_such() -> None:
    assert answer(200, taken(5, 23)) == Accepted(INFOBIPS_ID, duplicate=True)


def test_workspaces_of_one_account_have_ids_of_their_own() -> None:
    built = INFOBIP.build(make_message(), make_infobip_channel(workspace_id="w2"))
    assert isinstance(built, HttpRequest)
    (message,) = json.loads(built.body)["messages"]
    assert message["destinations"][0]["messageId"] == f"w2.{MESSAGE_ID}"
    seen = {"messageId": INFOBIPS_ID, "seenAt": "2026-11-02T14:04:00.000+0000"}
    body = json.dumps({"results": [seen]}).encode()
    (receipt,) = INFOBIP.read_callback(make_callback(body), make_infobip_channel(workspace_id="w2"))
    assert isinstance(receipt, DeliveryReported)
    assert receipt.message_id is None


REASONS = FailureReason
STATUSES: list[tuple[ErrorClass, FailureReason, list[int | None]]] = [
    (ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED, [11, 12, 13, 17]),
    (ErrorClass.REJECTED, REASONS.OPTED_OUT, [10, 14]),
    (ErrorClass.REJECTED, REASONS.INVALID_NUMBER, [8, 18, 51, 52]),
    (ErrorClass.REJECTED, REASONS.UNREACHABLE, [6, 19]),
    (ErrorClass.REJECTED, REASONS.CONTENT, [25]),
    (ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY, [20]),
    (ErrorClass.REFUSED_TEMPORARILY, REASONS.PROVIDER_BUSY, [21]),
    (ErrorClass.REJECTED, REASONS.OTHER, [24, 999, None]),
]
ERRORS = [
    (ErrorClass.REJECTED, REASONS.INVALID_NUMBER, [1]),
    (ErrorClass.REJECTED, REASONS.UNREACHABLE, [6, 27, 500, 599, 7002, 7029, 7201]),
    (ErrorClass.REJECTED, REASONS.OPTED_OUT, [7003, 7033]),
    (ErrorClass.REJECTED, REASONS.TEMPLATE, [7008, 7009, 7036, 7037]),
    (ErrorClass.REJECTED, REASONS.WINDOW_CLOSED, [7010]),
    (ErrorClass.REJECTED, REASONS.CONTENT, [7016]),
    (ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY, [7017, 7032]),
    (ErrorClass.REFUSED_TEMPORARILY, REASONS.PROVIDER_BUSY, [7050, 7051, 7082]),
    (ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED, [7011, 7019]),
]


@pytest.mark.parametrize(
    ("error_class", "reason", "code"), [(kind, reason, code) for kind, reason, codes in STATUSES for code in codes]
)
def test_refusal_within_a_200_is_classified(error_class: ErrorClass, reason: FailureReason, code: int | None) -> None:
    refused = answer(200, taken(5, code))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason, refused.detail) == (error_class, reason, "Words.")
    assert refused.provider_code == (None if code is None else str(code))


@pytest.mark.parametrize(
    ("error_class", "reason", "code"), [(kind, reason, code) for kind, reason, codes in ERRORS for code in codes]
)
def test_error_id_says_more_than_the_status(error_class: ErrorClass, reason: FailureReason, code: int) -> None:
    refused = answer(200, taken(5, 12, error={"id": code}))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (error_class, reason)


@pytest.mark.parametrize("group", [2, 4])
def test_undeliverable_and_expired_are_refusals(group: int) -> None:
    refused = answer(200, taken(group, 9))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.REJECTED, FailureReason.UNREACHABLE)


def new_error(code: str, *properties: str) -> dict[str, object]:
    violations = [{"property": name, "violation": "wrong"} for name in properties]
    return {"errorCode": code, "description": "Words.", "action": "", "violations": violations, "resources": []}


def old_error(code: str, validation: object = None) -> dict[str, object]:
    return {"requestError": {"serviceException": {"messageId": code, "text": "Words.", "validationErrors": validation}}}


@pytest.mark.parametrize(
    ("status", "fields", "error_class", "reason"),
    [
        (400, new_error("E400"), ErrorClass.REJECTED, REASONS.OTHER),
        (400, new_error("E400", "messages[0].destinations[0].to"), ErrorClass.REJECTED, REASONS.INVALID_NUMBER),
        (400, new_error("E400", "messages[0].content.text"), ErrorClass.REJECTED, REASONS.CONTENT),
        (400, new_error("E400", "messages[0].sender"), ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED),
        (400, new_error("E400", "messages[0].options"), ErrorClass.REJECTED, REASONS.OTHER),
        (400, old_error("BAD_REQUEST"), ErrorClass.REJECTED, REASONS.OTHER),
        (400, old_error("BAD_REQUEST", {"to": ["wrong"]}), ErrorClass.REJECTED, REASONS.INVALID_NUMBER),
        (400, old_error("BAD_REQUEST", {"content.text": ["long"]}), ErrorClass.REJECTED, REASONS.CONTENT),
        (401, new_error("E401"), ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED),
        (401, old_error("UNAUTHORIZED"), ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED),
        (403, new_error("E403"), ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED),
        (404, b"", ErrorClass.BLOCKED, REASONS.CHANNEL_BLOCKED),
        (429, new_error("E429"), ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY),
        (429, old_error("TOO_MANY_REQUESTS"), ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY),
        (429, b"", ErrorClass.THROTTLED, REASONS.PROVIDER_BUSY),
    ],
)
def test_refusal_is_classified(status: int, fields: object, error_class: ErrorClass, reason: FailureReason) -> None:
    refused = answer(status, fields, {"retry-after": "3"})
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason, refused.retry_after_seconds) == (error_class, reason, 3)
    if fields:
        assert (refused.detail, bool(refused.provider_code)) == ("Words.", True)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (400, b"<html>"),
        (400, {}),
        (400, {"requestError": "no"}),
        (402, new_error("E402")),
        (408, new_error("E408")),
        (500, new_error("E500")),
        (500, old_error("GENERAL_ERROR")),
        (502, b""),
        (503, taken(5, 12)),
        (200, b""),
        (200, {"messages": []}),
        (200, {"messages": [7]}),
        (200, taken(9, 1)),
        (200, taken(None, None)),
        (200, taken(1, 26, messageId="")),
        (200, taken(1, 26, messageId=7)),
        (200, taken(1, 26, messageId="x" * 201)),
        (200, taken(1, 26, messageId="\ud800")),
        (200, new_error("E400")),
        (202, taken(1, 26)),
        (301, taken(5, 12)),
    ],
)
def test_anything_else_is_unclear(status: int, fields: object) -> None:
    assert isinstance(answer(status, fields), Unclear)


# --- authenticity ---


def basic(password: str, user: str = "infobip", scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?secret={quote_plus(SECRET)}", {}),
        ("", basic(SECRET)),
        ("", basic(SECRET, user="")),
        ("", basic(SECRET, scheme="basic")),
        ("?secret=wrong", basic(SECRET)),
    ],
)
def test_who_knows_the_secret_is_believed(query: str, headers: dict[str, str]) -> None:
    assert INFOBIP.verify(make_callback(url=ADDRESS + query, headers=headers), make_infobip_channel())


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("?secret=", {}),
        ("?secret=wrong", {}),
        ("?secret=geheim", {}),
        ("?Secret=" + quote_plus(SECRET), {}),
        ("?secret=%ff%fe", {}),
        ("", basic("wrong")),
        ("", basic("")),
        ("", basic("x", user=SECRET)),
        ("", basic(SECRET, scheme="Bearer")),
        ("", {"Authorization": "Basic ???"}),
        ("", {"Authorization": "Basic /w=="}),
        ("", {"Authorization": "Basic \udcff"}),
        ("", {"Authorization": ""}),
    ],
)
def test_who_does_not_know_the_secret_is_refused(query: str, headers: dict[str, str]) -> None:
    assert not INFOBIP.verify(make_callback(url=ADDRESS + query, headers=headers), make_infobip_channel())


@pytest.mark.parametrize("credentials", [{}, {"webhook_secret": ""}])
def test_channel_without_a_secret_verifies_nothing(credentials: dict[str, str]) -> None:
    for callback in (make_callback(url=ADDRESS + "?secret="), make_callback(headers=basic(""))):
        assert not INFOBIP.verify(callback, make_infobip_channel(credentials=credentials))


# --- receipts and replies ---


def read(*results: object) -> list[Report | Unreadable]:
    body = json.dumps({"results": results}).encode()
    return INFOBIP.read_callback(make_callback(body), make_infobip_channel())


def report_of(group: object, code: object, **changes: object) -> dict[str, object]:
    return {
        "bulkId": "b",
        "messageId": INFOBIPS_ID,
        "to": "4915112345678",
        "sender": "Proactive",
        "sentAt": "2026-11-02T14:03:00.000+0000",
        "doneAt": "2026-11-02T12:04:30.250-0200",
        "status": {"groupId": group, "id": code, "name": "NAME", "description": "Words."},
        "error": {"groupId": 0, "id": 0, "name": "NO_ERROR", "description": "", "permanent": False},
        "callbackData": str(MESSAGE_ID),
    } | changes


@pytest.mark.parametrize(
    ("group", "code", "status"),
    [
        (1, 3, ReceiptStatus.SENT),
        (1, 7, ReceiptStatus.SENT),
        (3, 2, ReceiptStatus.SENT),
        (3, 5, ReceiptStatus.DELIVERED),
        (2, 9, ReceiptStatus.UNDELIVERED),
        (4, 15, ReceiptStatus.UNDELIVERED),
        (5, 12, ReceiptStatus.FAILED),
    ],
)
def test_receipt_is_read(group: int, code: int, status: ReceiptStatus) -> None:
    (receipt,) = read(report_of(group, code))
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.status, receipt.message_id) == (status, MESSAGE_ID)
    assert receipt.provider_message_id == INFOBIPS_ID
    assert receipt.reported_at == datetime(2026, 11, 2, 14, 4, 30, 250_000, tzinfo=UTC)
    failed = status in {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED}
    assert receipt.reason is not None if failed else receipt.reason is None
    assert (receipt.provider_code, receipt.detail) == (str(code), "Words.")


def test_words_on_an_error_that_is_none_are_not_taken_for_what_happened() -> None:
    (receipt,) = read(report_of(3, 5, error={"id": 0, "name": "NO_ERROR", "description": "No Error"}))
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.provider_code, receipt.detail) == ("5", "Words.")


def test_seen_report_is_read() -> None:
    seen = {"messageId": INFOBIPS_ID, "from": "1", "to": "2", "seenAt": "2026-11-02T14:04:00.000+0000"}
    (receipt,) = read(seen)
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.status, receipt.message_id) == (ReceiptStatus.READ, MESSAGE_ID)
    assert receipt.reported_at == datetime(2026, 11, 2, 14, 4, tzinfo=UTC)


def test_what_tells_nothing_new_is_passed_over() -> None:
    """The refusal of a duplicate has the id of the message that it repeats, which did not fail."""
    assert read(report_of(1, 26), report_of(5, 23)) == []


@pytest.mark.parametrize(
    ("error_id", "reason"),
    [
        (7002, FailureReason.UNREACHABLE),
        (7003, FailureReason.OPTED_OUT),
        (7010, FailureReason.WINDOW_CLOSED),
        (4444, FailureReason.UNREACHABLE),
    ],
)
def test_failure_has_its_reason(error_id: int, reason: FailureReason) -> None:
    (receipt,) = read(report_of(2, 9, error={"id": error_id, "description": "EC words", "permanent": True}))
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.reason, receipt.provider_code, receipt.detail) == (reason, str(error_id), "EC words")


@pytest.mark.parametrize("at", [None, "", 7, "soon", "2026-11-02T14:04:00", "0001-01-01T00:00:00+1400"])
def test_receipt_without_a_sound_time_has_that_of_its_arrival(at: object) -> None:
    (receipt,) = read(report_of(3, 5, doneAt=at))
    assert isinstance(receipt, DeliveryReported)
    assert receipt.reported_at == NOW


def reply_of(message: object, **changes: object) -> dict[str, object]:
    return {
        "sender": "4915112345678",
        "to": "Proactive",
        "integrationType": "VIBER",
        "receivedAt": "2026-11-02T14:04:00.000+0000",
        "messageId": "5312345678901234567",
        "message": message,
    } | changes


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "TEXT", "text": "Danke! \U0001f600", "trackingData": "x"}, "Danke! \U0001f600"),
        ({"text": "Hi"}, "Hi"),
        ({"type": "FILE", "url": "https://x.example/a.pdf", "fileName": "a.pdf"}, "[file]"),
        ({"type": "IMAGE", "text": "My card"}, "[image] My card"),
        ({"type": "TEXT", "text": "a\x00" * 20_001}, "a" * 20_000),
    ],
)
def test_reply_is_read(message: object, text: str) -> None:
    (reply,) = read(reply_of(message))
    assert isinstance(reply, ReplyReceived)
    assert (reply.sender, reply.text, reply.message_id) == ("+4915112345678", text, None)
    assert reply.received_at == datetime(2026, 11, 2, 14, 4, tzinfo=UTC)


def test_reply_says_which_message_it_answers() -> None:
    (reply,) = read(reply_of({"type": "TEXT", "text": "Yes"}, callbackData=str(MESSAGE_ID)))
    assert isinstance(reply, ReplyReceived)
    assert reply.message_id == MESSAGE_ID


def test_a_hundred_results_are_read() -> None:
    assert len(read(*(report_of(3, 5, messageId=f"m{number}") for number in range(100)))) == 100


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        {},
        report_of(9, 1),
        report_of(None, None),
        report_of(3, 5, messageId=""),
        report_of(3, 5, messageId="x" * 201),
        report_of(3, 5, messageId="\ud800"),
        report_of(3, 5, status="delivered"),
        {"seenAt": "2026-11-02T14:04:00.000+0000"},
        reply_of({}),
        reply_of({"type": "TEXT", "text": ""}),
        reply_of({"type": "TEXT", "text": "Hi"}, sender=""),
        reply_of({"type": "TEXT", "text": "Hi"}, messageId=None),
    ],
)
def test_broken_result_does_not_keep_the_others(broken: object) -> None:
    first, second = read(broken, report_of(3, 5))
    assert isinstance(first, Unreadable)
    assert isinstance(second, DeliveryReported)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}", b'{"results": {}}', b"[" * 100_000, b"9" * 10_000])
def test_what_infobip_does_not_document_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableCallback):
        INFOBIP.read_callback(make_callback(body), make_infobip_channel())
