"""
Twilio, Programmable Messaging (SMS): https://www.twilio.com/docs/messaging/api/message-resource.

Twilio knows no idempotency key and no reference of ours, so our message id travels in the query of the status
callback's address, which its signature covers. What became of a call without an answer is looked for in the list of
messages, by recipient, sender and text.

Credentials: account_sid, auth_token. Settings: base_url (default https://api.twilio.com).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from pydantic import ValidationError

from dispatcher.domain.answers import Accepted, Answer, Refused, Unclear, clean
from dispatcher.domain.states import Capabilities
from dispatcher.ports import (
    Callback,
    ChannelInUse,
    HttpRequest,
    HttpResponse,
    Listed,
    OutboundMessage,
    UnreadableCallback,
)
from dispatcher.providers.reading import (
    BLOCKED,
    BUSY,
    CLEAR_WITHOUT_CODE,
    Kind,
    base_url,
    header,
    http_moment,
    json_object,
    number,
    objects,
    rejected,
    retry_after,
    text_of,
    unreadable,
    uuid,
    what_is_wrong,
    word,
)
from proactive_contracts.reasons import FailureReason
from proactive_contracts.receipts import DeliveryReported, ReceiptStatus, ReplyReceived
from proactive_contracts.values import Channel, TextContent

DEFAULT_BASE_URL = "https://api.twilio.com"

MAX_CHARACTERS = 1600
"""Of a message's body, over all of its parts."""

LISTED = 50
"""How many messages a look-up reads, newest first: Twilio's own page."""

MAX_VALIDITY_SECONDS = 36_000
"""Twilio's longest ValidityPeriod: ten hours in its queue."""

_CLASSES: Mapping[int, Kind] = {
    **dict.fromkeys((21211, 21604, 21614, 21910, 63003, 63024), rejected(FailureReason.INVALID_NUMBER)),
    **dict.fromkeys((21612, 30003, 30005, 30006, 63036), rejected(FailureReason.UNREACHABLE)),
    **dict.fromkeys((21610, 30004, 63014, 63033), rejected(FailureReason.OPTED_OUT)),
    63016: rejected(FailureReason.WINDOW_CLOSED),
    **dict.fromkeys((21655, 21656, 63027, 63028, 63040, 63041), rejected(FailureReason.TEMPLATE)),
    **dict.fromkeys((21602, 21617, 30007, 63005, 63013, 63019, 63021, 63030, 63032), rejected(FailureReason.CONTENT)),
    **dict.fromkeys((20429, 21611, 30001, 30022, 30023, 63017, 63018, 63038), BUSY),
    **dict.fromkeys((20003, 20404, 63001, 30002, 21606, 21659, 21660, 21408, 21608, 63007, 63020), BLOCKED),
}
"""Twilio's error codes (https://www.twilio.com/docs/api/errors); what is not listed falls back to the HTTP status."""

_PARTIAL = "partially_delivered"
"""A part of the text, or of its recipients, was not reached."""

_RECEIPTS = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    _PARTIAL: ReceiptStatus.UNDELIVERED,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}

_UNDERWAY = frozenset({"accepted", "scheduled", "queued", "sending"})


