"""
Twilio, Programmable Messaging (SMS): https://www.twilio.com/docs/messaging/api/message-resource.

Twilio knows no idempotency key and no reference of ours, so our message id travels in the query of the status
callback's address, which its signature covers.

Credentials: account_sid, auth_token. Settings: base_url (default https://api.twilio.com).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from dispatcher.domain.answers import Accepted, Answer, ErrorClass, Refused, Unclear
from dispatcher.ports import (
    Callback,
    ChannelInUse,
    HttpRequest,
    HttpResponse,
    OutboundMessage,
    UnreadableCallback,
)
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import FailureReason, TextContent

DEFAULT_BASE_URL = "https://api.twilio.com"

MAX_VALIDITY_SECONDS = 36_000
"""Twilio's longest ValidityPeriod: ten hours in its queue."""

_BLOCKED = (ErrorClass.BLOCKED, FailureReason.CHANNEL_BLOCKED)
_BUSY = (ErrorClass.THROTTLED, FailureReason.PROVIDER_BUSY)


def _rejected(reason: FailureReason) -> tuple[ErrorClass, FailureReason]:
    return ErrorClass.REJECTED, reason


_CLASSES: dict[int, tuple[ErrorClass, FailureReason]] = {
    **dict.fromkeys((21211, 21604, 21614, 21910, 63003, 63024), _rejected(FailureReason.INVALID_NUMBER)),
    **dict.fromkeys((21612, 30003, 30005, 30006, 63036), _rejected(FailureReason.UNREACHABLE)),
    **dict.fromkeys((21610, 30004, 63014, 63033), _rejected(FailureReason.OPTED_OUT)),
    63016: _rejected(FailureReason.WINDOW_CLOSED),
    **dict.fromkeys((21655, 21656, 63027, 63028, 63040, 63041), _rejected(FailureReason.TEMPLATE)),
    **dict.fromkeys((21602, 21617, 30007, 63005, 63013, 63019, 63021, 63030, 63032), _rejected(FailureReason.CONTENT)),
    **dict.fromkeys((20429, 21611, 30001, 30022, 30023, 63017, 63018, 63038), _BUSY),
    **dict.fromkeys((20003, 20404, 63001, 30002, 21606, 21408, 21608, 63007, 63020), _BLOCKED),
}
"""Twilio's error codes (https://www.twilio.com/docs/api/errors); what is not listed falls back to the HTTP status."""

_RECEIPTS = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "partially_delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}
_CLEAR_WITHOUT_CODE = frozenset({401, 403, 404, 429})
"""Refusals that need no error code of Twilio's to be believed; any other may be a proxy's on the way."""

_UNDERWAY = frozenset({"accepted", "scheduled", "queued", "sending"})


