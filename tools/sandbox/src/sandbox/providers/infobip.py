"""
A fake Infobip: Viber Business Messages v2, its delivery and seen reports and its inbound webhook.

Shapes are those of Infobip's OpenAPI description 3.210 (viber-business-messages); statuses those of its page
"Response status and error codes".
"""

import hmac
import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from aiohttp import web

from sandbox.behaviour import ProviderBehaviour, ProviderMode
from sandbox.errors import NotPossibleError
from sandbox.intake import Intake, Order, linger
from sandbox.ledger import CLOSED_SOCKET, Submission, now
from sandbox.providers.shared import hang_up, is_number, json_object, part, text, with_plus
from sandbox.receipts import Callback, ReceiptRules, Report
from sandbox.settings import InfobipSettings

_LONGEST_TEXT = 1000
_LONGEST_ID = 200
_LONGEST_CALLBACK = 4000
_UNKNOWN_USER = 7002
_PRICE = {"pricePerMessage": 0.0, "currency": "EUR"}


@dataclass(frozen=True)
class Status:
    """A status as Infobip writes it, the same in answers, reports and logs."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str

    def as_json(self) -> dict[str, object]:
        """As SingleMessageStatus has it."""
        return {
            "groupId": self.group_id,
            "groupName": self.group_name,
            "id": self.id,
            "name": self.name,
            "description": self.description,
        }


_ACCEPTED = Status(1, "PENDING", 26, "PENDING_ACCEPTED", "Message sent to next instance")
_DUPLICATE = Status(5, "REJECTED", 23, "REJECTED_DUPLICATE_MESSAGE_ID", "Message ID already exists")
_BAD_SENDER = Status(5, "REJECTED", 13, "REJECTED_SENDER", "Sender is not registered for this account")
_BAD_NUMBER = Status(5, "REJECTED", 52, "REJECTED_DESTINATION", "Invalid destination address")
# Our word for a status, and Infobip's. Reading is reported apart. DELIVERED_TO_OPERATOR is no delivery.
_REPORTED = {
    "sent": Status(3, "DELIVERED", 2, "DELIVERED_TO_OPERATOR", "Message delivered to operator"),
    "delivered": Status(3, "DELIVERED", 5, "DELIVERED_TO_HANDSET", "Message delivered to handset"),
    "undelivered": Status(2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered"),
    "expired": Status(4, "EXPIRED", 15, "EXPIRED_EXPIRED", "Message expired"),
    "rejected": Status(5, "REJECTED", 14, "REJECTED_DESTINATION", "Destination is blocked by the recipient"),
}


@dataclass(frozen=True)
class Refusal:
    """One of Infobip's error answers."""

    http_status: int
    description: str
    action: str
    violations: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, object]:
        """As ApiError has it."""
        return {
            "errorCode": f"E{self.http_status}",
            "description": self.description,
            "action": self.action,
            "violations": [{"property": path, "violation": what} for path, what in self.violations],
            "resources": [],
        }


_UNAUTHORIZED = Refusal(
    401,
    "The request lacks valid authentication credentials for the requested resource.",
    "Check the resources and adjust authentication credentials.",
)
_SERVER_ERROR = Refusal(500, "Something went wrong.", "Contact support.")
_RATE_LIMITED = Refusal(429, "Too many requests.", "Lower the rate of your requests.")
_MODE_REFUSALS: dict[ProviderMode, Refusal] = {
    "unauthorized": _UNAUTHORIZED,
    "error": _SERVER_ERROR,
    "rate_limited": _RATE_LIMITED,
}
# What is answered about accepted messages where that is not 200.
_ANSWERS = {"error_after_accepting": _SERVER_ERROR.http_status, "close_after_accepting": CLOSED_SOCKET}