class Twilio:
    """The adapter."""

    name = "twilio"
    not_genuine = "X-Twilio-Signature does not match the address and the fields, signed with the channel's auth_token."
    carries = frozenset({Channel.SMS})
    stored_status = 204
    capabilities = Capabilities("twilio", look_up=True, receipts_echo=True)

    def build(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """POST Messages.json; the validity period keeps Twilio from delivering what is too late."""
        account, token = channel.credentials.get("account_sid"), channel.credentials.get("auth_token")
        if not account or not token:
            return unreadable("account_sid or auth_token")
        text = text_of(message, MAX_CHARACTERS, Channel.SMS.label)
        if isinstance(text, Refused):
            return text
        validity = max(1, min(MAX_VALIDITY_SECONDS, int(message.seconds_left)))
        fields = (
            f"To={quote_plus(message.recipient)}",
            f"From={_quoted(channel.sender)}",
            f"Body={quote_plus(text)}",
            f"StatusCallback={_quoted(message.callback_url + '?mid=')}{message.message_id}",
            f"ValidityPeriod={validity}",
        )
        return HttpRequest(
            url=_messages(account, channel),
            headers=_login(account, token) | {"Content-Type": "application/x-www-form-urlencoded"},
            body="&".join(fields).encode(),
        )

    def read_answer(self, response: HttpResponse) -> Answer:
        """201 with a sid is acceptance; a 4xx that is surely Twilio's is a refusal; all else is unclear."""
        fields = json_object(response.body)
        sid = fields.get("sid")
        if response.status in {200, 201} and isinstance(sid, str) and 0 < len(sid) <= 200 and clean(sid, 200) == sid:
            return Accepted(sid, number(fields.get("num_segments")))
        code = number(fields.get("code"))
        told = None if code is None else str(code)
        words = clean(str(fields.get("message") or f"HTTP {response.status}"), 500)
        kind = _classify(code, response.status)
        if kind is None:
            return Unclear(f"Twilio answered: {words}", told)
        return Refused(*kind, words, told, retry_after(response.headers))

    def build_look_up(self, message: OutboundMessage, channel: ChannelInUse) -> HttpRequest | Refused:
        """
        GET the newest messages from this sender to this recipient.

        No DateSent: it would leave out what still waits in Twilio's queue, which has no such date.
        """
        account, token = channel.credentials.get("account_sid"), channel.credentials.get("auth_token")
        if not account or not token:
            return unreadable("account_sid or auth_token")
        query = urlencode({"To": message.recipient, "From": channel.sender, "PageSize": LISTED})
        return HttpRequest(f"{_messages(account, channel)}?{query}", _login(account, token), method="GET")

    def read_look_up(self, response: HttpResponse, message: OutboundMessage, channel: ChannelInUse) -> list[Listed]:
        """Messages of ours with this recipient, sender and text, whatever became of them."""
        text = message.content.text if isinstance(message.content, TextContent) else None
        wanted = {"to": message.recipient, "from": channel.sender, "body": text}
        listed = objects(json_object(response.body).get("messages")) if response.status == 200 else []
        return [
            Listed(word(one["sid"]), http_moment(one.get("date_created")), number(one.get("num_segments")))
            for one in listed
            if wanted.items() <= one.items()
            and word(one.get("direction")).startswith("outbound")
            and 0 < len(word(one.get("sid"))) <= 200
        ]

    def verify(self, callback: Callback, channel: ChannelInUse) -> bool:
        """
        https://www.twilio.com/docs/usage/security#validating-requests: HMAC-SHA1 over the address and sorted fields.

        The address is signed with or without its port, depending on the account; both are accepted, as in Twilio's
        own libraries.
        """
        given = header(callback.headers, "X-Twilio-Signature")
        token = channel.credentials.get("auth_token")
        if not given or not token:
            return False
        signed = _signed_fields(callback.body)
        matches = [
            hmac.compare_digest(sign(token, url, signed).encode(), given.encode("utf-8", "replace"))
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
        if status in _UNDERWAY:
            return []
        try:
            if status == "received" or ("Body" in fields and "MessageStatus" not in fields):
                return [_reply(fields, sid, callback, channel)]
            if status in _RECEIPTS:
                return [_receipt(fields, sid, status, callback, channel)]
        except ValidationError as error:
            raise UnreadableCallback(what_is_wrong(error)) from None
        raise UnreadableCallback(f"MessageStatus {status[:40]!r} is not one that Twilio documents")


def sign(auth_token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a form POST: the address, then each distinct field in order, keyed with the auth token."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _classify(code: int | None, status: int) -> Kind | None:
    """What an answer's status and Twilio's code mean; None: not a refusal that can be relied on."""
    if not 400 <= status < 500 or status == 408:
        return None
    if code is None:
        return CLEAR_WITHOUT_CODE.get(status)
    return _CLASSES.get(code) or CLEAR_WITHOUT_CODE.get(status) or rejected(FailureReason.OTHER)


def _messages(account: str, channel: ChannelInUse) -> str:
    return f"{base_url(channel, DEFAULT_BASE_URL)}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"


@lru_cache(maxsize=4096)
def _quoted(of_a_channel: str) -> str:
    """What all of a channel's messages share: quoting an address takes longer than quoting a text."""
    return quote_plus(of_a_channel)


def _login(account: str, token: str) -> dict[str, str]:
    login = base64.b64encode(f"{account}:{token}".encode()).decode()
    return {"Authorization": f"Basic {login}", "Accept": "application/json"}


def _signed_fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _with_and_without_port(url: str) -> tuple[str, str]:
    """The address as given, and the other spelling: without its port, or with the standard one where it has none."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    bare = re.sub(r":[0-9]+$", "", host)
    other = bare if bare != host else host + {"https": ":443", "http": ":80"}[scheme]
    return url, f"{scheme}://{other}{slash}{path}"


def _failure(code: int | None) -> FailureReason:
    known = _CLASSES.get(code) if code is not None else None
    return FailureReason.OTHER if known is None else known[1]


def _receipt(
    fields: Mapping[str, str], sid: str, said: str, callback: Callback, channel: ChannelInUse
) -> DeliveryReported:
    status, code = _RECEIPTS[said], fields.get("ErrorCode") or None
    failed = status in {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED}
    words = fields.get("ErrorMessage") or (f"Twilio reports error {code}." if code else f"Twilio reports {said}.")
    reason = FailureReason.PARTIAL if said == _PARTIAL else _failure(number(code))
    return DeliveryReported(
        message_id=uuid(callback.query.get("mid")),
        workspace_id=channel.workspace_id,
        channel=channel.channel,
        channel_id=channel.id,
        provider=Twilio.name,
        provider_message_id=sid,
        status=status,
        reason=reason if failed else None,
        provider_code=code,
        detail=clean(words, 500) if failed else None,
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
        text=clean(fields.get("Body", ""), 20_000),
        received_at=callback.received_at,
    )
