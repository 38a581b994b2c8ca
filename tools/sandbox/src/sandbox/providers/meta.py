"""
A fake Meta: the WhatsApp Cloud API's messages endpoint, and the webhooks of its app.

Shapes are those of Meta's OpenAPI description of the Business Messaging API v23.0 and of its webhook reference;
error codes those of its table for the Cloud API.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.behaviour import ProviderBehaviour, ProviderMode
from sandbox.errors import NotPossibleError
from sandbox.intake import Intake, Order, linger
from sandbox.ledger import CLOSED_SOCKET, Submission
from sandbox.providers.shared import hang_up, is_number, json_object, part, text, with_plus
from sandbox.receipts import Callback, ReceiptRules, Report
from sandbox.settings import MetaSettings

_ACCOUNT = "102290129340398"
_LONGEST_TEXT = 4096
_LONGEST_REFERENCE = 512
_VERIFY_SECONDS = 10
# The fields of TextMessage and TemplateMessage; `recipient` came after this version of the description.
_FIELDS = frozenset({"messaging_product", "recipient_type", "to", "recipient", "type", "context", "text", "template"})
_REFERENCE = "biz_opaque_callback_data"
# Business-scoped ids stand in for a number: a country, a dot, digits.
_BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.\d+")

_UNDELIVERABLE = 131026
_WINDOW_CLOSED = 131047
_TITLES = {
    _UNDELIVERABLE: ("Message undeliverable", "Message Undeliverable."),
    _WINDOW_CLOSED: (
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
    ),
}


@dataclass(frozen=True)
class Refusal:
    """One of the Graph API's error answers."""

    http_status: int
    code: int
    message: str
    details: str | None = None
    subcode: int | None = None

    def as_json(self) -> dict[str, object]:
        """As GraphAPIError writes it."""
        error: dict[str, object] = {"message": self.message, "type": "OAuthException", "code": self.code}
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": {**error, "fbtrace_id": "A" + secrets.token_urlsafe(16)}}


_UNAUTHORIZED = Refusal(401, 190, "Error validating access token: the session is invalid.", subcode=460)
_SERVER_ERROR = Refusal(500, 131000, "(#131000) Something went wrong", "Message failed to send, unknown error.")
_RATE_LIMITED = Refusal(429, 130429, "(#130429) Rate limit hit", "Cloud API message throughput has been reached.")
_INVALID_NUMBER = Refusal(400, 131009, "(#131009) Parameter value is not valid", "The recipient is no phone number.")
_MODE_REFUSALS: dict[ProviderMode, Refusal] = {
    "unauthorized": _UNAUTHORIZED,
    "error": _SERVER_ERROR,
    "rate_limited": _RATE_LIMITED,
    "invalid_number": _INVALID_NUMBER,
}
# What is answered about an accepted message where that is not 200.
_ANSWERS = {"error_after_accepting": _SERVER_ERROR.http_status, "close_after_accepting": CLOSED_SOCKET}