class Infobip:
    """Accepts Viber messages as Infobip does, once per messageId, and calls back where each message says."""

    name = "infobip"
    label = "Infobip"
    channel = "viber"
    channel_label = "Viber"
    receipt_statuses = frozenset({*_REPORTED, "read"})
    offered_receipts: tuple[Report, ...] = (
        ("sent", None),
        ("delivered", None),
        ("read", None),
        ("undelivered", _UNKNOWN_USER),
    )
    own_modes: tuple[ProviderMode, ...] = ()

    def __init__(self, settings: InfobipSettings, intake: Intake) -> None:
        self.senders = settings.senders
        self._settings = settings
        self._intake = intake
        arrives = (("sent", None), ("delivered", None), ("read", None))
        self._rules = ReceiptRules(self.sign_receipt, ("undelivered", _UNKNOWN_USER), arrives)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/infobip/viber/2/messages", self._create),
            web.get("/infobip/viber/2/logs", self._logs),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await json_object(request)
        orders = list(self._orders(body or {}))
        if not self._known(request):
            return self._refuse_all(orders, _UNAUTHORIZED)
        behaviour = self._intake.take_behaviour(self.name)
        if behaviour.mode == "close_before_accepting":
            for order, _ in orders:
                self._intake.refuse(order, CLOSED_SOCKET, None)
            return hang_up(request)
        refusal = _MODE_REFUSALS.get(behaviour.mode) or _check(body)
        if refusal is not None:
            return self._refuse_all(orders, refusal, behaviour.retry_after if refusal is _RATE_LIMITED else None)
        return await self._take(request, orders, behaviour)

    async def _take(
        self, request: web.Request, orders: list[tuple[Order, str]], behaviour: ProviderBehaviour
    ) -> web.StreamResponse:
        status = _ANSWERS.get(behaviour.mode, 200)
        answers: list[dict[str, object]] = []
        accepted: list[Submission] = []
        for order, message_id in orders:
            rejected = self._rejection(order, message_id, behaviour)
            if rejected is not None:
                self._intake.refuse(order, status, rejected.id)
            else:
                accepted.append(self._intake.accept(order, message_id, status, behaviour))
            answers.append(_answer(message_id, order, rejected or _ACCEPTED))
        await linger(behaviour)
        for submission in accepted:
            self._intake.report(submission, behaviour, self._rules)
        if status == CLOSED_SOCKET:
            return hang_up(request)
        if status == _SERVER_ERROR.http_status:
            return _refusal(_SERVER_ERROR)
        return web.json_response({"bulkId": str(uuid.uuid4()), "messages": answers})

    def _rejection(self, order: Order, message_id: str, behaviour: ProviderBehaviour) -> Status | None:
        if behaviour.mode == "invalid_number" or not is_number(order.to):
            return _BAD_NUMBER
        if order.sender not in self.senders:
            return _BAD_SENDER
        return _DUPLICATE if self._intake.find(self.name, message_id) else None

    def _refuse_all(
        self, orders: list[tuple[Order, str]], refusal: Refusal, retry_after: str | None = None
    ) -> web.Response:
        for order, _ in orders:
            self._intake.refuse(order, refusal.http_status, refusal.http_status)
        return _refusal(refusal, retry_after)

    async def _logs(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return _refusal(_UNAUTHORIZED)
        wanted = set(request.query.getall("messageId", []))
        rows = self._intake.accepted(self.name)
        found = [self._log(row) for row in rows if not wanted or str(row.provider_message_id) in wanted]
        return web.json_response({"results": found})

    def sign_receipt(self, submission: Submission, status: str, error_code: int | None) -> Callback | None:
        if status == "read":
            return _callback(submission.seen_callback, _seen(submission))
        if status == "sent" and not submission.intermediate:
            return None
        report = {**self._log(submission, status, error_code), "callbackData": submission.reference}
        return _callback(submission.status_callback, {key: value for key, value in report.items() if value is not None})

    def sign_reply(self, customer: str, business: str, text: str) -> Callback:
        url = self._settings.inbound_url
        if url is None:
            raise NotPossibleError(
                "Infobip does not know where replies go: set SANDBOX_INFOBIP_INBOUND_URL and restart"
            )
        order = Order(self.name, self.channel, to=business, sender=customer, text=text, status_callback=None)
        # Viber numbers its messages itself; a text in JSON, since it is longer than a double can hold.
        reply = self._intake.write_reply(order, str(5_000_000_000_000_000_000 + secrets.randbelow(10**18)))
        inbound = {
            "sender": _digits(customer),
            "to": business,
            "integrationType": "VIBER",
            "receivedAt": _moment(reply.at),
            "messageId": reply.provider_message_id,
            "message": {"text": text, "trackingData": secrets.token_hex(8), "type": "TEXT"},
            "price": _PRICE,
        }
        return Callback(
            url, _json({"results": [inbound], "messageCount": 1, "pendingMessageCount": 0}), dict(_CALLBACK_HEADERS)
        )

    def _log(self, row: Submission, status: str | None = None, error_code: int | None = None) -> dict[str, object]:
        shown = _REPORTED.get(status or row.status) or _REPORTED["delivered" if row.status == "read" else "sent"]
        return {
            "bulkId": str(uuid.uuid5(uuid.NAMESPACE_OID, str(row.provider_message_id))),
            "messageId": row.provider_message_id,
            "sender": row.sender,
            "to": _digits(row.to),
            "sentAt": _moment(row.at),
            "doneAt": _moment(row.updated_at),
            "messageCount": 1,
            "price": _PRICE,
            "status": shown.as_json() if row.status != "queued" or status else _ACCEPTED.as_json(),
            "error": _error(error_code if status else row.error_code),
        }

    def _known(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"App {self._settings.api_key}".encode())

    def _orders(self, body: dict[str, object]) -> Iterator[tuple[Order, str]]:
        """One order per destination, with its messageId."""
        for message in _objects(body.get("messages")):
            webhooks = part(message, "webhooks")
            for destination in _objects(message.get("destinations")):
                order = Order(
                    provider=self.name,
                    channel=self.channel,
                    to=with_plus(text(destination, "to") or ""),
                    sender=text(message, "sender") or "",
                    text=text(part(message, "content"), "text") or "",
                    status_callback=text(part(webhooks, "delivery"), "url"),
                    reference=text(webhooks, "callbackData"),
                    seen_callback=text(part(webhooks, "seen"), "url"),
                    intermediate=part(webhooks, "delivery").get("intermediateReport") is True,
                )
                yield order, text(destination, "messageId") or str(uuid.uuid4())


def _check(body: dict[str, object] | None) -> Refusal | None:
    violations = [("body", "must be a JSON object")] if body is None else list(_violations(body))
    if not violations:
        return None
    return Refusal(
        400,
        "Request cannot be processed.",
        "Check the syntax, violations and adjust the request.",
        tuple(violations),
    )


def _violations(body: dict[str, object]) -> Iterator[tuple[str, str]]:
    messages = _objects(body.get("messages"))
    if not messages:
        yield "messages", "must not be empty"
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        content = part(message, "content")
        if text(message, "sender") is None:
            yield f"{path}.sender", "must not be blank"
        if content.get("type") != "TEXT":
            yield f"{path}.content.type", "the sandbox plays TEXT only"
        elif not 0 < len(text(content, "text") or "") <= _LONGEST_TEXT:
            yield f"{path}.content.text", f"size must be between 1 and {_LONGEST_TEXT}"
        if len(text(part(message, "webhooks"), "callbackData") or "") > _LONGEST_CALLBACK:
            yield f"{path}.webhooks.callbackData", f"size must be between 0 and {_LONGEST_CALLBACK}"
        yield from _destination_violations(path, _objects(message.get("destinations")))


def _destination_violations(path: str, destinations: list[dict[str, object]]) -> Iterator[tuple[str, str]]:
    if not destinations:
        yield f"{path}.destinations", "must not be empty"
    for number, destination in enumerate(destinations):
        if text(destination, "to") is None:
            yield f"{path}.destinations[{number}].to", "must not be blank"
        if len(text(destination, "messageId") or "") > _LONGEST_ID:
            yield f"{path}.destinations[{number}].messageId", f"size must be between 0 and {_LONGEST_ID}"


def _objects(value: object) -> list[dict[str, object]]:
    found = value if isinstance(value, list) else []
    return [cast("dict[str, object]", one) for one in found if isinstance(one, dict)]


def _answer(message_id: str, order: Order, status: Status) -> dict[str, object]:
    return {"messageId": message_id, "status": status.as_json(), "destination": _digits(order.to)}


def _error(code: int | None) -> dict[str, object]:
    if code is None:
        words = (0, "OK", 0, "NO_ERROR", "No Error", False)
    else:
        words = (
            2,
            "USER_ERRORS",
            code,
            "EC_UNKNOWN_USER" if code == _UNKNOWN_USER else f"EC_{code}",
            "User error",
            True,
        )
    return dict(zip(("groupId", "groupName", "id", "name", "description", "permanent"), words, strict=True))


def _seen(submission: Submission) -> dict[str, object]:
    # A report from the customer to the business: so it is written here, the other way round than the message.
    return {
        "messageId": submission.provider_message_id,
        "from": _digits(submission.to),
        "to": submission.sender,
        "sentAt": _moment(submission.at),
        "seenAt": _moment(now()),
    }


_CALLBACK_HEADERS = {"Content-Type": "application/json; charset=UTF-8", "User-Agent": "Infobip"}


def _callback(url: str | None, report: dict[str, object]) -> Callback | None:
    """Nothing is signed: who may call is decided by what the business put into its address."""
    return Callback(url, _json({"results": [report]}), dict(_CALLBACK_HEADERS)) if url else None


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _digits(address: str) -> str:
    return address.removeprefix("+")


def _moment(at: datetime) -> str:
    """Milliseconds, and a zone without a colon: 2026-11-23T09:14:07.512+0000."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}{at:%z}"


def _refusal(refusal: Refusal, retry_after: str | None = None) -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return web.json_response(refusal.as_json(), status=refusal.http_status, headers=headers)
