"""
Infobip, Viber Business Messages: https://www.infobip.com/docs/api/channels/viber.

Infobip's messageId is the workspace with our message id, since workspaces may share an account; seen reports carry
nothing else of ours. The id alone travels as callbackData. A messageId that Infobip knows already is refused as a
duplicate, which confirms an earlier attempt that is in doubt. Infobip does not sign its callbacks: the
address that it is given holds the channel's webhook_secret; a callback that is set up by hand may carry it as the
password of HTTP Basic instead.

Credentials: api_key, webhook_secret. Settings: base_url (default https://api.infobip.com; accounts have one of their
own).
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear, clean
from dispatcher.domain.states import Capabilities
from dispatcher.ports import (
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
    iso_moment,
    json_object,
    number,
    objects,
    read_each,
    rejected,
    retry_after,
    text_of,
    unreadable,
    uuid,
    word,
)
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import E164, Channel

DEFAULT_BASE_URL = "https://api.infobip.com"

MAX_CHARACTERS = 1000
"""Of a text on Viber."""

MIN_VALIDITY_SECONDS = 30
"""Viber's shortest time to live."""

MAX_VALIDITY_SECONDS = 48 * 3600
"""Infobip's longest validityPeriod."""

_TRANSIENT: Kind = (ErrorClass.REFUSED_TEMPORARILY, FailureReason.PROVIDER_BUSY)

_STATUSES: Mapping[int, Kind] = {
    **dict.fromkeys((8, 18, 51, 52), rejected(FailureReason.INVALID_NUMBER)),
    **dict.fromkeys((6, 19), rejected(FailureReason.UNREACHABLE)),
    **dict.fromkeys((10, 14), rejected(FailureReason.OPTED_OUT)),
    25: rejected(FailureReason.CONTENT),
    20: BUSY,
    21: _TRANSIENT,
    **dict.fromkeys((11, 12, 13, 17), BLOCKED),
}
"""Infobip's status ids: https://www.infobip.com/docs/essentials/response-status-and-error-codes."""

_ERRORS: Mapping[int, Kind] = {
    1: rejected(FailureReason.INVALID_NUMBER),
    **dict.fromkeys((6, 27, *range(500, 600), 7002, 7029, 7201), rejected(FailureReason.UNREACHABLE)),
    **dict.fromkeys((7003, 7033), rejected(FailureReason.OPTED_OUT)),
    7010: rejected(FailureReason.WINDOW_CLOSED),
    **dict.fromkeys((7008, 7009, 7036, 7037), rejected(FailureReason.TEMPLATE)),
    7016: rejected(FailureReason.CONTENT),
    **dict.fromkeys((7017, 7032), BUSY),
    **dict.fromkeys((7050, 7051, 7082), _TRANSIENT),
    **dict.fromkeys((7011, 7019), BLOCKED),
}
"""Infobip's error ids, from the same page; they say more than the status does."""

_PENDING, _UNDELIVERABLE, _DELIVERED, _EXPIRED, _REJECTED = 1, 2, 3, 4, 5
"""Infobip's status groups."""

_DUPLICATE = 23
_DELIVERED_TO_OPERATOR = 2
_ON_ITS_WAY = frozenset({3, 7})
"""Ids of pending statuses that say that the message was handed on."""

_GROUP_DEFAULTS = {
    _UNDELIVERABLE: rejected(FailureReason.UNREACHABLE),
    _EXPIRED: rejected(FailureReason.UNREACHABLE),
    _REJECTED: rejected(FailureReason.OTHER),
}


