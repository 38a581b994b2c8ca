"""The history over HTTP, for the panel and for other services."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, SecretStr, ValidationError

from runtime.http import errors_as_problems, measured, problem, require_bearer
from runtime.logs import get_logger
from status_tracker import export
from status_tracker.answers import Page, as_message, as_message_with_timeline
from status_tracker.domain.searches import Unclear
from status_tracker.openapi import EXPORT_PATH, MESSAGE_PATH, MESSAGES_PATH, REPEATED_PATH, description
from status_tracker.queries import MessagePath, OneMessagePath, PageQuery, RepeatQuery, Wanted
from status_tracker.storage import entries, history, replies
from status_tracker.storage.database import Pool
from status_tracker.storage.history import MAX_NUMBERS, TooManyNumbers
from status_tracker.storage.reading import Unreadable

Read = TypeVar("Read", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DESCRIPTION_PATH = "/openapi.json"

UNCLEAR = "urn:proactive:search-unclear"
TOO_MANY = "urn:proactive:search-ends-too-many-numbers"
"""The types of the problems by which a client tells what to say of a search."""

log = get_logger()


class BadParameter(Exception):
    """A parameter of a request breaks its rules; the text names it."""


def application(pool: Pool, tokens: Sequence[SecretStr]) -> web.Application:
    """The API, for callers that hold one of `tokens`; its description is for everybody."""
    app = web.Application(
        middlewares=[
            measured("history"),
            errors_as_problems,
            require_bearer(tokens, open_paths=[DESCRIPTION_PATH]),
            _refusals,
        ]
    )
    api = _Api(pool)
    app.add_routes(
        [
            web.get(MESSAGES_PATH, api.page),
            web.get(EXPORT_PATH, api.export),
            web.get(MESSAGE_PATH, api.message),
            web.get(REPEATED_PATH, api.repeated),
            web.get(DESCRIPTION_PATH, _describe),
        ]
    )
    return app


class _Api:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, request: web.Request) -> web.StreamResponse:
        workspace_id, query = _workspace(request), _read(PageQuery, _query(request))
        found = await history.page(self._pool, workspace_id, query.filters, query.after, query.limit)
        page = Page(
            messages=[as_message(remembered) for remembered in found.messages],
            next_cursor=str(found.next_position) if found.next_position else None,
        )
        return _json(page)

    async def export(self, request: web.Request) -> web.StreamResponse:
        workspace_id, wanted = _workspace(request), _read(Wanted, _query(request))
        async with aclosing(export.rows(self._pool, workspace_id, wanted.filters)) as parts:
            first = await anext(parts)  # what is wrong with the question is known before anything is sent
            answer = web.StreamResponse(headers=_export_headers(workspace_id))
            await answer.prepare(request)
            try:
                await answer.write(first)
                async for part in parts:
                    await answer.write(part)
                await answer.write_eof()
            except Exception as error:  # the database's trouble, or whoever asked has gone
                _break_off(request, error)
        return answer

    async def message(self, request: web.Request) -> web.StreamResponse:
        path = _read(OneMessagePath, dict(request.match_info))
        key = path.workspace_id, path.message_id
        try:
            remembered = await history.message(self._pool, key)
        except Unreadable:
            detail = "It was written by another release of this service. Bring all of them to one release."
            return problem(500, "Message cannot be read", detail)
        if remembered is None:
            detail = f"Workspace {path.workspace_id} has no message {path.message_id}. Check both ids."
            return problem(404, "No such message", detail)
        said = await entries.timeline_of(self._pool, key)
        answers = await replies.to_message(self._pool, remembered)
        return _json(as_message_with_timeline(remembered, said, answers))

    async def repeated(self, request: web.Request) -> web.Response:
        workspace_id = _workspace(request)
        query = _read(RepeatQuery, _query(request))
        key = workspace_id, query.message_id
        try:
            found = await history.repeated(
                self._pool, key, query.recipient, query.text_digest, query.within_seconds, query.resend_of
            )
        except Unreadable:
            found = None
        return _json(Page(messages=[] if found is None else [as_message(found)], next_cursor=None))


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What is wrong with a question, in a sentence."""
    try:
        return await handler(request)
    except BadParameter as error:
        return problem(400, "Invalid parameter", str(error))
    except Unclear as error:
        return problem(400, "Search not understood", f"`search`: {error}.", UNCLEAR)
    except TooManyNumbers:
        detail = f"`search`: more than {MAX_NUMBERS} numbers end so; give more of their digits."
        return problem(400, "Too many numbers", detail, TOO_MANY)


def _export_headers(workspace_id: str) -> dict[str, str]:
    return {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="messages-{workspace_id}.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _break_off(request: web.Request, error: Exception) -> None:
    """Drop the connection without an end, so that nobody takes a part of the export for all of it."""
    log.error("export_broken_off", error=type(error).__name__)
    if request.transport is not None:
        request.transport.abort()


def _workspace(request: web.Request) -> str:
    return _read(MessagePath, dict(request.match_info)).workspace_id


def _json(answer: BaseModel) -> web.Response:
    return web.Response(text=answer.model_dump_json(), content_type="application/json")


async def _describe(_request: web.Request) -> web.Response:
    return web.json_response(description())


def _query(request: web.Request) -> dict[str, str]:
    """The query's parameters; one that is given twice is refused rather than guessed."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=20)
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise BadParameter(f"`{name}` is given more than once.")
    return dict(pairs)


def _read(model: type[Read], given: Mapping[str, Any]) -> Read:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadParameter(_explain(model, error)) from None


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    """One sentence a problem, naming the parameter; what was given is not repeated."""
    sentences = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        said = found["msg"].removeprefix("Value error, ")
        if not found["loc"]:
            sentences.append(f"{said}.")
            continue
        name = str(found["loc"][0])[:50]
        if found["type"] == "extra_forbidden":
            known = (field.alias or name for name, field in model.model_fields.items())
            sentences.append(f"`{name}` is unknown; there are {', '.join(sorted(known))}.")
        else:
            sentences.append(f"`{name}`: {said}.")
    return " ".join(sentences)
