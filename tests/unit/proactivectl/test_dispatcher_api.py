"""What operators are told when a service does not do what it was asked for."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from proactivectl.dispatcher_api import OperatorsApi
from proactivectl.failures import Failure
from runtime.http import errors_as_problems


@pytest.mark.parametrize(
    ("answer", "what", "advice"),
    [
        (RuntimeError(), "has trouble of its own (Internal error: ", "See the log of `dispatcher webhooks`"),
        (
            web.HTTPUnauthorized(),
            "refused our token",
            "Correct PROACTIVE_DISPATCHER_TOKEN, or PROACTIVE_DISPATCHER_URL",
        ),
        (web.HTTPConflict(text="It is over."), "refused it (Conflict: It is over.)", "Nothing was changed."),
        (web.HTTPNotFound(), "does not know what was asked for", "Bring it to the release"),
        (web.Response(status=502, text="no upstream"), "HTTP 502, not as our dispatcher does", "Correct PROACTIVE_"),
    ],
)
async def test_what_went_wrong_is_named_with_what_to_do(
    answer: Exception | web.Response, what: str, advice: str
) -> None:
    async def handle(_request: web.Request) -> web.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    app = web.Application(middlewares=[errors_as_problems])
    app.router.add_get("/v1/channels", handle)
    async with TestServer(app) as server, aiohttp.ClientSession(trust_env=False) as session:
        with pytest.raises(Failure) as raised:
            await OperatorsApi(session, str(server.make_url("")).rstrip("/"), "token").required("GET", "/v1/channels")
    assert what in str(raised.value)
    assert raised.value.advice.startswith(advice)