class Infobip:
    """The adapter."""

    name = "infobip"
    not_genuine = "Neither `secret` in the address nor the password of HTTP Basic is the channel's webhook_secret."
    carries = frozenset({Channel.VIBER})
    stored_status = 200
    capabilities = Capabilities("infobip", same_id_again=True, receipts_echo=True)

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """POST one text; the validity period keeps Infobip from delivering what is too late."""
        key, secret = channel.credentials.get("api_key"), channel.credentials.get("webhook_secret")
        if not key or not secret:
            return unreadable("api_key or webhook_secret")
        if not E164.fullmatch(message.recipient):
            return Refused(*rejected(FailureReason.INVALID_NUMBER), "Viber needs a number in E.164 format.")
        text = text_of(message, MAX_CHARACTERS, Channel.VIBER.label)
        if isinstance(text, Refused):
            return text
        validity = max(MIN_VALIDITY_SECONDS, min(MAX_VALIDITY_SECONDS, int(message.seconds_left)))
        address = f"{message.callback_url}?{urlencode({'secret': secret})}"
        fields = {
            "sender": channel.sender,
            "destinations": [{"to": message.recipient.lstrip("+"), "messageId": _message_id(message, channel)}],
            "content": {"type": "TEXT", "text": text},
            "options": {"validityPeriod": {"amount": validity, "timeUnit": "SECONDS"}},
            "webhooks": {
                "delivery": {"url": address, "intermediateReport": True},
                "seen": {"url": address},
                "contentType": "application/json",
                "callbackData": str(message.message_id),
            },
        }
        return HttpRequest(
            url=f"{base_url(channel, DEFAULT_BASE_URL)}/viber/2/messages",
            headers={
                "Authorization": f"App {key}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=json.dumps({"messages": [fields]}).encode(),
        )

    def read_answer(self, response: HttpResponse) -> Answer:
        """200 holds a status for the message, which may be a refusal; a 4xx that is surely Infobip's is one, too."""
        fields = json_object(response.body)
        if response.status == 200:
            return _read_status(next(iter(objects(fields.get("messages"))), {}))
        code, words = _error_of(fields)
        told = clean(code, 50) or None
        words = clean(words, 500) or f"HTTP {response.status}"
        kind = _classify(fields, code, response.status)
        if kind is None:
            return Unclear(f"Infobip answered: {words}", told)
        return Refused(*kind, words, told, retry_after(response.headers))

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        """Whether the address, or HTTP Basic, holds the channel's webhook_secret."""
        expected = channel.credentials.get("webhook_secret")
        if not expected:
            return False
        given = (callback.query.get("secret", ""), _basic_password(callback.headers))
        matches = [hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given]
        return any(matches)

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> list[Report | Unreadable]:
        """Up to a hundred results: delivery reports, seen reports, or what customers wrote."""
        results = json_object(callback.body).get("results")
        if not isinstance(results, list):
            raise UnreadableCallback("results is missing")
        return list(read_each(objects(results), partial(_report, callback=callback, channel=channel)))


def _message_id(message: OutboundMessage, channel: ChannelInUse) -> str:
    return f"{channel.workspace_id}.{message.message_id}"


def _ours(message_id: object, channel: ChannelInUse) -> UUID | None:
    workspace_id, _, own = word(message_id).rpartition(".")
    return uuid(own) if workspace_id == channel.workspace_id else None


def _read_status(taken: Mapping[str, Any]) -> Answer:
    status = as_object(taken.get("status"))
    group, code = number(status.get("groupId")), number(status.get("id"))
    told = None if code is None else str(code)
    words = clean(word(status.get("description")) or word(status.get("name")), 500) or "no status"
    duplicate = group == _REJECTED and code == _DUPLICATE
    if group in {_PENDING, _DELIVERED} or duplicate:
        own = word(taken.get("messageId"))
        if own and clean(own, 200) == own:
            return Accepted(own, duplicate=duplicate)
    elif group in _GROUP_DEFAULTS:
        return Refused(*_kind(status, taken, group), words, told)
    return Unclear(f"Infobip answered: {words}", told)


def _kind(status: Mapping[str, Any], item: Mapping[str, Any], group: int) -> Kind:
    """What a refusal's or a failure's codes mean, the most telling first."""
    error, code = number(as_object(item.get("error")).get("id")), number(status.get("id"))
    known = None if error is None else _ERRORS.get(error)
    return known or (None if code is None else _STATUSES.get(code)) or _GROUP_DEFAULTS[group]


def _error_of(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Code and words, in the new format or the old one (requestError)."""
    old = as_object(as_object(fields.get("requestError")).get("serviceException"))
    code = word(fields.get("errorCode")) or word(old.get("messageId"))
    return code, word(fields.get("description")) or word(old.get("text"))


def _classify(fields: Mapping[str, Any], code: str, status: int) -> Kind | None:
    """What an error means; None: not a refusal that can be relied on."""
    if status == 400 and code:
        return _violated(fields)
    return CLEAR_WITHOUT_CODE.get(status)


def _violated(fields: Mapping[str, Any]) -> Kind:
    """Which part of the request was refused, by the name of the field."""
    old = as_object(as_object(fields.get("requestError")).get("serviceException"))
    names = [word(violation.get("property")) for violation in objects(fields.get("violations"))]
    names += [str(name) for name in as_object(old.get("validationErrors"))]
    for name in names:
        last = name.rpartition(".")[2]
        if last == "to" or "destination" in name:
            return rejected(FailureReason.INVALID_NUMBER)
        if last == "text" or "content" in name:
            return rejected(FailureReason.CONTENT)
        if last == "sender":
            return BLOCKED
    return rejected(FailureReason.OTHER)


def _basic_password(headers: Mapping[str, str]) -> str:
    scheme, _, login = (header(headers, "Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(login.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _report(item: Mapping[str, Any], callback: Callback, channel: ChannelInUse) -> Report | None:
    if isinstance(item.get("message"), dict):
        return _reply(item, item["message"], callback, channel)
    if item.get("seenAt"):
        return _receipt(item, ReceiptStatus.READ, item.get("seenAt"), callback, channel)
    status = as_object(item.get("status"))
    group, code = number(status.get("groupId")), number(status.get("id"))
    if group == _PENDING:
        said = ReceiptStatus.SENT if code in _ON_ITS_WAY else None
    elif group == _DELIVERED:
        said = ReceiptStatus.SENT if code == _DELIVERED_TO_OPERATOR else ReceiptStatus.DELIVERED
    elif group == _REJECTED:  # a duplicate's refusal says nothing of the message that came first, under the same id
        said = None if code == _DUPLICATE else ReceiptStatus.FAILED
    elif group in {_UNDELIVERABLE, _EXPIRED}:
        said = ReceiptStatus.UNDELIVERED
    else:
        raise Missing("status.groupId is not one that Infobip documents")
    return None if said is None else _receipt(item, said, item.get("doneAt"), callback, channel)


def _receipt(
    item: Mapping[str, Any], said: ReceiptStatus, at: object, callback: Callback, channel: ChannelInUse
) -> DeliveryReported:
    failed = said in {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED}
    status, error = as_object(item.get("status")), as_object(item.get("error"))
    code = number(error.get("id")) or number(status.get("id"))
    wrong = word(error.get("description")) if number(error.get("id")) else ""
    words = wrong or word(status.get("description")) or word(status.get("name"))
    return DeliveryReported(
        message_id=uuid(item.get("callbackData")) or _ours(item.get("messageId"), channel),
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Infobip.name,
        provider_message_id=word(item.get("messageId")),
        status=said,
        reason=_kind(status, item, number(status.get("groupId")) or _REJECTED)[1] if failed else None,
        provider_code=None if code is None else str(code),
        detail=clean(words, 500) or None,
        reported_at=iso_moment(at, callback.received_at),
    )


def _reply(
    item: Mapping[str, Any], message: Mapping[str, Any], callback: Callback, channel: ChannelInUse
) -> ReplyReceived:
    """`callbackData` is there where the customer answers one of our messages."""
    kind, text = word(message.get("type")) or "TEXT", word(message.get("text"))
    if kind != "TEXT":
        text = f"[{kind[:40].lower()}] {text}".rstrip()
    elif not text:
        raise Missing("message.text is missing")
    sender = word(item.get("sender")) or word(item.get("from"))
    return ReplyReceived(
        message_id=uuid(item.get("callbackData")),
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Infobip.name,
        provider_message_id=word(item.get("messageId")),
        sender=f"+{sender}" if sender.isdecimal() else sender,
        text=clean(text, 20_000),
        received_at=iso_moment(item.get("receivedAt"), callback.received_at),
    )
