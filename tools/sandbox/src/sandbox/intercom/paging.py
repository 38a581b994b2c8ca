"""Pages of what a search found, led through by a cursor."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.intercom.answers import invalid

# The description names it for conversations; contacts are taken to have the same limit.
_LONGEST_PAGE = 150

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows of one page, and the `pages` object that leads to the next."""

    rows: Sequence[Row]
    pages: dict[str, object]


def page_of(found: Sequence[Row], pagination: object, usual_size: int) -> Page[Row]:
    """
    The page that a request asks for; `usual_size` is how long one is where nothing is said.

    Raises:
        IntercomError: the cursor or the page size is none.
    """
    if pagination is not None and not isinstance(pagination, dict):
        raise invalid("pagination is an object", "pagination")
    asked = pagination or {}
    size = asked.get("per_page", usual_size)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _LONGEST_PAGE:
        raise invalid(f"per_page is 1 to {_LONGEST_PAGE}", "pagination.per_page")
    start = _position(asked.get("starting_after"))
    end = start + size
    pages: dict[str, object] = {
        "type": "pages",
        "page": start // size + 1,
        "per_page": size,
        "total_pages": -(-len(found) // size),
    }
    if end < len(found):
        pages["next"] = {"per_page": size, "starting_after": _cursor(end)}
    return Page(found[start:end], pages)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def _position(cursor: object) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(str(cursor)).decode().partition(":")
        if word == "after" and number.isdecimal():
            return int(number)
    except (binascii.Error, UnicodeError):
        pass
    raise invalid("starting_after is no cursor of a previous page", "pagination.starting_after")
