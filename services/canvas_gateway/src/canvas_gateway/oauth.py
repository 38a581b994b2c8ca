"""An administrator connects a workspace in the browser: Intercom asks them, and its code becomes a sealed token."""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
from aiohttp import web
from pydantic import SecretStr, TypeAdapter, ValidationError
from yarl import URL

from canvas_gateway.metrics import INSTALLS
from canvas_gateway.pages import HEADERS, Page
from directory import DirectoryError, Installs, Taken, Workspace, Workspaces
from directory.installs import LIFETIME_SECONDS
from intercom_api import (
    REGIONS,
    Identity,
    Intercom,
    IntercomError,
    RateLimited,
    Refused,
    Unreachable,
    exchange_code,
)
from proactive_contracts.values import WorkspaceId
from runtime.logs import get_logger
from runtime.postgres import TROUBLE

COOKIE = "proactive_install"
_PATH = "/intercom"
_LONGEST = 2_000
"""Characters of a parameter or cookie that are looked at."""

_DATABASE_SECONDS = 5.0
_INTERCOM_SECONDS = 5.0

log = get_logger()


@dataclass(frozen=True)
class OAuthApp:
    """Our app as Intercom knows it; `client_id` None: it is not set up. `intercom_url` is where codes are exchanged."""

    client_id: str | None
    client_secret: SecretStr
    authorize_url: str
    intercom_url: str = REGIONS["us"]


class OAuthEndpoints:
    """`GET /intercom/install` and `GET /intercom/callback`."""

    def __init__(
        self, app: OAuthApp, session: aiohttp.ClientSession, installs: Installs, workspaces: Workspaces
    ) -> None:
        self._app = app
        self._session = session
        self._installs = installs
        self._workspaces = workspaces

    def add_to(self, application: web.Application) -> None:
        """Serve both; only GET, so that whoever previews a link begins nothing."""
        application.router.add_get(f"{_PATH}/install", self.install, allow_head=False)
        application.router.add_get(f"{_PATH}/callback", self.callback, allow_head=False)

    async def install(self, request: web.Request) -> web.Response:
        """Send the browser to Intercom with a state that only this browser can bring back."""
        if self._app.client_id is None:
            return _counted("not_set_up", _NOT_SET_UP).response()
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                begun = await self._installs.begin()
        except TROUBLE as error:
            log.warning("install_not_begun", error=type(error).__name__)
            return _counted("database_down", _DATABASE_DOWN).response()
        query = {"client_id": self._app.client_id, "state": begun.state}
        address = URL(self._app.authorize_url).update_query(query)
        answer = web.Response(status=302, headers={**HEADERS, "Location": str(address)})
        answer.set_cookie(
            COOKIE,
            begun.browser,
            path=_PATH,
            max_age=LIFETIME_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=_is_https(request),
        )
        INSTALLS.labels("begun").inc()
        return answer

    async def callback(self, request: web.Request) -> web.Response:
        """Intercom sends the browser back, with a code or with the reason why there is none."""
        if self._app.client_id is None:
            return _counted("not_set_up", _NOT_SET_UP).response()
        try:
            taken = await self._taken(request)
        except TROUBLE as error:
            log.warning("install_failed", error=type(error).__name__)
            return _counted("database_down", _DATABASE_DOWN).response()
        outcome, page = await self._end(request, taken, self._app.client_id)
        log.info("install_ended", outcome=outcome)
        answer = _counted(outcome, page).response()
        if taken is Taken.GOOD:  # a cookie that does not fit belongs to an attempt that may still be under way
            answer.del_cookie(COOKIE, path=_PATH)
        return answer

    async def _end(self, request: web.Request, taken: Taken, client_id: str) -> tuple[str, Page]:
        """What only Intercom can know, such as its reason, is shown only where the state fits."""
        refusal, code = _parameter(request, "error"), _parameter(request, "code")
        if refusal == "access_denied":
            return "declined", _DECLINED
        if taken is Taken.OTHER_BROWSER and COOKIE in request.cookies:
            return taken.value, _REPLACED
        if taken is not Taken.GOOD:
            return taken.value, _STATES[taken]
        if refusal is not None:
            return "refused", _refused(refusal)
        if code is None:
            return "no_code", _NO_CODE
        return await self._connected_by(client_id, code)

    async def _connected_by(self, client_id: str, code: str) -> tuple[str, Page]:
        """Connect, or say what went wrong; it can only be uncertain once the token is being stored."""
        try:
            return await self._connect(client_id, code)
        except TROUBLE as error:
            log.warning("install_failed", error=type(error).__name__)
            return "database_down", _NOT_CERTAIN
        except DirectoryError as error:
            log.error("install_failed", error=type(error).__name__, detail=str(error))
            return "not_stored", _NOT_STORED
        except IntercomError as error:
            log.warning("install_failed", error=type(error).__name__, detail=str(error))
            return "intercom_failed", _of_intercom(error)

    async def _taken(self, request: web.Request) -> Taken:
        state = _parameter(request, "state")
        if state is None:
            return Taken.UNKNOWN
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await self._installs.take(state, request.cookies.get(COOKIE, "")[:_LONGEST])

    async def _connect(self, client_id: str, code: str) -> tuple[str, Page]:
        """The code becomes a token, the token says which workspace it is of, and both go into the directory."""
        secret = self._app.client_secret.get_secret_value()
        try:
            token = await exchange_code(
                self._session,
                self._app.intercom_url,
                client_id=client_id,
                client_secret=secret,
                code=code,
                timeout_seconds=_INTERCOM_SECONDS,
            )
        except Refused as error:
            log.warning("install_code_refused", detail=str(error))
            return "bad_code", _BAD_CODE
        intercom = Intercom(self._session, self._app.intercom_url, token, timeout_seconds=_INTERCOM_SECONDS)
        identity = await intercom.me()
        workspace = _workspace_of(identity)
        if workspace is None:
            log.error("install_identity_unreadable")
            return "unreadable", _UNREADABLE
        async with asyncio.timeout(_DATABASE_SECONDS):
            if await self._workspaces.renew(workspace.id, token, workspace.region):
                return "renewed", _renewed(workspace)
            await self._workspaces.put(workspace, token)
        return "connected", _connected(workspace)


