"""Twilio: the call as its official description has it, its answers, its signature, its callbacks."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.ports import Callback, HttpRequest, HttpResponse, Listed, OutboundMessage, UnreadableCallback
from dispatcher.providers.twilio import Twilio, sign
from proactive_contracts.codec import encode, make_event
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import TemplateContent, TextContent
from tests.unit.dispatcher.builders import CHANNEL_ID, MESSAGE_ID, NOW, make_channel, told_of

TWILIO = Twilio()
TEXT = "Grüße & 50 % +1 \U0001f600\nBye"
SID = "SM0123456789abcdef0123456789abcdef"
CALLBACK_URL = f"https://proactive.example/webhooks/twilio/{CHANNEL_ID}"


def make_message(**changes: Any) -> OutboundMessage:
    fields: dict[str, Any] = {
        "message_id": MESSAGE_ID,
        "recipient": "+4915112345678",
        "content": TextContent(text=TEXT),
        "callback_url": CALLBACK_URL,
        "seconds_left": 600.7,
    }
    return OutboundMessage(**fields | changes)


def build(**changes: Any) -> HttpRequest:
    built = TWILIO.build(make_message(**changes), make_channel())
    assert isinstance(built, HttpRequest)
    return built


def form_of(request: HttpRequest) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(request.body.decode(), strict_parsing=True).items()}


# --- sending ---


def test_call_names_everything() -> None:
    request = build()
    assert request.url == (
        "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"
    )
    assert request.headers["Authorization"].startswith("Basic ")
    assert form_of(request) == {
        "To": "+4915112345678",
        "From": "+4915700000001",
        "Body": "Grüße & 50 % +1 \U0001f600\nBye",
        "StatusCallback": f"{CALLBACK_URL}?mid={MESSAGE_ID}",
        "ValidityPeriod": "600",
    }


def test_call_follows_the_official_description() -> None:
    folder = Path(os.environ.get("PROVIDER_SPECS_DIR") or Path(__file__).parents[4] / "shared" / "specs")
    if not (folder / "twilio_messages.json").is_file():
        pytest.skip(
            f"twilio_messages.json is not in {folder}: set PROVIDER_SPECS_DIR to check Twilio's request with it"
        )
    described = json.loads((folder / "twilio_messages.json").read_text())
    path = described["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    content_type, form = next(iter(path["requestBody"]["content"].items()))
    request = build()
    assert request.headers["Content-Type"] == content_type
    fields: dict[str, Any] = dict(form_of(request))
    assert set(fields) <= set(form["schema"]["properties"]), "a field that Twilio does not know"
    fields["ValidityPeriod"] = int(fields["ValidityPeriod"])
    schema = {"components": described["components"], **form["schema"]}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(fields)
    account = path["parameters"][0]["schema"]
    jsonschema.Draft202012Validator(account).validate(urlsplit(request.url).path.split("/")[3])


@pytest.mark.parametrize(
    ("seconds_left", "validity"), [(0.4, "1"), (1.9, "1"), (60, "60"), (86_400, "36000"), (-3, "1")]
)
def test_validity_period_ends_with_the_message(seconds_left: float, validity: str) -> None:
    assert form_of(build(seconds_left=seconds_left))["ValidityPeriod"] == validity


def test_base_url_of_the_channel_is_used() -> None:
    channel = make_channel(settings={"base_url": "http://127.0.0.1:9/twilio/"})
    built = TWILIO.build(make_message(), channel)
    assert isinstance(built, HttpRequest)
    assert built.url.startswith("http://127.0.0.1:9/twilio/2010-04-01/Accounts/AC")


@pytest.mark.parametrize("credentials", [{}, {"account_sid": "AC1"}, {"auth_token": "x"}, {"account_sid": ""}])
def test_missing_credentials_block_the_channel(credentials: Mapping[str, str]) -> None:
    refused = TWILIO.build(make_message(), make_channel(credentials=credentials))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)


def test_template_is_refused_without_a_call() -> None:
    refused = TWILIO.build(make_message(content=TemplateContent(name="hello", language="en")), make_channel())
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.REJECTED, FailureReason.TEMPLATE)


@pytest.mark.parametrize(("length", "taken"), [(1600, True), (1601, False)])
def test_text_is_as_long_as_twilio_takes(length: int, taken: bool) -> None:
    built = TWILIO.build(make_message(content=TextContent(text="x" * length)), make_channel())
    assert isinstance(built, HttpRequest) is taken
    if isinstance(built, Refused):
        assert (built.error_class, built.reason) == (ErrorClass.REJECTED, FailureReason.CONTENT)


def test_account_cannot_lead_the_call_elsewhere() -> None:
    channel = make_channel(credentials={"account_sid": "../../x?y#z", "auth_token": "t"})
    built = TWILIO.build(make_message(), channel)
    assert isinstance(built, HttpRequest)
    assert built.url == "https://api.twilio.com/2010-04-01/Accounts/..%2F..%2Fx%3Fy%23z/Messages.json"


def test_secrets_and_texts_do_not_show_in_reprs() -> None:
    shown = repr(build()) + repr(make_channel())
    assert "Bye" not in shown
    assert "auth_token" not in shown
    assert "Basic" not in shown


# --- answers ---


def answer(status: int, fields: object, headers: Mapping[str, str] | None = None) -> Accepted | Refused | Unclear:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return TWILIO.read_answer(HttpResponse(status, headers or {}, body))


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    ("segments", "counted"), [("2", 2), (2, 2), (None, None), ("many", None), ("9" * 5000, None), (-1, None)]
)
def test_sid_is_acceptance(status: int, segments: object, counted: int | None) -> None:
    assert answer(status, {"sid": SID, "status": "queued", "num_segments": segments}) == Accepted(SID, counted)


REFUSALS = [
    (400, 21211, ErrorClass.REJECTED, FailureReason.INVALID_NUMBER),
    (400, 21614, ErrorClass.REJECTED, FailureReason.INVALID_NUMBER),
    (400, 21610, ErrorClass.REJECTED, FailureReason.OPTED_OUT),
    (400, 21612, ErrorClass.REJECTED, FailureReason.UNREACHABLE),
    (400, 21617, ErrorClass.REJECTED, FailureReason.CONTENT),
    (400, 63016, ErrorClass.REJECTED, FailureReason.WINDOW_CLOSED),
    (400, 21656, ErrorClass.REJECTED, FailureReason.TEMPLATE),
    (400, 21408, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (400, 21606, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (400, 99999, ErrorClass.REJECTED, FailureReason.OTHER),
    (401, 20003, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (403, 12345, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (404, 20404, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (429, 20429, ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY),
    (400, 21611, ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY),
    (401, None, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (403, None, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (404, None, ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED),
    (429, None, ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY),
]


@pytest.mark.parametrize(("status", "code", "error_class", "reason"), REFUSALS)
def test_refusal_is_classified(status: int, code: int | None, error_class: ErrorClass, reason: FailureReason) -> None:
    refused = answer(status, {"code": code, "message": "No.", "status": status})
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason, refused.detail) == (error_class, reason, "No.")
    assert refused.provider_code == (None if code is None else str(code))


@pytest.mark.parametrize("code", ["21211", 21211])
def test_code_may_be_a_text(code: object) -> None:
    refused = answer(400, {"code": code})
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.provider_code) == (FailureReason.INVALID_NUMBER, "21211")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"<html>Bad Request</html>"),
        (400, b"{}"),
        (405, b""),
        (413, b"too large"),
        (408, json.dumps({"code": 21211}).encode()),
        (500, json.dumps({"code": 20500, "message": "Internal"}).encode()),
        (502, b"Bad gateway"),
        (503, json.dumps({"code": 21211, "sid": SID}).encode()),
        (504, b""),
        (200, b""),
        (201, b"{"),
        (201, b"[]"),
        (201, b'{"sid": ""}'),
        (201, b'{"sid": null}'),
        (201, b'{"sid": 7}'),
        (201, b'{"sid": "' + b"x" * 201 + b'"}'),
        (201, b'{"sid": "a\\u0000b"}'),
        (201, b'{"sid": "a\\ud800b"}'),
        (201, b'{"sid": "' + b"x" * 65_536),
        (201, b"[" * 65_536),
        (201, b"9" * 65_536),
        (201, b"\xff\xfe"),
        (202, json.dumps({"sid": SID}).encode()),
        (204, b""),
        (301, json.dumps({"sid": SID}).encode()),
        (307, b""),
        (308, json.dumps({"code": 21211}).encode()),
        (100, b""),
        (999, b""),
    ],
)
def test_anything_else_is_unclear(status: int, body: bytes) -> None:
    assert isinstance(answer(status, body), Unclear)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, categories=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
answer_fields = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("sid", "code", "message", "num_segments", "status"), json_values)
)


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=200) | answer_fields.map(lambda fields: json.dumps(fields).encode()),
    retry_after=st.none() | st.text(max_size=30),
)
@example(status=400, body=b'{"code": %s}' % (b"9" * 5000), retry_after="9" * 5000)
@example(status=400, body=b'{"code": "21211", "message": "a\\u0000\\ud800"}', retry_after="٣")
def test_every_answer_can_be_recorded_and_told(status: int, body: bytes, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    read = TWILIO.read_answer(HttpResponse(status, headers, body))
    result = told_of(read)
    json.dumps(result.model_dump(mode="json")).encode()
    assert b"\\u0000" not in encode(make_event(result, id=MESSAGE_ID, time=NOW, source="test"))
    if isinstance(read, Refused):
        assert 400 <= status < 500
    if isinstance(read, Accepted):
        assert status in {200, 201}


def test_retry_after_is_read() -> None:
    refused = answer(429, {"code": 20429}, {"Retry-After": "7"})
    assert isinstance(refused, Refused)
    assert refused.retry_after_seconds == 7


# --- looking up ---


def listed(*changes: Mapping[str, Any], status: int = 200) -> list[Listed]:
    whole = {
        "sid": SID,
        "to": "+4915112345678",
        "from": "+4915700000001",
        "body": TEXT,
        "direction": "outbound-api",
        "date_created": "Mon, 02 Nov 2026 14:05:00 +0000",
        "num_segments": "2",
        "status": "queued",
    }
    body = json.dumps({"messages": [whole | dict(change) for change in changes]}).encode()
    return TWILIO.read_look_up(HttpResponse(status, {}, body), make_message(), make_channel())


def test_look_up_asks_for_what_went_from_this_sender_to_this_recipient() -> None:
    request = TWILIO.build_look_up(make_message(), make_channel())
    assert isinstance(request, HttpRequest)
    address, _, query = request.url.partition("?")
    assert (address, request.body, request.method) == (build().url, b"", "GET")
    assert parse_qs(query) == {"To": ["+4915112345678"], "From": ["+4915700000001"], "PageSize": ["50"]}
    assert request.headers["Authorization"] == build().headers["Authorization"]


def test_look_up_without_credentials_is_refused() -> None:
    assert isinstance(TWILIO.build_look_up(make_message(), make_channel(credentials={})), Refused)


def test_message_in_the_list_is_found_whatever_became_of_it() -> None:
    found = listed({}, {"sid": "SM2", "status": "failed", "date_created": None, "num_segments": None})
    assert found == [Listed(SID, NOW, 2), Listed("SM2", None, None)]


@pytest.mark.parametrize(
    "change",
    [
        {"to": "+4915112345679"},
        {"from": "+4915700000009"},
        {"from": None},
        {"body": TEXT + " "},
        {"direction": "inbound"},
        {"direction": None},
        {"sid": None},
        {"sid": ""},
        {"sid": "S" * 201},
    ],
)
def test_what_is_not_the_message_is_left_out(change: Mapping[str, Any]) -> None:
    assert listed(change, {"sid": "SM2"}) == [Listed("SM2", NOW, 2)]


@pytest.mark.parametrize("status", [201, 204, 401, 404, 429, 500])
def test_list_with_another_status_says_nothing(status: int) -> None:
    assert listed({}, status=status) == []


@given(body=st.binary(max_size=200) | answer_fields.map(lambda fields: json.dumps({"messages": [fields]}).encode()))
@example(body=b'{"messages": {"sid": "SM1"}}')
@example(body=b'{"messages": [null, 7, [], {}]}')
def test_garbage_in_place_of_a_list_says_nothing(body: bytes) -> None:
    assert TWILIO.read_look_up(HttpResponse(200, {}, body), make_message(), make_channel()) == []


# --- signatures ---

PUBLISHED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED_FIELDS = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
PORT_1234 = PUBLISHED_URL.replace(".com", ".com:1234")


def make_callback(
    fields: Mapping[str, str] | list[tuple[str, str]] | bytes,
    *,
    url: str = f"{CALLBACK_URL}?mid={MESSAGE_ID}",
    signature: str | None = None,
    header: str = "X-Twilio-Signature",
) -> Callback:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    query = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    headers = {} if signature is None else {header: signature}
    return Callback(url=url, query=query, headers=headers, body=body, received_at=NOW)


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (PUBLISHED_URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (PORT_1234, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (PORT_1234.replace("https", "http"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (PUBLISHED_URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (PUBLISHED_URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
    ids=["plain", "port left out", "http with its port", "443 added", "80 added"],
)
def test_vectors_of_twilios_own_library_are_accepted(url: str, signature: str) -> None:
    assert TWILIO.verify(make_callback(PUBLISHED_FIELDS, url=url, signature=signature), make_channel())


def test_repeated_fields_are_signed_each() -> None:
    fields = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    assert sign("12345", PUBLISHED_URL, fields) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="


RECEIPT = {"MessageSid": SID, "MessageStatus": "delivered", "To": "+4915112345678", "AccountSid": "AC1", "Empty": ""}
RECEIPT_URL = f"{CALLBACK_URL}?mid={MESSAGE_ID}"
GENUINE = sign("12345", RECEIPT_URL, list(RECEIPT.items()))


@pytest.mark.parametrize("url", [RECEIPT_URL, RECEIPT_URL.replace(".example/", ".example:443/")])
def test_own_address_is_accepted_with_and_without_its_port(url: str) -> None:
    assert TWILIO.verify(make_callback(RECEIPT, url=url, signature=GENUINE), make_channel())


def test_header_name_may_be_in_any_case() -> None:
    assert TWILIO.verify(make_callback(RECEIPT, signature=GENUINE, header="x-twilio-signature"), make_channel())


def test_blanks_umlauts_and_signs_are_signed_as_they_are() -> None:
    fields = [("Body", "ä +1 & = %\n\U0001f600"), ("From", "+4915112345678")]
    assert TWILIO.verify(make_callback(fields, signature=sign("12345", RECEIPT_URL, fields)), make_channel())


@pytest.mark.parametrize(
    "callback",
    [
        make_callback(RECEIPT),
        make_callback(RECEIPT, signature=""),
        make_callback(RECEIPT, signature=GENUINE[:-4]),
        make_callback(RECEIPT, signature=GENUINE.lower()),
        make_callback(RECEIPT, signature="\udcff\udcfe"),
        make_callback(RECEIPT, signature="ß" * 28),
        make_callback(RECEIPT, url=f"{CALLBACK_URL}?mid={CHANNEL_ID}", signature=GENUINE),
        make_callback(RECEIPT, url=CALLBACK_URL, signature=GENUINE),
        make_callback(RECEIPT, url=RECEIPT_URL.replace("https", "http"), signature=GENUINE),
        make_callback(RECEIPT, url=RECEIPT_URL.replace("proactive", "evil"), signature=GENUINE),
        make_callback(RECEIPT | {"MessageStatus": "read"}, signature=GENUINE),
        make_callback(RECEIPT | {"More": "1"}, signature=GENUINE),
        make_callback(b"", signature=GENUINE),
    ],
)
def test_what_twilio_did_not_sign_is_refused(callback: Callback) -> None:
    assert not TWILIO.verify(callback, make_channel())


@pytest.mark.parametrize("credentials", [{}, {"auth_token": ""}, {"auth_token": "other"}])
def test_other_token_does_not_verify(credentials: Mapping[str, str]) -> None:
    assert not TWILIO.verify(make_callback(RECEIPT, signature=GENUINE), make_channel(credentials=credentials))


# --- receipts and replies ---


def read(fields: Mapping[str, str] | bytes, url: str = RECEIPT_URL) -> list[DeliveryReported | ReplyReceived]:
    return TWILIO.read_callback(make_callback(fields, url=url), make_channel())


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("sent", ReceiptStatus.SENT),
        ("delivered", ReceiptStatus.DELIVERED),
        ("Delivered", ReceiptStatus.DELIVERED),
        ("partially_delivered", ReceiptStatus.UNDELIVERED),
        ("read", ReceiptStatus.READ),
        ("undelivered", ReceiptStatus.UNDELIVERED),
        ("failed", ReceiptStatus.FAILED),
        ("canceled", ReceiptStatus.FAILED),
    ],
)
def test_receipt_is_read(word: str, status: ReceiptStatus) -> None:
    (receipt,) = read({"MessageSid": SID, "MessageStatus": word})
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.status, receipt.message_id, receipt.provider_message_id) == (status, MESSAGE_ID, SID)
    assert (receipt.workspace_id, receipt.channel_id, receipt.reported_at) == ("w1", CHANNEL_ID, NOW)


@pytest.mark.parametrize("word", ["accepted", "scheduled", "queued", "sending"])
def test_state_before_sent_tells_nothing(word: str) -> None:
    assert read({"MessageSid": SID, "MessageStatus": word}) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("30003", FailureReason.UNREACHABLE),
        ("30004", FailureReason.OPTED_OUT),
        ("21211", FailureReason.INVALID_NUMBER),
        ("30008", FailureReason.OTHER),
        ("x", FailureReason.OTHER),
        ("9" * 150, FailureReason.OTHER),
    ],
)
def test_failure_has_its_reason(code: str, reason: FailureReason) -> None:
    (receipt,) = read({"SmsSid": SID, "SmsStatus": "undelivered", "ErrorCode": code, "MessageStatus": ""})
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.reason, receipt.provider_code) == (reason, code)
    assert receipt.detail == f"Twilio reports error {code}."


def test_text_of_which_a_part_arrived_has_failed_in_part() -> None:
    (receipt,) = read({"MessageSid": SID, "MessageStatus": "partially_delivered"})
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.reason, receipt.detail) == (FailureReason.PARTIAL, "Twilio reports partially_delivered.")


def test_failure_without_a_code_is_read() -> None:
    (receipt,) = read({"MessageSid": SID, "MessageStatus": "failed", "ErrorMessage": "x" * 3000})
    assert isinstance(receipt, DeliveryReported)
    assert (receipt.reason, receipt.provider_code, receipt.detail) == (FailureReason.OTHER, None, "x" * 500)


@pytest.mark.parametrize("query", ["", "?mid=", "?mid=7", "?mid=%00", "?other=1", "?mid=' OR 1=1"])
def test_receipt_without_our_id_is_kept_without_it(query: str) -> None:
    (receipt,) = read({"MessageSid": SID, "MessageStatus": "sent"}, CALLBACK_URL + query)
    assert receipt.message_id is None


@pytest.mark.parametrize(
    "fields",
    [
        {"MessageSid": SID, "SmsStatus": "received", "From": "+4915112345678", "Body": "Danke! \U0001f600"},
        {"MessageSid": SID, "From": "+4915112345678", "Body": "Danke! \U0001f600"},
    ],
)
def test_reply_is_read(fields: Mapping[str, str]) -> None:
    (reply,) = read(fields, CALLBACK_URL)
    assert isinstance(reply, ReplyReceived)
    assert (reply.sender, reply.text, reply.message_id) == ("+4915112345678", "Danke! \U0001f600", None)
    assert isinstance(reply.channel_id, UUID)


def test_long_reply_with_nul_is_stored_as_far_as_it_goes() -> None:
    (reply,) = read({"MessageSid": SID, "SmsStatus": "received", "From": "+49", "Body": "a\x00" * 20_001})
    assert isinstance(reply, ReplyReceived)
    assert reply.text == "a" * 20_000


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"\xff\xfe\x00",
        b"{}",
        b"%%%&&&===",
        {"MessageStatus": "delivered"},
        {"MessageSid": "", "MessageStatus": "delivered"},
        {"MessageSid": SID},
        {"MessageSid": SID, "MessageStatus": "exploded"},
        {"MessageSid": SID, "SmsStatus": "received", "Body": "no sender"},
        {"MessageSid": "x" * 201, "MessageStatus": "delivered"},
        {"MessageSid": "a\x00b", "MessageStatus": "delivered"},
        {"MessageSid": SID, "SmsStatus": "received", "From": "x" * 201, "Body": ""},
        {"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": "x" * 201},
    ],
)
def test_what_twilio_does_not_document_is_unreadable(fields: Mapping[str, str] | bytes) -> None:
    with pytest.raises(UnreadableCallback):
        read(fields)


@given(body=st.binary(max_size=300))
def test_garbage_is_read_or_refused_but_never_breaks(body: bytes) -> None:
    callback = make_callback(b"MessageSid=SM1&SmsStatus=received&From=%2B1&" + body, signature="x")
    assert not TWILIO.verify(callback, make_channel())
    try:
        for report in TWILIO.read_callback(callback, make_channel()):
            encode(make_event(report, id=MESSAGE_ID, time=NOW, source="test"))
    except UnreadableCallback:
        pass
