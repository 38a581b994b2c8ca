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
    """How a conversation began: by whom (an admin's id), and with what text as HTML."""

    id: str
    created_at: datetime | None = None
    author_id: str | None = None
    body: str | None = None

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Take the fields from a conversation as Intercom writes it. Raises ValueError where it has no id."""
        source = fields.get("source")
        began = source if isinstance(source, Mapping) else {}
        author = began.get("author")
        return cls(
            id=_required(fields, "id"),
            created_at=_moment(fields, "created_at"),
            author_id=_text(author, "id") if isinstance(author, Mapping) else None,
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