class Twilio:
    """The adapter."""

    name = "twilio"

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest:
        """POST Messages.json; the validity period keeps Twilio from delivering what is too late."""
        account, token = channel.credentials["account_sid"], channel.credentials["auth_token"]
        validity = max(1, min(MAX_VALIDITY_SECONDS, int(message.seconds_left)))
        fields = {
            "To": message.recipient,
            "From": channel.sender,
            "Body": message.content.text if isinstance(message.content, TextContent) else "",
            "StatusCallback": f"{message.callback_url}?{urlencode({'mid': str(message.message_id)})}",
            "ValidityPeriod": str(validity),
        }
        login = base64.b64encode(f"{account}:{token}".encode()).decode()
        return HttpRequest(
            url=f"{_base_url(channel)}/2010-04-01/Accounts/{account}/Messages.json",
            headers={
                "Authorization": f"Basic {login}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            body=urlencode(fields).encode(),
        )

    def read_answer(self, response: HttpResponse) -> Answer:
        """201 with a sid is acceptance; a 4xx is a refusal by its code; all else is unclear."""
        fields = _json_object(response.body)
        sid = fields.get("sid")
        if response.status in {200, 201} and isinstance(sid, str) and sid:
            segments = str(fields.get("num_segments") or "")
            return Accepted(sid, int(segments) if segments.isdecimal() else None)
        code = fields.get("code")
        words = str(fields.get("message") or f"HTTP {response.status}")
        if not 400 <= response.status < 500 or response.status == 408:
            return Unclear(f"Twilio answered: {words}"[:500], None if code is None else str(code))
        error_class, reason = _classify(code, response.status)
        return Refused(
            error_class,
            reason,
            words[:500],
            None if code is None else str(code),
            _retry_after(response.headers),
        )

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        """
        https://www.twilio.com/docs/usage/security#validating-requests: HMAC-SHA1 over the address and sorted fields.

        The address is signed with and without its standard port, depending on the account; both are accepted.
        """
        given = _header(callback.headers, "X-Twilio-Signature")
        token = channel.credentials.get("auth_token")
        if not given or not token:
            return False
        signed = _signed_fields(callback.body)
        matches = [
            hmac.compare_digest(sign(token, url, signed).encode(), given.encode())
            for url in _with_and_without_port(callback.url)
        ]
        return any(matches)

    def read_callback(self, callback: Callback, channel: ChannelInUse) -> list[DeliveryReported | ReplyReceived]:
        """A status callback is a receipt, an incoming message a reply; states before `sent` tell nothing new."""
        fields = dict(parse_qsl(callback.body.decode("utf-8", "replace"), keep_blank_values=True))
        sid = fields.get("MessageSid") or fields.get("SmsSid")
        status = (fields.get("MessageStatus") or fields.get("SmsStatus") or "").lower()
        if not sid:
            raise UnreadableCallback("MessageSid is missing")
        if status == "received" or ("Body" in fields and "MessageStatus" not in fields):
            return [_reply(fields, sid, callback, channel)]
        if status in _UNDERWAY:
            return []
        if status not in _RECEIPTS:
            raise UnreadableCallback(f"MessageStatus {status[:40]!r} is not one that Twilio documents")
        return [_receipt(fields, sid, _RECEIPTS[status], callback, channel)]


def sign(auth_token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a form POST: the address, then each distinct field in order, keyed with the auth token."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _base_url(channel: ChannelInUse) -> str:
    return (channel.settings.get("base_url") or DEFAULT_BASE_URL).rstrip("/")


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _classify(code: object, status: int) -> tuple[ErrorClass, FailureReason]:
    known = _CLASSES.get(int(str(code))) if str(code).isdecimal() else None
    if known is not None:
        return known
    if status == 429:
        return _BUSY
    if status in {401, 403}:
        return _BLOCKED
    return _rejected(FailureReason.OTHER)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = _header(headers, "Retry-After")
    return float(value) if value is not None and value.isdecimal() else None


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _signed_fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _with_and_without_port(url: str) -> tuple[str, str]:
    """`https://host/…` and `https://host:443/…` in both spellings, whichever one was given."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = {"https": ":443", "http": ":80"}[scheme]
    other = host.removesuffix(port) if host.endswith(port) else host if ":" in host else host + port
    return url, f"{scheme}://{other}{slash}{path}"


def _message_id(query: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(query["mid"])
    except (KeyError, ValueError):
        return None


def _receipt(
    fields: Mapping[str, str], sid: str, status: ReceiptStatus, callback: Callback, channel: ChannelInUse
) -> DeliveryReported:
    code = fields.get("ErrorCode") or None
    failed = status in {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED}
    return DeliveryReported(
        message_id=_message_id(callback.query),
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Twilio.name,
        provider_message_id=sid,
        status=status,
        reason=_classify(code, 400)[1] if failed else None,
        provider_code=code,
        detail=(fields.get("ErrorMessage") or (f"Twilio reports error {code}." if code else None)) if failed else None,
        reported_at=callback.received_at,
    )


def _reply(fields: Mapping[str, str], sid: str, callback: Callback, channel: ChannelInUse) -> ReplyReceived:
    sender = fields.get("From")
    if not sender:
        raise UnreadableCallback("From is missing")
    return ReplyReceived(
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Twilio.name,
        provider_message_id=sid,
        sender=sender,
        text=fields.get("Body", "").replace("\x00", ""),
        received_at=callback.received_at,
    )
