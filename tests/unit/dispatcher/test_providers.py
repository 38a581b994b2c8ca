"""What every provider must do, whoever it is: one suite over all of the registry."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory.providers import PROVIDERS, faults
from dispatcher.domain.answers import Accepted, ErrorClass, Refused, Unclear
from dispatcher.ports import (
    Callback,
    ChannelInUse,
    HttpRequest,
    HttpResponse,
    LooksUp,
    Provider,
    SharedCallbacks,
    Unreadable,
    UnreadableCallback,
)
from dispatcher.providers import meta, twilio
from dispatcher.providers.registry import providers
from proactive_contracts.codec import encode, make_event
from proactive_contracts.envelope import receipt_id
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported
from proactive_contracts.values import Channel, TemplateContent, TextContent, is_blank
from tests.unit.dispatcher.builders import (
    MESSAGE_ID,
    NOW,
    make_callback,
    make_channel,
    make_infobip_channel,
    make_message,
    make_meta_channel,
    told_of,
)

URL = "https://proactive.example/webhooks/any/x"


@dataclass(frozen=True)
class Case:
    """What differs: a connected channel, the longest text, an acceptance, and a genuine callback with a body."""

    provider: Provider
    make_channel: Callable[..., ChannelInUse]
    longest: int
    acceptance: Mapping[str, object]
    sign: Callable[[bytes], Callback]
    receipt: bytes

    @property
    def channel(self) -> ChannelInUse:
        return self.make_channel()


def signed_by_twilio(body: bytes) -> Callback:
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return make_callback(body, url=URL, headers={"X-Twilio-Signature": twilio.sign("12345", URL, fields)})


def signed_by_meta(body: bytes) -> Callback:
    return make_callback(body, url=URL, headers={"X-Hub-Signature-256": meta.sign("secret-of-meta", body)})


def signed_by_infobip(body: bytes) -> Callback:
    return make_callback(body, url=f"{URL}?{urlencode({'secret': 'geheim & ü'})}")


META_STATUS = {"id": "w1", "status": "delivered", "biz_opaque_callback_data": str(MESSAGE_ID)}
META_VALUE = {"metadata": {"phone_number_id": "106540352242922"}, "statuses": [META_STATUS]}
INFOBIP_RESULT = {"messageId": str(MESSAGE_ID), "status": {"groupId": 3, "id": 5}}
CASES = {
    "twilio": Case(
        providers()["twilio"],
        make_channel,
        1600,
        {"sid": "SM1", "num_segments": "1"},
        signed_by_twilio,
        b"MessageSid=SM1&MessageStatus=delivered",
    ),
    "meta": Case(
        providers()["meta"],
        make_meta_channel,
        4096,
        {"messages": [{"id": "w1"}]},
        signed_by_meta,
        json.dumps({"entry": [{"changes": [{"field": "messages", "value": META_VALUE}]}]}).encode(),
    ),
    "infobip": Case(
        providers()["infobip"],
        make_infobip_channel,
        1000,
        {"messages": [{"messageId": str(MESSAGE_ID), "status": {"groupId": 1, "id": 26}}]},
        signed_by_infobip,
        json.dumps({"results": [INFOBIP_RESULT]}).encode(),
    ),
}
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def test_every_provider_is_here_under_its_name() -> None:
    assert {name: provider.name for name, provider in providers().items()} == {name: name for name in CASES}


def test_every_kind_of_channel_is_carried() -> None:
    assert {kind for provider in providers().values() for kind in provider.carries} == set(Channel)
    assert {name for name, provider in providers().items() if isinstance(provider, SharedCallbacks)} == {"meta"}


# --- sending ---


@every
def test_our_id_goes_with_the_message(case: Case) -> None:
    built = case.provider.build(make_message(), case.channel)
    assert isinstance(built, HttpRequest)
    assert str(MESSAGE_ID).encode() in built.body
    assert built.url.startswith("https://")


@every
def test_what_an_adapter_offers_is_named_after_it_and_there(case: Case) -> None:
    offered = case.provider.capabilities
    assert offered.provider == case.provider.name
    assert offered.look_up is isinstance(case.provider, LooksUp)
    assert offered.receipts_echo, "every adapter of today hands its provider our id"


@every
def test_same_message_is_the_same_call_under_the_same_id(case: Case) -> None:
    if case.provider.capabilities.same_id_again:
        first, second = (case.provider.build(make_message(), case.channel) for _ in range(2))
        assert first == second


@every
def test_credentials_that_cannot_be_read_block_the_channel(case: Case) -> None:
    needed = [name for name in case.channel.credentials if name != "verify_token"]
    lacking = [{}, *({**case.channel.credentials, name: ""} for name in needed)]
    for credentials in lacking:
        refused = case.provider.build(make_message(), case.make_channel(credentials=credentials))
        assert isinstance(refused, Refused)
        assert (refused.error_class, refused.reason) == (ErrorClass.BLOCKED, FailureReason.CHANNEL_SETUP)


@every
def test_table_of_needs_says_what_the_adapter_needs_and_no_more(case: Case) -> None:
    needs = PROVIDERS[case.provider.name]
    assert needs.carries == case.provider.carries
    just = {"settings": dict.fromkeys(needs.settings, "x"), "credentials": dict.fromkeys(needs.credentials, "x")}
    assert faults(case.provider.name, case.channel.channel, just["settings"], just["credentials"]) == []
    assert isinstance(case.provider.build(make_message(), case.make_channel(**just)), HttpRequest)
    for kind, named in just.items():
        for name in named:
            lacking = just | {kind: {other: "x" for other in named if other != name}}
            assert faults(case.provider.name, case.channel.channel, lacking["settings"], lacking["credentials"])
            assert not can_be_used(case.provider, case.make_channel(**lacking)), f"{kind} {name} is not needed"


@every
def test_what_makes_a_callback_genuine_is_told_by_the_credential_s_name(case: Case) -> None:
    assert any(name in case.provider.not_genuine for name in PROVIDERS[case.provider.name].credentials)


def can_be_used(provider: Provider, channel: ChannelInUse) -> bool:
    """Whether messages leave through the channel, and a provider that asks whether the address is ours is told so."""
    challenge = make_callback(url=f"{URL}?hub.mode=subscribe&hub.verify_token=x&hub.challenge=1")
    answered = not isinstance(provider, SharedCallbacks) or provider.answer_challenge(challenge, channel)
    return bool(answered) and isinstance(provider.build(make_message(), channel), HttpRequest)


def test_table_of_needs_names_every_provider_and_what_its_callbacks_tell_apart() -> None:
    shared = {name: one for name, one in providers().items() if isinstance(one, SharedCallbacks)}
    empty = make_callback(b'{"entry": []}')
    assert set(PROVIDERS) == set(providers())
    assert {name: needs.told_apart_by for name, needs in PROVIDERS.items() if needs.told_apart_by} == {
        name: one.addressees(empty).setting for name, one in shared.items()
    }


@every
def test_template_is_refused_without_a_call(case: Case) -> None:
    template = TemplateContent(name="hello", language="en")
    refused = case.provider.build(make_message(content=template), case.channel)
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.REJECTED, FailureReason.TEMPLATE)


@every
def test_text_that_is_too_long_is_refused_without_a_call(case: Case) -> None:
    longest = TextContent.model_construct(text="ä" * case.longest)
    assert isinstance(case.provider.build(make_message(content=longest), case.channel), HttpRequest)
    longer = TextContent.model_construct(text="ä" * (case.longest + 1))
    refused = case.provider.build(make_message(content=longer), case.channel)
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.reason) == (ErrorClass.REJECTED, FailureReason.CONTENT)
    assert str(case.longest) in refused.detail


@every
def test_secrets_and_texts_do_not_show_in_reprs(case: Case) -> None:
    built = case.provider.build(make_message(), case.channel)
    shown = repr(built) + repr(case.channel) + repr(case.sign(case.receipt))
    account = case.channel.credentials.get("account_sid", "")  # no secret: part of Twilio's address
    secrets = [*case.channel.credentials.values(), "Grüße", "geheim", "secret"]
    assert [secret for secret in secrets if secret != account and secret in shown.replace(account, "")] == []


@every
@given(
    text=st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=300).filter(
        lambda text: not is_blank(text)
    )
)
def test_any_text_can_be_handed_over(case: Case, text: str) -> None:
    built = case.provider.build(make_message(content=TextContent(text=text)), case.channel)
    assert isinstance(built, HttpRequest)


# --- answers ---

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, categories=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def objects_of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that have some of the fields, each now and then with a value that nobody expects."""
    return st.fixed_dictionaries({}, optional={name: field | json_values for name, field in fields.items()})


