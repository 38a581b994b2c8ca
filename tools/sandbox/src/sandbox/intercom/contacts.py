"""Contacts: search, get, create."""

import secrets

from aiohttp import web

from sandbox.intercom import shapes
from sandbox.intercom.answers import IntercomError, invalid
from sandbox.intercom.body import read_body
from sandbox.intercom.desk import Desk, seconds
from sandbox.intercom.paging import page_of
from sandbox.intercom.search import CONTACTS, CONTACTS_PER_PAGE, sort_contacts
from sandbox.world import Contact


class Contacts:
    """The endpoints under /contacts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/contacts/search", self._search),
            web.get("/contacts/find_by_external_id/{external_id}", self._find),
            web.get("/contacts/{contact_id}", self._get),
            web.post("/contacts", self._create),
        ]

    async def _search(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        holds = CONTACTS.compile(body.get("query"))
        found = [contact for contact in self._desk.world.living() if holds(contact)]
        page = page_of(sort_contacts(found, body.get("sort")), body.get("pagination"), CONTACTS_PER_PAGE)
        data = [self._shape(contact) for contact in page.rows]
        return web.json_response({"type": "list", "data": data, "total_count": len(found), "pages": page.pages})

    async def _find(self, request: web.Request) -> web.Response:
        external_id = request.match_info["external_id"]
        # People only: leads are found by search.
        same = (c for c in self._desk.world.contacts.values() if c.external_id == external_id)
        contact = next((c for c in same if c.role == "user" or c.merged_into), None)
        return web.json_response(self._shape(self._desk.contact(contact.id if contact else "")))

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._shape(self._desk.contact(request.match_info["contact_id"])))

    async def _create(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        if not any(body.get(field) for field in ("email", "external_id", "role")):
            raise invalid("One of email, external_id and role is required")
        self._refuse_second(body)
        at = seconds()
        contact = Contact(
            id=secrets.token_hex(12),
            role=str(body.get("role") or "user"),
            external_id=_text(body, "external_id"),
            email=_text(body, "email"),
            phone=_text(body, "phone"),
            name=_text(body, "name"),
            created_at=at,
            updated_at=at,
        )
        if contact.role not in ("user", "lead"):
            raise invalid("role is user or lead", "role")
        self._desk.world.contacts[contact.id] = contact
        self._desk.tell(f"Intercom: contact {contact.id} created")
        return web.json_response(self._shape(contact))

    def _refuse_second(self, body: dict[str, object]) -> None:
        if body.get("role") == "lead":
            return
        for contact in self._desk.world.living():
            for field in ("external_id", "email"):
                same = body.get(field) and getattr(contact, field) == body[field]
                if same and contact.role == "user":
                    message = f"A contact matching those details already exists with id={contact.id}"
                    raise IntercomError(409, "conflict", message)

    def _shape(self, contact: Contact) -> dict[str, object]:
        return shapes.contact(contact, self._desk.workspace_id)


def _text(body: dict[str, object], field: str) -> str | None:
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise invalid(f"{field} is a text", field)
    return value or None
