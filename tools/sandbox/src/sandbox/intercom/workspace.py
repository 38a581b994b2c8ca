"""The workspace itself: who owns the token, the teammates, the tags."""

from aiohttp import web

from sandbox import fixtures
from sandbox.intercom import shapes
from sandbox.intercom.answers import invalid
from sandbox.intercom.body import read_body
from sandbox.intercom.desk import Desk

# A constant: the age of the workspace means nothing to anybody.
_CREATED_AT = 1_734_537_243


class Workspace:
    """GET /me, /admins and /tags, POST /tags."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/me", self._me),
            web.get("/admins", self._admins),
            web.get("/tags", self._tags),
            web.post("/tags", self._create_tag),
        ]

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response(shapes.me(fixtures.MARIA, self._desk.workspace_id, _CREATED_AT))

    async def _admins(self, request: web.Request) -> web.Response:
        admins = [shapes.admin(person) for person in self._desk.world.admins.values()]
        return web.json_response({"type": "admin.list", "admins": admins})

    async def _tags(self, request: web.Request) -> web.Response:
        tags = [{"type": "tag", "id": tag_id, "name": name} for tag_id, name in self._desk.world.tags.items()]
        return web.json_response({"type": "list", "data": tags})

    async def _create_tag(self, request: web.Request) -> web.Response:
        name = (await read_body(request)).get("name")
        if not isinstance(name, str) or not name:
            raise invalid("invalid tag parameters")
        known = {one: tag_id for tag_id, one in self._desk.world.tags.items()}
        tag_id = known.get(name) or str(self._desk.world.number())
        self._desk.world.tags[tag_id] = name
        self._desk.changed()
        return web.json_response({"type": "tag", "id": tag_id, "name": name})
