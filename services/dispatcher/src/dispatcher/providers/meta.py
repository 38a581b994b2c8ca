"""
Meta, WhatsApp Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api.

Meta knows no idempotency key; our message id travels as biz_opaque_callback_data, which every status echoes. A text
has no validity period there: Meta keeps trying to deliver what it took. Callbacks belong to an app of Meta's and may
speak of several numbers: each channel reads what its own phone_number_id is named for.

Credentials: access_token, app_secret, verify_token (for the question that Meta asks when the callback's address is
entered). Settings: phone_number_id, base_url (default https://graph.facebook.com).
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from dispatcher.domain.answers import Accepted, Answer, Refused, Unclear, clean
from dispatcher.domain.states import Capabilities
from dispatcher.ports import (
    Addressees,
    Callback,
    ChannelInUse,
    HttpRequest,
    HttpResponse,
    OutboundMessage,
    Report,
    Unreadable,
    UnreadableCallback,
)
from dispatcher.providers.reading import (
    BLOCKED,
    BUSY,
    CLEAR_WITHOUT_CODE,
    Kind,
    Missing,
    as_object,
    base_url,
    header,
    json_object,
    number,
    objects,
    read_each,
    rejected,
    retry_after,
    text_of,
    unix_moment,
    unreadable,
    uuid,
    word,
)
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import E164, Channel

DEFAULT_BASE_URL = "https://graph.facebook.com"

API_VERSION = "v23.0"

MAX_CHARACTERS = 4096
"""Of a text message's body."""

_CLASSES: Mapping[int, Kind] = {
    **dict.fromkeys((131009, 131021, 131030), rejected(FailureReason.INVALID_NUMBER)),
    **dict.fromkeys((131026, 130472, 131049), rejected(FailureReason.UNREACHABLE)),
    131050: rejected(FailureReason.OPTED_OUT),
    131047: rejected(FailureReason.WINDOW_CLOSED),
    **dict.fromkeys(
        (132000, 132001, 132005, 132007, 132012, 132015, 132016, 132068, 132069), rejected(FailureReason.TEMPLATE)
    ),
    **dict.fromkeys((131051, 131052, 135000), rejected(FailureReason.CONTENT)),
    **dict.fromkeys((100, 131008), rejected(FailureReason.OTHER)),
    **dict.fromkeys((4, 80007, 130429, 131048, 131056, 131057, 131064), BUSY),
    **dict.fromkeys((0, 3, 10, 190, *range(200, 300), 131005), BLOCKED),
    **dict.fromkeys((368, 131031, 131037, 131042, 131045, 130497, 133010), BLOCKED),
}
"""
Meta's error codes (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes). What is not listed
may have been sent, and so may 1, 2, 131000 and 131016, which Meta answers when something broke on its side.
"""

_PAIR_LIMIT = 131056
"""Too many messages to this recipient; the number may go on sending to others."""

_BROKEN_THERE = frozenset({1, 2, 131000, 131016})

_OBJECT_UNKNOWN = (100, 33)
"""Code and subcode for a phone_number_id that is wrong, or that the token may not use."""

_HANDED_ON = frozenset({131026, 131049, 130472})
"""Failures that come after Meta tried to deliver."""

_RECEIPTS = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "played": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}

_TELL_NOTHING = frozenset({"accepted", "deleted", "pending", "warning"})

_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class Meta:
    """The adapter."""

    name = "meta"
    not_genuine = "X-Hub-Signature-256 does not match the body, signed with the channel's app_secret."
    carries = frozenset({Channel.WHATSAPP})
    stored_status = 200
    capabilities = Capabilities("meta", receipts_echo=True)

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """POST a text; a number goes where Meta takes numbers, a business-scoped user id where it takes those."""
        token, number_id = channel.credentials.get("access_token"), channel.settings.get("phone_number_id")
        if not token or not channel.credentials.get("app_secret"):
            return unreadable("access_token or app_secret")
        if not number_id:
            return unreadable("setting phone_number_id")
        text = text_of(message, MAX_CHARACTERS, Channel.WHATSAPP.label)
        if isinstance(text, Refused):
            return text
        fields = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to" if E164.fullmatch(message.recipient) else "recipient": message.recipient,
            "type": "text",
            "text": {"body": text, "preview_url": False},
            "biz_opaque_callback_data": str(message.message_id),
        }
        return HttpRequest(
            url=f"{base_url(channel, DEFAULT_BASE_URL)}/{API_VERSION}/{quote(number_id, safe='')}/messages",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=json.dumps(fields).encode(),
        )

    def read_answer(self, response: HttpResponse) -> Answer:
        """200 with the message's id is acceptance; a 4xx with a listed code is a refusal; all else is unclear."""
        fields = json_object(response.body)
        taken = next((word(message.get("id")) for message in objects(fields.get("messages"))), "")
        if response.status == 200 and "error" not in fields and taken and clean(taken, 200) == taken:
            return Accepted(taken)
        error = as_object(fields.get("error"))
        code = number(error.get("code"))
        told = None if code is None else str(code)
        words = _words(error) or f"HTTP {response.status}"
        kind = _classify(code, error, response.status)
        if kind is None:
            return Unclear(f"Meta answered: {words}", told)
        return Refused(*kind, words, told, retry_after(response.headers), recipient_only=code == _PAIR_LIMIT)

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        """https://developers.facebook.com/docs/graph-api/webhooks/getting-started: HMAC-SHA256 over the raw body."""
        given = header(callback.headers, "X-Hub-Signature-256")
        secret = channel.credentials.get("app_secret")
        if not given or not secret:
            return False
        return hmac.compare_digest(sign(secret, callback.body).encode(), given.encode("utf-8", "replace"))

    def answer_challenge(self, callback: Callback, channel: ChannelInUse) -> str | None:
        """Meta asks once, when the address is entered, and wants hub.challenge back where the token is ours."""
        expected = channel.credentials.get("verify_token")
        given, challenge = callback.query.get("hub.verify_token", ""), callback.query.get("hub.challenge", "")
        if not expected or callback.query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return None
        genuine = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        return challenge if genuine else None

    def addressees(self, callback: Callback) -> Addressees:
        """The numbers that the callback speaks of; an empty one where a change names none."""
        return Addressees("phone_number_id", frozenset(_number_id(value) for value in _values(callback)))

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> list[Report | Unreadable]:
        """Statuses are receipts, messages replies; only what names this channel's number is read."""
        own = [value for value in _values(callback) if _number_id(value) == channel.settings.get("phone_number_id")]
        found: list[Report | Unreadable] = []
        for value in own:
            receipt = partial(_receipt, callback=callback, channel=channel)
            reply = partial(_reply, value=value, callback=callback, channel=channel)
            found += read_each(objects(value.get("statuses")), receipt)
            found += read_each(objects(value.get("messages")), reply)
        return found


