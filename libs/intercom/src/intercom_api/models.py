"""The few fields of Intercom's objects that we read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self


@dataclass(frozen=True)
class Contact:
    """
    A person in Intercom.

    `role` is user or lead (visitor exists, too). `phone` is spelled as somebody typed it, not E.164. What
    Intercom leaves empty is None.
    """

    id: str
    external_id: str | None = None
    role: str = "user"
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    last_seen_at: datetime | None = None

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Take the fields from a contact as Intercom writes it. Raises ValueError where it has no id."""
        return cls(
            id=_required(fields, "id"),
            external_id=_text(fields, "external_id"),
            role=_text(fields, "role") or "user",
            name=_text(fields, "name"),
            email=_text(fields, "email"),
            phone=_text(fields, "phone"),
            last_seen_at=_moment(fields, "last_seen_at"),
        )


@dataclass(frozen=True)
class Admin:
    """A teammate."""

    id: str
    name: str | None = None
    email: str | None = None

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Take the fields from an admin as Intercom writes it. Raises ValueError where it has no id."""
        return cls(id=_required(fields, "id"), name=_text(fields, "name"), email=_text(fields, "email"))


@dataclass(frozen=True)
class Conversation:
    """
    How a conversation began: by whom, in which way, and with what text as HTML.

    `author_type` is admin, user, lead, team or bot; `delivered_as` admin_initiated, customer_initiated and others.
    """

    id: str
    created_at: datetime | None = None
    author_type: str | None = None
    author_id: str | None = None
    delivered_as: str | None = None
    body: str | None = None

    def was_begun_by(self, admin_id: str) -> bool:
        """Whether this teammate began it: a customer may write the very same words."""
        begun = self.author_type, self.author_id, self.delivered_as
        return begun == ("admin", admin_id, "admin_initiated")

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Take the fields from a conversation as Intercom writes it. Raises ValueError where it has no id."""
        source = fields.get("source")
        began = source if isinstance(source, Mapping) else {}
        given = began.get("author")
        author = given if isinstance(given, Mapping) else {}
        return cls(
            id=_required(fields, "id"),
            created_at=_moment(fields, "created_at"),
            author_type=_text(author, "type"),
            author_id=_text(author, "id"),
            delivered_as=_text(began, "delivered_as"),
            body=_text(began, "body"),
        )


@dataclass(frozen=True)
class Identity:
    """Whose token it is: the teammate, and the workspace with its time zone as Intercom names it."""

    admin: Admin
    workspace_id: str
    workspace_name: str | None = None
    region: str | None = None
    time_zone: str | None = None

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Take the fields from the answer of GET /me. Raises ValueError where it names no workspace."""
        app = fields.get("app")
        if not isinstance(app, Mapping):
            raise ValueError("no field `app`")
        region = _text(app, "region")
        return cls(
            admin=Admin.read(fields),
            workspace_id=_required(app, "id_code"),
            workspace_name=_text(app, "name"),
            region=region.lower() if region else None,
            time_zone=_text(app, "timezone"),
        )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text that says something. Ids came as numbers in older API versions."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _required(fields: Mapping[str, Any], name: str) -> str:
    value = _text(fields, name)
    if value is None:
        raise ValueError(f"no field `{name}`")
    return value


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    """Intercom writes moments as whole seconds since 1970."""
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