_WORKSPACE_ID: TypeAdapter[str] = TypeAdapter(WorkspaceId)


def _workspace_of(identity: Identity) -> Workspace | None:
    """
    What Intercom tells of the workspace; None where its id is none.

    A region that we do not know is taken for us: that address leads on to the right one. Whoever connects writes the
    notes about messages that no teammate sent, until somebody says otherwise.
    """
    try:
        workspace_id = _WORKSPACE_ID.validate_python(identity.workspace_id)
    except ValidationError:
        return None
    return Workspace(
        id=workspace_id,
        name=(identity.workspace_name or workspace_id)[:200],
        region=identity.region if identity.region in REGIONS else "us",
        time_zone=_time_zone(identity.time_zone),
        default_admin_id=identity.admin.id,
    )


def _time_zone(name: str | None) -> str:
    try:
        return ZoneInfo(name or "UTC").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _parameter(request: web.Request, name: str) -> str | None:
    """One that is there once. Codes are Base64, whose plus sign a query reads as a blank."""
    given = request.query.getall(name, [])
    if len(given) != 1 or not given[0] or len(given[0]) > _LONGEST:
        return None
    return given[0].replace(" ", "+")


def _is_https(request: web.Request) -> bool:
    """Whether the browser came by TLS, which usually ends before us."""
    nearest_to_the_browser = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    return request.secure or nearest_to_the_browser.strip().lower() == "https"


def _counted(outcome: str, page: Page) -> Page:
    INSTALLS.labels(outcome).inc()
    return page


def _connected(workspace: Workspace) -> Page:
    return Page(
        200,
        f"{workspace.name} is connected",
        "Proactive can now be used in this workspace's Inbox.",
        "Next, connect a channel: ask whoever operates Proactive for SMS, WhatsApp or Viber Business Messages. "
        "You can close this page.",
    )


def _renewed(workspace: Workspace) -> Page:
    return Page(
        200,
        f"{workspace.name} was connected already",
        "Its access to Intercom has been renewed. Channels and settings are as they were.",
        "There is nothing else to do. You can close this page.",
    )