def sign(app_secret: str, body: bytes) -> str:
    """Meta's signature of a callback, as its header has it."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _classify(code: int | None, error: Mapping[str, Any], status: int) -> Kind | None:
    """What an error means; None: not a refusal that can be relied on."""
    if not 400 <= status < 500 or status == 408 or code in _BROKEN_THERE:
        return None
    kind = CLEAR_WITHOUT_CODE.get(status) if code is None else _CLASSES.get(code)
    if (code, number(error.get("error_subcode"))) == _OBJECT_UNKNOWN:
        kind = BLOCKED
    if kind is None and status == 429:
        kind = BUSY
    return None if error.get("is_transient") is True and kind != BUSY else kind


def _words(error: Mapping[str, Any]) -> str:
    """Meta's title or message, and what it adds to that."""
    said = word(error.get("message")) or word(error.get("title"))
    details = word(as_object(error.get("error_data")).get("details"))
    if said and details and details not in said:
        said = f"{said.rstrip('.')}: {details}"
    return clean(said or details, 500)


def _values(callback: Callback) -> Iterator[Mapping[str, Any]]:
    """The changes that are about messages; an app may be subscribed to others, which are not for us."""
    entries = json_object(callback.body).get("entry")
    if not isinstance(entries, list):
        raise UnreadableCallback("entry is missing")
    for entry in objects(entries):
        for change in objects(entry.get("changes")):
            if change.get("field") == "messages":
                yield as_object(change.get("value"))


def _number_id(value: Mapping[str, Any]) -> str:
    return word(as_object(value.get("metadata")).get("phone_number_id"))


def _receipt(item: Mapping[str, Any], callback: Callback, channel: ChannelInUse) -> DeliveryReported | None:
    said = word(item.get("status")).lower()
    if said in _TELL_NOTHING:
        return None
    if said not in _RECEIPTS:
        raise Missing(f"status {said[:40]!r} is not one that Meta documents")
    failed = _RECEIPTS[said] is ReceiptStatus.FAILED
    error = next(iter(objects(item.get("errors"))), {}) if failed else {}
    code = number(error.get("code"))
    return DeliveryReported(
        message_id=uuid(item.get("biz_opaque_callback_data")),
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Meta.name,
        provider_message_id=word(item.get("id")),
        status=ReceiptStatus.UNDELIVERED if code in _HANDED_ON else _RECEIPTS[said],
        reason=_failure(code) if failed else None,
        provider_code=None if code is None else str(code),
        detail=_words(error) or None,
        reported_at=unix_moment(item.get("timestamp"), callback.received_at),
    )


def _failure(code: int | None) -> FailureReason:
    known = None if code is None else _CLASSES.get(code)
    return FailureReason.OTHER if known is None else known[1]


def _reply(
    item: Mapping[str, Any], value: Mapping[str, Any], callback: Callback, channel: ChannelInUse
) -> ReplyReceived | None:
    kind = word(item.get("type"))
    if kind == "system":  # such as a customer's new number: nobody wrote anything
        return None
    return ReplyReceived(
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Meta.name,
        provider_message_id=word(item.get("id")),
        sender=_sender(item, value),
        text=clean(_text(kind, item), 20_000),
        received_at=unix_moment(item.get("timestamp"), callback.received_at),
    )


def _sender(item: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    """The customer's number in E.164 format, or their business-scoped user id where they do not show it."""
    contacts = objects(value.get("contacts"))
    contact = contacts[0] if len(contacts) == 1 else {}  # with several, nothing tells whose message it is
    given = (item.get("from"), item.get("from_user_id"), contact.get("wa_id"), contact.get("user_id"))
    sender = next((word(one) for one in given if word(one)), "")
    return f"+{sender}" if sender.isdecimal() else sender


def _text(kind: str, item: Mapping[str, Any]) -> str:
    """What the customer wrote or chose; for anything else its kind in brackets, with what is readable of it."""
    content = as_object(item.get(kind))
    if kind == "text":
        return _needed(content.get("body"), "text.body")
    if kind == "button":
        return _needed(content.get("text"), "button.text")
    if kind == "interactive":
        chosen = as_object(content.get(word(content.get("type"))))
        return word(chosen.get("title")) or word(chosen.get("body")) or "[interactive]"
    readable = word(content.get("caption")) or word(content.get("emoji"))
    return f"[{_needed(kind, 'type')[:40]}] {readable}".rstrip()


def _needed(value: object, name: str) -> str:
    if not word(value):
        raise Missing(f"{name} is missing")
    return word(value)