class Meta:
    """Accepts WhatsApp messages as the Cloud API does, and calls the app's one webhook."""

    name = "meta"
    label = "Meta"
    channel = "whatsapp"
    channel_label = "WhatsApp"
    receipt_statuses = frozenset({"sent", "delivered", "read", "failed"})
    offered_receipts: tuple[Report, ...] = (
        ("sent", None),
        ("delivered", None),
        ("read", None),
        ("failed", _UNDELIVERABLE),
    )
    own_modes: tuple[ProviderMode, ...] = ("window_closed",)

    def __init__(self, settings: MetaSettings, intake: Intake) -> None:
        self.senders: tuple[str, ...] = (settings.sender,)
        self._settings = settings
        self._intake = intake
        arrives = (("sent", None), ("delivered", None), ("read", None))
        self._rules = ReceiptRules(self.sign_receipt, ("failed", _UNDELIVERABLE), arrives)
        closed = ("failed", _WINDOW_CLOSED)
        # The closed window is told by a receipt, not by the answer.
        self._window_rules = ReceiptRules(self.sign_receipt, closed, (closed,))

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(r"/meta/{version:v\d+\.\d+}/{phone_number_id}/messages", self._create),
            web.post("/sandbox/meta/verify", self._verify),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await json_object(request) or {}
        order = self._order(body)
        if not self._known(request):
            self._intake.refuse(order, _UNAUTHORIZED.http_status, _UNAUTHORIZED.code)
            return _refusal(_UNAUTHORIZED)
        behaviour = self._intake.take_behaviour(self.name)
        if behaviour.mode == "close_before_accepting":
            self._intake.refuse(order, CLOSED_SOCKET, None)
            return hang_up(request)
        refusal = _MODE_REFUSALS.get(behaviour.mode) or self._check(request.match_info["phone_number_id"], body)
        if refusal is not None:
            self._intake.refuse(order, refusal.http_status, refusal.code)
            return _refusal(refusal, behaviour.retry_after if refusal is _RATE_LIMITED else None)
        return await self._accept(request, body, order, behaviour)

    async def _accept(
        self, request: web.Request, body: dict[str, object], order: Order, behaviour: ProviderBehaviour
    ) -> web.StreamResponse:
        status = _ANSWERS.get(behaviour.mode, 200)
        submission = self._intake.accept(order, _message_id(order.to), status, behaviour)
        await linger(behaviour)
        rules = self._window_rules if behaviour.mode == "window_closed" else self._rules
        self._intake.report(submission, behaviour, rules)
        if status == CLOSED_SOCKET:
            return hang_up(request)
        if status == _SERVER_ERROR.http_status:
            return _refusal(_SERVER_ERROR)
        answer = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": _address(body), **_identity(order.to)}],
            "messages": [{"id": submission.provider_message_id}],
        }
        return web.json_response(answer, status=status)

    async def _verify(self, request: web.Request) -> web.Response:
        """What Meta does when somebody saves the webhook's address: the challenge must come back."""
        if self._settings.webhook_url is None:
            raise NotPossibleError("Meta does not know a webhook: set SANDBOX_META_WEBHOOK_URL and restart")
        challenge = str(secrets.randbelow(10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self._settings.verify_token,
        }
        timeout = aiohttp.ClientTimeout(total=_VERIFY_SECONDS)
        try:
            async with aiohttp.request("GET", self._settings.webhook_url, params=query, timeout=timeout) as answer:
                verified = answer.status == 200 and await answer.text() == challenge
                return web.json_response({"verified": verified, "answer_status": answer.status})
        except (aiohttp.ClientError, TimeoutError):
            return web.json_response({"verified": False, "answer_status": None})

    def _check(self, phone_number_id: str, body: dict[str, object]) -> Refusal | None:
        if phone_number_id != self._settings.phone_number_id:
            message = (
                f"Unsupported post request. Object with ID '{phone_number_id}' does not exist, cannot be loaded due "
                "to missing permissions, or does not support this operation."
            )
            return Refusal(400, 100, message, subcode=33)
        return _check_message(body)

    def sign_receipt(self, submission: Submission, status: str, error_code: int | None) -> Callback | None:
        if self._settings.webhook_url is None:
            return None
        entry: dict[str, object] = {
            "id": str(submission.provider_message_id),
            "status": status,
            "timestamp": _seconds(),
            **({"recipient_id": _digits(submission.to)} if is_number(submission.to) else _identity(submission.to)),
        }
        if submission.reference is not None:
            entry[_REFERENCE] = submission.reference
        if status == "failed":
            code = error_code if error_code is not None else _UNDELIVERABLE
            title, details = _TITLES.get(code, ("Something went wrong", "Something went wrong."))
            entry["errors"] = [{"code": code, "title": title, "message": title, "error_data": {"details": details}}]
        else:
            entry["conversation"] = {"id": hashlib.sha256(submission.to.encode()).hexdigest()[:32]}
            entry["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}
        return self._callback(self._settings.webhook_url, {"statuses": [entry]})

    def sign_reply(self, customer: str, business: str, text: str) -> Callback:
        if self._settings.webhook_url is None:
            raise NotPossibleError("Meta does not know where replies go: set SANDBOX_META_WEBHOOK_URL and restart")
        order = Order(self.name, self.channel, to=business, sender=customer, text=text, status_callback=None)
        reply = self._intake.write_reply(order, _message_id(customer))
        message = {
            "from": _digits(customer),
            "id": reply.provider_message_id,
            "timestamp": _seconds(),
            "type": "text",
            "text": {"body": text},
        }
        contact = {"profile": {"name": "WhatsApp user"}, "wa_id": _digits(customer)}
        return self._callback(self._settings.webhook_url, {"contacts": [contact], "messages": [message]})

    def _callback(self, url: str, found: dict[str, object]) -> Callback:
        metadata = {
            "display_phone_number": _digits(self._settings.sender),
            "phone_number_id": self._settings.phone_number_id,
        }
        value = {"messaging_product": "whatsapp", "metadata": metadata, **found}
        change = {"value": value, "field": "messages"}
        notification = {"object": "whatsapp_business_account", "entry": [{"id": _ACCOUNT, "changes": [change]}]}
        # Meta escapes slashes as well as what is not ASCII, and signs what it sends.
        body = json.dumps(notification, separators=(",", ":")).replace("/", "\\/").encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": f"sha256={signature(self._settings.app_secret, body)}",
        }
        return Callback(url, body, headers)

    def _known(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {self._settings.access_token}".encode())

    def _order(self, body: dict[str, object]) -> Order:
        return Order(
            provider=self.name,
            channel=self.channel,
            to=with_plus(_address(body) or ""),
            sender=self._settings.sender,
            text=_readable(body),
            status_callback=self._settings.webhook_url,
            reference=text(body, _REFERENCE),
        )


def signature(app_secret: str, body: bytes) -> str:
    """What follows sha256= in X-Hub-Signature-256: hex HMAC-SHA256 of the raw body with the app's secret."""
    return hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _check_message(body: dict[str, object]) -> Refusal | None:
    if body.get("messaging_product") != "whatsapp":
        return _parameter("The parameter messaging_product is required.")
    if _address(body) is None:
        return _parameter("The parameter to is required.")
    to, recipient = text(body, "to"), text(body, "recipient")
    if not is_number(to) if to is not None else not _BUSINESS_SCOPED.fullmatch(recipient or ""):
        return _INVALID_NUMBER
    return _check_fields(body) or _check_content(body)


def _check_fields(body: dict[str, object]) -> Refusal | None:
    unknown = sorted(body.keys() - _FIELDS - {_REFERENCE})
    if unknown:
        return _parameter(f'Unexpected key "{unknown[0]}" on the message.')
    if body.get("recipient_type", "individual") not in ("individual", "group"):
        return _parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}.")
    reference = body.get(_REFERENCE, "")
    if not isinstance(reference, str) or len(reference) > _LONGEST_REFERENCE:
        return _parameter(f"Param {_REFERENCE} must be at most {_LONGEST_REFERENCE} characters long.")
    return None


def _check_content(body: dict[str, object]) -> Refusal | None:
    match body.get("type"):
        case "text":
            return _check_text(part(body, "text"))
        case "template":
            return _check_template(part(body, "template"))
        case other:
            return _parameter(f"The parameter type is text or template here, not {other!r}.")


def _address(body: dict[str, object]) -> str | None:
    """A number in `to`, or a business-scoped user id in `recipient`."""
    return text(body, "to") or text(body, "recipient")


def _check_text(content: dict[str, object]) -> Refusal | None:
    body = text(content, "body")
    if body is None:
        return _parameter("The parameter text['body'] is required.")
    if len(body) > _LONGEST_TEXT:
        return _parameter(f"Param text['body'] must be at most {_LONGEST_TEXT} characters long.")
    unknown = sorted(content.keys() - {"body", "preview_url"})
    return _parameter(f'Unexpected key "{unknown[0]}" on param "text".') if unknown else None


def _check_template(template: dict[str, object]) -> Refusal | None:
    if text(template, "name") is None:
        return _parameter("The parameter template['name'] is required.")
    if text(part(template, "language"), "code") is None:
        return _parameter("The parameter template['language']['code'] is required.")
    return None


def _parameter(details: str) -> Refusal:
    return Refusal(400, 100, "(#100) Invalid parameter", details)


def _readable(body: dict[str, object]) -> str:
    """What the customer reads; a template is shown by its name."""
    if body.get("type") == "template":
        return f"[template {text(part(body, 'template'), 'name') or '?'}]"
    return text(part(body, "text"), "body") or ""


def _message_id(address: str) -> str:
    """Opaque to everybody else: with slashes and equals signs, as real ones may have."""
    inner = _digits(address).encode() + b"\x15\x02\x00\x11\x18\x14" + secrets.token_hex(10).upper().encode() + b"\x00"
    return "wamid." + base64.b64encode(b"\x1d\x0b" + inner).decode()


def _identity(address: str) -> dict[str, str]:
    return {"wa_id": _digits(address)} if is_number(address) else {"user_id": address}


def _digits(address: str) -> str:
    return address.removeprefix("+")


def _seconds() -> str:
    return str(int(time.time()))


def _refusal(refusal: Refusal, retry_after: str | None = None) -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return web.json_response(refusal.as_json(), status=refusal.http_status, headers=headers)