def _refused(reason: str) -> Page:
    return Page(
        400,
        "Intercom did not allow it",
        f"Intercom's reason is: {reason[:100]}. Nothing was connected.",
        "Check that you may install apps in this workspace, then start again.",
        again=True,
    )


def _of_intercom(error: IntercomError) -> Page:
    """Whatever went wrong, the token was not stored, so that nothing was connected."""
    if isinstance(error, RateLimited):
        return _page_again(503, "Intercom is busy", "It takes no more requests from us for the moment.", "in a minute")
    if isinstance(error, Unreachable):
        return _page_again(502, "Intercom cannot be reached", "There was no connection to it.", "in a minute")
    if isinstance(error, Refused):
        return _page_again(502, "Intercom refused our question", "It gave us access and then took it back.", "once")
    if isinstance(error.__cause__, TimeoutError):
        return _page_again(502, "Intercom did not answer in time", "We waited some seconds for it.", "in a minute")
    if isinstance(error.__cause__, aiohttp.ClientError):
        return _page_again(502, "Intercom did not answer", "The connection was lost.", "in a minute")
    words = "It answered with an error of its own, or with something that we cannot read."
    return _page_again(502, "Something went wrong at Intercom", words, "in a minute")


def _page_again(status: int, title: str, words: str, when: str) -> Page:
    advice = f"Start again {when}. If that does not help, tell whoever operates Proactive."
    return Page(status, title, f"{words} Nothing was connected.", advice, again=True)


_NOT_SET_UP = Page(
    503,
    "Connecting in the browser is not set up",
    "This installation of Proactive does not know its app's client id at Intercom.",
    "Tell whoever operates Proactive: they can set it, or connect the workspace with an access token.",
)
_DECLINED = Page(
    200,
    "Nothing was changed",
    "Access was declined at Intercom. A workspace that was connected before stays connected.",
    "If that was not what you wanted, start again and choose to authorise access.",
    again=True,
)
_NO_CODE = Page(
    400,
    "Intercom sent no code",
    "This page is for Intercom to come back to, with a code that we exchange for access.",
    "Start again. If it happens twice, tell whoever operates Proactive.",
    again=True,
)
_BAD_CODE = Page(
    400,
    "Intercom did not accept its code",
    "The code was used before, is too old, or belongs to another app. Nothing was connected.",
    "Start again. If it happens twice, tell whoever operates Proactive: the app's id or secret may be wrong.",
    again=True,
)
_UNREADABLE = Page(
    502,
    "Intercom's answer was not understood",
    "It gave us access, but not the id of the workspace in a form that we know. Nothing was connected.",
    "Tell whoever operates Proactive.",
)
_DATABASE_DOWN = Page(
    503,
    "Our settings cannot be reached right now",
    "Nothing was connected.",
    "Start again in a minute.",
    again=True,
)
_NOT_CERTAIN = Page(
    503,
    "Our settings cannot be reached right now",
    "It is not certain whether the workspace was connected.",
    "Start again in a minute; to connect it twice does no harm.",
    again=True,
)
_NOT_STORED = Page(
    500,
    "The access could not be stored",
    "Our keys for sealing it do not work. Nothing was connected.",
    "Tell whoever operates Proactive to check PROACTIVE_WORKSPACE_KEYS.",
)
_STATES = {
    Taken.UNKNOWN: Page(
        400,
        "This attempt is over",
        "It was begun more than ten minutes ago, was used before, or was not begun here. It connects nothing any more.",
        "If a page said before that the workspace is connected, it still is. "
        "Otherwise start again, and come back from Intercom within ten minutes.",
        again=True,
    ),
    Taken.OTHER_BROWSER: Page(
        400,
        "This attempt was begun elsewhere",
        "It was begun in another browser, or this one refuses cookies. Nothing was connected.",
        "Start again, and stay in this browser.",
        again=True,
    ),
}
_REPLACED = Page(
    400,
    "A newer attempt took the place of this one",
    "This browser began to connect a workspace again after this attempt, in another tab perhaps. "
    "This one connects nothing any more.",
    "Go on in the newer tab, or start again here.",
    again=True,
)