codes = st.sampled_from([0, 1, 4, 23, 100, 190, 7002, 21211, 131000, 131047, "131047", "x" * 300])
groups = st.sampled_from([1, 2, 3, 4, 5])
statuses = objects_of(groupId=groups, id=codes, name=st.text(), description=st.text())
words = st.sampled_from(["text", "image", "sent", "read", "failed", "x" * 300])
errors = objects_of(code=codes, message=st.text(), is_transient=st.booleans(), error_data=objects_of(details=st.text()))
answers = objects_of(
    sid=st.text(),
    code=codes,
    message=st.text(),
    error=errors,
    errorCode=st.text(),
    messages=st.lists(objects_of(id=st.text(), messageId=st.text(), status=statuses, error=statuses), max_size=2),
    requestError=objects_of(serviceException=objects_of(messageId=st.text(), text=st.text())),
    violations=st.lists(objects_of(property=st.text()), max_size=2),
)


@every
@given(
    status=st.integers(100, 599) | st.sampled_from([200, 400, 429]),
    body=st.binary(max_size=200) | answers.map(lambda fields: json.dumps(fields).encode()),
    retry_after=st.none() | st.text(max_size=30),
)
@example(status=400, body=b'{"code": %s}' % (b"9" * 5000), retry_after="9" * 5000)
@example(status=400, body=b'{"error": {"code": 100, "message": "a\\u0000\\ud800"}}', retry_after="٣")
@example(status=200, body=b"[" * 65_536, retry_after="-1")
def test_every_answer_can_be_recorded_and_told(case: Case, status: int, body: bytes, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    read = case.provider.read_answer(HttpResponse(status, headers, body))
    result = told_of(read)
    json.dumps(result.model_dump(mode="json")).encode()
    assert b"\\u0000" not in encode(make_event(result, id=MESSAGE_ID, time=NOW, source="test"))
    if isinstance(read, Refused):
        assert 400 <= status < 500 or status == 200
    if isinstance(read, Accepted):
        assert status in {200, 201}


@every
@pytest.mark.parametrize("status", [100, 202, 204, 301, 302, 307, 308, 408, 500, 502, 503, 504, 599])
def test_no_other_status_is_an_acceptance_or_a_refusal(case: Case, status: int) -> None:
    for body in (b"", json.dumps(case.acceptance).encode(), b'{"error": {"code": 131047}, "code": 21211}'):
        assert isinstance(case.provider.read_answer(HttpResponse(status, {}, body)), Unclear)


@every
def test_acceptance_that_was_cut_off_is_unclear(case: Case) -> None:
    body = json.dumps(case.acceptance).encode()
    assert isinstance(case.provider.read_answer(HttpResponse(200, {}, body)), Accepted)
    for length in range(len(body)):
        assert isinstance(case.provider.read_answer(HttpResponse(200, {}, body[:length])), Unclear)


@every
@pytest.mark.parametrize(("status", "error_class"), [(401, ErrorClass.BLOCKED), (429, ErrorClass.THROTTLED)])
def test_refusal_at_the_door_needs_no_code(case: Case, status: int, error_class: ErrorClass) -> None:
    refused = case.provider.read_answer(HttpResponse(status, {"RETRY-AFTER": "2"}, b""))
    assert isinstance(refused, Refused)
    assert (refused.error_class, refused.retry_after_seconds) == (error_class, 2)


# --- callbacks ---


@every
def test_genuine_callback_is_believed_and_read(case: Case) -> None:
    callback = case.sign(case.receipt)
    assert case.provider.verify(callback, case.channel)
    (report,) = case.provider.read_callback(callback, case.channel)
    assert isinstance(report, DeliveryReported)
    assert (report.workspace_id, report.channel) == (case.channel.workspace_id, case.channel.channel)
    assert (report.channel_id, report.provider) == (case.channel.id, case.provider.name)
    assert 200 <= case.provider.stored_status < 300


@every
def test_callback_of_another_account_is_refused(case: Case) -> None:
    callback = case.sign(case.receipt)
    others = {name: f"other-{secret}" for name, secret in case.channel.credentials.items()}
    empty = dict.fromkeys(others, "")
    for credentials in (others, empty, {}):
        assert not case.provider.verify(callback, case.make_channel(credentials=credentials))


@every
@given(
    headers=st.dictionaries(st.sampled_from(["Authorization", "X-Twilio-Signature", "X-Hub-Signature-256"]), st.text())
)
@example(
    headers={"Authorization": "Basic \udcff", "X-Twilio-Signature": "\udcff", "X-Hub-Signature-256": "sha256=\udcff"}
)
def test_guessed_headers_open_nothing(case: Case, headers: dict[str, str]) -> None:
    assert not case.provider.verify(make_callback(case.receipt, url=URL, headers=headers), case.channel)


ids = st.sampled_from(["106540352242922", str(MESSAGE_ID), "a\x00", "\ud800", "x" * 300]) | st.text(max_size=5)
meta_items = objects_of(
    id=ids,
    status=words,
    type=words,
    timestamp=codes,
    text=objects_of(body=st.text()),
    errors=st.lists(errors, max_size=2),
    biz_opaque_callback_data=ids,
    **{"from": ids},
)
meta_values = objects_of(
    metadata=st.just({"phone_number_id": "106540352242922"}),
    statuses=st.lists(meta_items, max_size=3),
    messages=st.lists(meta_items, max_size=3),
    contacts=st.lists(objects_of(wa_id=ids, user_id=ids), max_size=2),
)
meta_changes = objects_of(field=st.just("messages"), value=meta_values)
results = objects_of(
    messageId=ids,
    callbackData=ids,
    status=statuses,
    error=statuses,
    seenAt=st.text(),
    doneAt=st.sampled_from(["2026-11-02T14:04:00.000+0000", "0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1400"]),
    message=objects_of(type=words, text=st.text()),
    sender=ids,
)
json_bodies = objects_of(
    entry=st.lists(objects_of(changes=st.lists(meta_changes, max_size=2)), max_size=2),
    results=st.lists(results, max_size=3),
)
forms = st.dictionaries(
    st.sampled_from(["MessageSid", "MessageStatus", "SmsStatus", "From", "Body", "ErrorCode"]),
    words | st.text(max_size=5),
)


@every
@given(
    body=st.binary(max_size=300)
    | json_bodies.map(lambda fields: json.dumps(fields).encode())
    | forms.map(lambda fields: urlencode(fields, errors="replace").encode())
)
def test_any_body_is_read_or_refused_but_never_breaks(case: Case, body: bytes) -> None:
    """Genuinely signed, so that it is read at all."""
    callback = case.sign(body)
    assert case.provider.verify(callback, case.channel)
    try:
        reports = case.provider.read_callback(callback, case.channel)
        if isinstance(case.provider, SharedCallbacks):
            case.provider.addressees(callback)
    except UnreadableCallback:
        return
    for report in reports:
        if isinstance(report, Unreadable):
            assert report.detail.isprintable()
            continue
        word = report.status.value if isinstance(report, DeliveryReported) else "reply"
        code = report.provider_code if isinstance(report, DeliveryReported) else None
        identity = receipt_id(report.channel_id, report.provider_message_id, word, code)
        assert b"\\u0000" not in encode(make_event(report, id=identity, time=NOW, source="test"))
