"""Installing an app by consent: the page that asks, the code that it hands out, the token that the code is worth."""

import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from sandbox import fixtures
from sandbox.intercom.answers import IntercomError
from sandbox.intercom.consent import consent_page, trouble_page
from sandbox.intercom.desk import Desk
from sandbox.settings import OAuthSettings

_CODE_SECONDS = 600


@dataclass
class Grants:
    """What was consented to: codes that wait to be exchanged, with their last second, and tokens."""

    codes: dict[str, int] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What an app asked for; `redirect_uri` is where the answer goes, whether it was given or configured."""

    client_id: str
    state: str
    redirect_uri: str


class ConsentRefused(Exception):
    """The consent page cannot be shown; the text says what is wrong with its address."""


class OAuth:
    """GET and POST /oauth for people, POST /auth/eagle/token for the app."""

    def __init__(self, desk: Desk, grants: Grants, settings: OAuthSettings, client_secret: str) -> None:
        self._desk = desk
        self._grants = grants
        self._settings = settings
        self._client_secret = client_secret

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/oauth", self._ask),
            web.post("/oauth", self._decide),
            web.post("/auth/eagle/token", self._exchange),
        ]

    def knows(self, token: str) -> bool:
        """Whether a token was handed out here."""
        return any(hmac.compare_digest(token.encode(), one.encode()) for one in self._grants.tokens)

    async def _ask(self, request: web.Request) -> web.Response:
        try:
            asked = self._asked(request)
        except ConsentRefused as refused:
            return trouble_page(str(refused))
        return consent_page(fixtures.MARIA, self._desk.workspace_id, urlsplit(asked.redirect_uri).netloc)

    async def _decide(self, request: web.Request) -> web.Response:
        try:
            asked = self._asked(request)
        except ConsentRefused as refused:
            return trouble_page(str(refused))
        if (await request.post()).get("decision") != "allow":
            self._desk.tell("Intercom: consent refused")
            return _go(asked, {"error": "access_denied"})
        # Real codes end in equals signs, which careless readers of a query lose.
        code = secrets.token_urlsafe(24) + "="
        self._grants.codes[code] = int(time.time()) + _CODE_SECONDS
        self._desk.tell(f"Intercom: {fixtures.MARIA.name} allowed the app")
        return _go(asked, {"code": code})

    async def _exchange(self, request: web.Request) -> web.Response:
        given = await _fields(request)
        until = self._grants.codes.pop(given.get("code", ""), 0)
        if not self._is_client(given.get("client_id", "")) or not hmac.compare_digest(
            given.get("client_secret", "").encode(), self._client_secret.encode()
        ):
            raise IntercomError(401, "unauthorized", "Client credentials are not those of an app")
        if until < time.time():
            raise IntercomError(401, "unauthorized", "Unauthorized Code")
        token = "dG9r" + secrets.token_urlsafe(32)
        self._grants.tokens.append(token)
        self._desk.tell("Intercom: code exchanged for a token")
        return web.json_response({"token_type": "Bearer", "token": token, "access_token": token})

    def _asked(self, request: web.Request) -> Asked:
        client_id = request.query.get("client_id", "")
        if not self._is_client(client_id):
            raise ConsentRefused(f"There is no app with the client_id {client_id!r}.")
        configured, given = self._settings.callback_url, request.query.get("redirect_uri")
        redirect_uri = given or configured
        if redirect_uri is None:
            raise ConsentRefused("Give a redirect_uri, or set SANDBOX_OAUTH_CALLBACK_URL.")
        if configured is not None and redirect_uri != configured:
            raise ConsentRefused(f"The redirect_uri {redirect_uri} is not registered for this app.")
        if urlsplit(redirect_uri).scheme not in ("http", "https"):
            raise ConsentRefused("The redirect_uri is no web address.")
        return Asked(client_id, request.query.get("state", ""), redirect_uri)

    def _is_client(self, client_id: str) -> bool:
        return bool(client_id) and self._settings.client_id in (None, client_id)


def _go(asked: Asked, answer: dict[str, str]) -> web.Response:
    joined = "&" if urlsplit(asked.redirect_uri).query else "?"
    location = f"{asked.redirect_uri}{joined}{urlencode({**answer, 'state': asked.state})}"
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


async def _fields(request: web.Request) -> dict[str, str]:
    """A form or JSON: Intercom takes both here."""
    raw = await request.text()
    try:
        body = json.loads(raw)
    except ValueError:
        return dict(parse_qsl(raw))
    return {key: value for key, value in body.items() if isinstance(value, str)} if isinstance(body, dict) else {}
