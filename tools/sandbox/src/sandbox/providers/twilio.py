"""
A fake Twilio: Programmable Messaging's REST API, its status callbacks and its inbound webhook.

Shapes are those of Twilio's OpenAPI description of api/v2010; error codes those of its error dictionary.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from email.utils import format_datetime
from urllib.parse import urldefrag, urlencode

from aiohttp import web

from sandbox.behaviour import ProviderBehaviour, ProviderMode
from sandbox.errors import NotPossibleError
from sandbox.intake import Intake, Order, linger
from sandbox.ledger import CLOSED_SOCKET, Submission
from sandbox.providers.shared import hang_up
from sandbox.providers.twilio_rules import (
    MODE_REFUSALS,
    RATE_LIMITED,
    SERVER_ERROR,
    UNAUTHORIZED,
    UNSUBSCRIBED,
    Refusal,
    check,
    fits,
    has_opted_out,
    segments,
)
from sandbox.receipts import Callback, ReceiptRules, Report
from sandbox.settings import Settings

_API_VERSION = "2010-04-01"
# https://www.twilio.com/docs/api/errors/30003: unreachable destination handset.
_UNREACHABLE = 30003
_LONGEST_PAGE = 1000
_PAGE = 50
# What is answered about an accepted message where that is not 201.
_ANSWERS = {"error_after_accepting": SERVER_ERROR.http_status, "close_after_accepting": CLOSED_SOCKET}


class Twilio:
    """Accepts SMS as Twilio does, and calls back as Twilio does."""

    name = "twilio"
    label = "Twilio"
    channel = "sms"
    channel_label = "SMS"
    receipt_statuses = frozenset(
        {"queued", "sending", "sent", "delivered", "partially_delivered", "undelivered", "failed", "read"}
    )
    offered_receipts: tuple[Report, ...] = (("sent", None), ("delivered", None), ("undelivered", _UNREACHABLE))
    own_modes: tuple[ProviderMode, ...] = ()

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self.senders = settings.twilio_senders
        self._account = settings.twilio_account_sid
        self._token = settings.twilio_auth_token
        self._inbound_url = settings.twilio_inbound_url
        self._intake = intake
        self._rules = ReceiptRules(self.sign_receipt, ("undelivered", _UNREACHABLE))

    def routes(self) -> list[web.RouteDef]:
        messages = f"/twilio/{_API_VERSION}/Accounts/{{account}}/Messages"
        return [
            web.post(f"{messages}.json", self._create),
            web.get(f"{messages}.json", self._list),
            web.get(f"{messages}/{{sid}}.json", self._fetch),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        order = self._order(form)
        if not self._known(request):
            self._intake.refuse(order, UNAUTHORIZED.http_status, UNAUTHORIZED.code)
            return _refusal(UNAUTHORIZED)
        behaviour = self._intake.take_behaviour(self.name)
        if behaviour.mode == "close_before_accepting":
            self._intake.refuse(order, CLOSED_SOCKET, None)
            return hang_up(request)
        refusal = MODE_REFUSALS.get(behaviour.mode) or check(form, self.senders)
        if refusal is None and has_opted_out(self._intake.replies(self.name, order.to, order.sender)):
            refusal = UNSUBSCRIBED
        if refusal is not None:
            self._intake.refuse(order, refusal.http_status, refusal.code)
            return _refusal(refusal, behaviour.retry_after if refusal is RATE_LIMITED else None)
        return await self._accept(request, order, behaviour)

    async def _accept(self, request: web.Request, order: Order, behaviour: ProviderBehaviour) -> web.StreamResponse:
        status = _ANSWERS.get(behaviour.mode, 201)
        submission = self._intake.accept(order, f"SM{secrets.token_hex(16)}", status, behaviour)
        answer = self._message(submission)
        await linger(behaviour)
        self._intake.report(submission, behaviour, self._rules)
        if status == CLOSED_SOCKET:
            return hang_up(request)
        if status == SERVER_ERROR.http_status:
            return _refusal(SERVER_ERROR)
        return web.json_response(answer, status=status)

    async def _list(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return _refusal(UNAUTHORIZED)
        query = request.query
        try:
            found = [row for row in self._intake.accepted(self.name) if fits(row, query)]
            size = min(max(int(query.get("PageSize", _PAGE)), 1), _LONGEST_PAGE)
            page = max(int(query.get("Page", 0)), 0)
        except (TypeError, ValueError) as error:
            return _refusal(Refusal(400, 20001, f"Invalid parameter: {error}"))
        rows = found[page * size : (page + 1) * size]
        uri = f"/{_API_VERSION}/Accounts/{self._account}/Messages.json"

        def page_uri(number: int) -> str:
            return f"{uri}?{urlencode({**query, 'PageSize': size, 'Page': number})}"

        return web.json_response(
            {
                "first_page_uri": page_uri(0),
                "next_page_uri": page_uri(page + 1) if len(found) > (page + 1) * size else None,
                "previous_page_uri": page_uri(page - 1) if page else None,
                "uri": page_uri(page),
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(rows) - 1, 0),
                "messages": [self._message(row) for row in rows],
            }
        )

    async def _fetch(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return _refusal(UNAUTHORIZED)
        row = self._intake.find(self.name, request.match_info["sid"])
        if row is None:
            return _refusal(Refusal(404, 20404, f"The requested resource {request.path} was not found"))
        return web.json_response(self._message(row))

    def sign_receipt(self, submission: Submission, status: str, error_code: int | None) -> Callback | None:
        if not submission.status_callback:
            return None
        form = {
            "AccountSid": self._account,
            "ApiVersion": _API_VERSION,
            "From": submission.sender,
            "MessageSid": str(submission.provider_message_id),
            "MessageStatus": status,
            "SmsSid": str(submission.provider_message_id),
            "SmsStatus": status,
            "To": submission.to,
        }
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        return self._callback(submission.status_callback, form)

    def sign_reply(self, customer: str, business: str, text: str) -> Callback:
        if self._inbound_url is None:
            raise NotPossibleError("Twilio does not know where replies go: set SANDBOX_TWILIO_INBOUND_URL and restart")
        sid = f"SM{secrets.token_hex(16)}"
        order = Order(self.name, self.channel, to=business, sender=customer, text=text, status_callback=None)
        self._intake.write_reply(order, sid)
        form = {
            "AccountSid": self._account,
            "ApiVersion": _API_VERSION,
            "Body": text,
            "From": customer,
            "MessageSid": sid,
            "NumMedia": "0",
            "NumSegments": str(segments(text)),
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": business,
        }
        return self._callback(self._inbound_url, form)

    def _callback(self, url: str, form: Mapping[str, str]) -> Callback:
        # A fragment (#rc=5) only steers Twilio's retries: it is neither sent nor signed.
        address = urldefrag(url).url
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": signature(self._token, address, form),
        }
        return Callback(address, urlencode(form).encode(), headers)

    def _known(self, request: web.Request) -> bool:
        right = base64.b64encode(f"{self._account}:{self._token}".encode())
        given = request.headers.get("Authorization", "").encode()
        same = hmac.compare_digest(given, b"Basic " + right)
        return same and request.match_info["account"] == self._account

    def _order(self, form: Mapping[str, str]) -> Order:
        return Order(
            provider=self.name,
            channel=self.channel,
            to=form.get("To", ""),
            sender=form.get("From") or form.get("MessagingServiceSid", ""),
            text=form.get("Body", ""),
            status_callback=form.get("StatusCallback") or None,
        )

    def _message(self, row: Submission) -> dict[str, object]:
        uri = f"/{_API_VERSION}/Accounts/{self._account}/Messages/{row.provider_message_id}"
        by_service = row.sender.startswith("MG")
        return {
            "account_sid": self._account,
            "api_version": _API_VERSION,
            "body": row.text,
            "date_created": format_datetime(row.at),
            "date_sent": None if row.status == "queued" else format_datetime(row.updated_at),
            "date_updated": format_datetime(row.updated_at),
            "direction": "outbound-api",
            "error_code": row.error_code,
            "error_message": "Unreachable destination handset" if row.error_code == _UNREACHABLE else None,
            "from": None if by_service else row.sender,
            "messaging_service_sid": row.sender if by_service else None,
            "num_media": "0",
            "num_segments": str(segments(row.text)),
            "price": None,
            "price_unit": "USD",
            "sid": row.provider_message_id,
            "status": row.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": row.to,
            "uri": f"{uri}.json",
        }


def signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the address, then every key and value in the order of the keys."""
    signed = url + "".join(key + form[key] for key in sorted(form))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), hashlib.sha1)).decode()


def _refusal(refusal: Refusal, retry_after: str | None = None) -> web.Response:
    body = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.http_status,
    }
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return web.json_response(body, status=refusal.http_status, headers=headers)
