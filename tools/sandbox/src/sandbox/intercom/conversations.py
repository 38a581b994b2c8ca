"""Conversations: open, search, read, reply, tag, assign; and messages that a teammate begins."""

from aiohttp import web

from sandbox import fixtures
from sandbox.intercom import shapes
from sandbox.intercom.answers import IntercomError, invalid, not_found
from sandbox.intercom.body import read_body
from sandbox.intercom.desk import Desk, seconds, text_of
from sandbox.intercom.paging import page_of
from sandbox.intercom.search import CONVERSATIONS, CONVERSATIONS_PER_PAGE
from sandbox.world import Admin, Author, Contact, Conversation, PartKind, TagUse

# Also accepted: Intercom's documentation and its description disagree on the spelling.
_IN_APP = ("in_app", "inapp")
_REPLIES: dict[object, PartKind] = {"comment": "comment", "note": "note", "quick_reply": "quick_reply"}
# `type` beside message_type, where the description wants one.
_CHANGE_TYPES: dict[object, tuple[str | None, ...]] = {"close": ("admin",), "assignment": ("admin", "team")}


class Conversations:
    """The endpoints under /conversations, and POST /messages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/conversations", self._open),
            web.post("/conversations/search", self._search),
            web.get("/conversations/{conversation_id}", self._get),
            web.put("/conversations/{conversation_id}", self._update),
            web.post("/conversations/{conversation_id}/reply", self._reply),
            web.post("/conversations/{conversation_id}/tags", self._tag),
            web.post("/conversations/{conversation_id}/parts", self._change_state),
            web.post("/messages", self._message),
        ]

    async def _open(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        sender = _object(body, "from")
        if sender.get("type") not in ("lead", "user", "contact"):
            raise invalid("from is a lead, a user or a contact", "from")
        contact = self._desk.contact(str(sender.get("id")))
        text = text_of(body, "body")
        thread = self._desk.open_conversation(contact, fixtures.author_of(contact), text, "customer_initiated")
        return web.json_response(
            {
                "type": "user_message",
                "id": thread.source_id,
                "created_at": thread.created_at,
                "body": text,
                "message_type": "inapp",
                "conversation_id": thread.id,
            }
        )

    async def _search(self, request: web.Request) -> web.Response:
        """Latest first; the description names no order."""
        body = await read_body(request)
        holds = CONVERSATIONS.compile(body.get("query"))
        world = self._desk.world
        found = [conversation for conversation in world.latest_first() if holds(conversation)]
        page = page_of(found, body.get("pagination"), CONVERSATIONS_PER_PAGE)
        rows = [shapes.canvas_conversation(conversation, world) for conversation in page.rows]
        return web.json_response(
            {"type": "conversation.list", "pages": page.pages, "total_count": len(found), "conversations": rows}
        )

    async def _get(self, request: web.Request) -> web.Response:
        plain = request.query.get("display_as") == "plaintext"
        return self._answer(self._named(request), plain)

    async def _update(self, request: web.Request) -> web.Response:
        conversation = self._named(request)
        read = (await read_body(request)).get("read")
        if not isinstance(read, bool | None):
            raise invalid("read is true or false", "read")
        if read is not None:
            conversation.read = read
            self._desk.tell(f"Intercom: conversation {conversation.id} marked as {'' if read else 'not '}read")
        return self._answer(conversation)

    async def _reply(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        kind = _REPLIES.get(body.get("message_type"))
        if kind is None:
            raise invalid("message_type is comment, note or quick_reply", "message_type")
        if body.get("type") == "admin":
            conversation = self._named(request)
            author = fixtures.author_from(self._acting(body))
        else:
            author, conversation = self._contact_reply(request, body, kind)
        text = text_of(body, "body") if not body.get("attachment_urls") else str(body.get("body") or "")
        self._desk.add_part(conversation, kind, author, text)
        return self._answer(conversation)

    def _contact_reply(
        self, request: web.Request, body: dict[str, object], kind: PartKind
    ) -> tuple[Author, Conversation]:
        if kind == "note":
            raise invalid("Only a teammate writes notes", "message_type")
        wanted = {
            "id": body.get("intercom_user_id"),
            "external_id": body.get("user_id"),
            "email": body.get("email"),
        }
        for contact in self._desk.world.living():
            if any(value and getattr(contact, field) == value for field, value in wanted.items()):
                threads = self._desk.world.conversations_of(contact.id)
                last = request.match_info["conversation_id"] == "last"
                if last and not threads:
                    raise not_found()
                return fixtures.author_of(contact), threads[-1] if last else self._named(request)
        raise not_found("User Not Found")

    async def _tag(self, request: web.Request) -> web.Response:
        conversation = self._named(request, "Conversation not found")
        body = await read_body(request)
        tag_id, admin = str(body.get("id")), self._acting(body)
        if tag_id not in self._desk.world.tags:
            raise not_found("Tag not found")
        use = TagUse(tag_id, self._desk.world.tags[tag_id], seconds(), admin.id)
        conversation.tags = [one for one in conversation.tags if one.id != tag_id] + [use]
        self._desk.tell(f"Intercom: conversation {conversation.id} tagged {use.name}")
        return web.json_response(shapes.tag_use(use.id, use.name, use.applied_at, use.admin_id))

    async def _change_state(self, request: web.Request) -> web.Response:
        conversation = self._named(request)
        body = await read_body(request)
        author = fixtures.author_from(self._acting(body))
        if body.get("type") not in _CHANGE_TYPES.get(body.get("message_type"), (None, "admin")):
            raise invalid("type does not fit the message_type", "type")
        text = str(body["body"]) if body.get("body") else None
        match body.get("message_type"):
            case "assignment":
                assignee = self._assignee(body.get("assignee_id"))
                conversation.admin_assignee_id = assignee
                self._desk.add_part(conversation, "assignment", author, text, assigned_to=assignee)
            case "close":
                conversation.open, conversation.state = False, "closed"
                self._desk.add_part(conversation, "close", author, text)
            case "open":
                conversation.open, conversation.state, conversation.snoozed_until = True, "open", None
                self._desk.add_part(conversation, "open", author, text)
            case "snoozed":
                conversation.state, conversation.snoozed_until = "snoozed", _unix(body.get("snoozed_until"))
                self._desk.add_part(conversation, "snoozed", author, text)
            case _:
                raise invalid("message_type is assignment, close, open or snoozed", "message_type")
        return self._answer(conversation)

    def _acting(self, body: dict[str, object]) -> Admin:
        """The teammate in whose name it is done, by an id in text: only POST /messages has numbers."""
        admin_id = body.get("admin_id")
        if not isinstance(admin_id, str):
            raise invalid("admin_id is required, as a text", "admin_id")
        return self._desk.admin(admin_id)

    def _assignee(self, assignee_id: object) -> str | None:
        # Intercom writes "nobody" as 0.
        return None if str(assignee_id) == "0" else self._desk.admin(assignee_id).id

    async def _message(self, request: web.Request) -> web.Response:
        """An admin's in-app message; a conversation only where the flag asks for it, as in the real thing."""
        body = await read_body(request)
        if body.get("message_type") not in _IN_APP:
            raise invalid("The sandbox plays in_app messages only", "message_type")
        admin, contact = self._sender(_object(body, "from")), self._recipient(_object(body, "to"))
        text = text_of(body, "body")
        answer: dict[str, object] = {
            "type": "admin_message",
            "id": str(self._desk.world.number()),
            "created_at": seconds(),
            "subject": str(body.get("subject") or ""),
            "body": text,
            "message_type": "inapp",
            "owner": shapes.admin(admin),
        }
        if body.get("create_conversation_without_contact_reply") is True:
            author = fixtures.author_from(admin)
            # Whoever is not told the conversation "will have to search … with the id of the message".
            thread = self._desk.open_conversation(contact, author, text, "admin_initiated", str(answer["id"]))
            answer["conversation_id"] = thread.id
        else:
            self._desk.tell(f"Intercom: in-app message by {admin.name}, no conversation until it is answered")
        return web.json_response(answer)

    def _sender(self, given: dict[str, object]) -> Admin:
        if given.get("type") != "admin" or not isinstance(given.get("id"), int):
            raise invalid("from is an admin with an integer id", "from", status=422)
        return self._desk.admin(given["id"])

    def _recipient(self, given: dict[str, object]) -> Contact:
        if given.get("type") not in ("user", "lead"):
            raise invalid("to is a user or a lead", "to")
        contact = self._desk.contact(str(given.get("id")))
        if contact.role != given["type"]:
            raise not_found("User Not Found")
        return contact

    def _named(self, request: web.Request, otherwise: str | None = None) -> Conversation:
        try:
            return self._desk.conversation(request.match_info["conversation_id"])
        except IntercomError as error:
            raise (not_found(otherwise) if otherwise else error) from None

    def _answer(self, conversation: Conversation, plain: bool = False) -> web.Response:
        return web.json_response(shapes.conversation(conversation, self._desk.world, plain))


def _object(body: dict[str, object], field: str) -> dict[str, object]:
    value = body.get(field)
    if not isinstance(value, dict):
        raise invalid(f"{field} is required", field)
    return value


def _unix(value: object) -> int:
    if not isinstance(value, int):
        raise invalid("snoozed_until is a unix time in seconds", "snoozed_until")
    return value
