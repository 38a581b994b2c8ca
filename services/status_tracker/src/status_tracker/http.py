"""The history over HTTP, for the panel and for other services."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, SecretStr, ValidationError

from runtime.http import errors_as_problems, problem, require_bearer
from status_tracker.answers import (
    MessagePath,
    OneMessagePath,
    Page,
    PageQuery,
    RepeatQuery,
    as_message,
    as_message_with_timeline,
)
from status_tracker.domain.cursors import Position
from status_tracker.openapi import MESSAGE_PATH, MESSAGES_PATH, REPEATED_PATH, description
from status_tracker.storage import entries, history, replies
from status_tracker.storage.database import Pool
from status_tracker.storage.reading import Unreadable

Read = TypeVar("Read", bound=BaseModel)

DESCRIPTION_PATH = "/openapi.json"


class BadParameter(Exception):
    """A parameter of a request breaks its rules; the text names it."""


def application(pool: Pool, tokens: Sequence[SecretStr]) -> web.Application:
    """The API, for callers that hold one of `tokens`; its description is for everybody."""
    app = web.Application(middlewares=[errors_as_problems, require_bearer(tokens, open_paths=[DESCRIPTION_PATH])])
    api = _Api(pool)
    app.add_routes(
        [
            web.get(MESSAGES_PATH, api.page),
            web.get(MESSAGE_PATH, api.message),
            web.get(REPEATED_PATH, api.repeated),
            web.get(DESCRIPTION_PATH, _describe),
        ]
    )
    return app


class _Api:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, request: web.Request) -> web.Response:
        try:
            workspace_id = _read(MessagePath, dict(request.match_info)).workspace_id
            query = _read(PageQuery, _query(request))
        except BadParameter as error:
            return problem(400, "Invalid parameter", str(error))
        filters = history.Filters(query.conversation_id, query.requested_by)
        after = Position.read(query.cursor) if query.cursor is not None else None
        found = await history.page(self._pool, workspace_id, filters, after, query.limit)
        page = Page(
            messages=[as_message(remembered) for remembered in found.messages],
            next_cursor=str(found.next_position) if found.next_position else None,
        )
        return _json(page)

    async def message(self, request: web.Request) -> web.Response:
        try:
            path = _read(OneMessagePath, dict(request.match_info))
        except BadParameter as error:
            return problem(400, "Invalid parameter", str(error))
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
        try:
            workspace_id = _read(MessagePath, dict(request.match_info)).workspace_id
            query = _read(RepeatQuery, _query(request))
        except BadParameter as error:
            return problem(400, "Invalid parameter", str(error))
        key = workspace_id, query.message_id
        try:
            found = await history.repeated(self._pool, key, query.recipient, query.text_digest, query.within_seconds)
        except Unreadable:
            found = None
        return _json(Page(messages=[] if found is None else [as_message(found)], next_cursor=None))


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
        name = str(found["loc"][0])[:50]
        if found["type"] == "extra_forbidden":
            sentences.append(f"`{name}` is unknown; there are {', '.join(sorted(model.model_fields))}.")
        else:
            sentences.append(f"`{name}`: {found['msg']}.")
    return " ".join(sentences)
