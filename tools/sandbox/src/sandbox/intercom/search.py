"""POST /contacts/search: the query language, on the fields that an app looks people up by."""

import base64
from collections.abc import Callable
from typing import cast

from sandbox.intercom.answers import IntercomError, invalid
from sandbox.world import Contact

# https://developers.intercom.com: "Search contacts", nesting and filtering limits.
_MOST_LEVELS = 2
_MOST_FILTERS = 15
_PAGE, _LONGEST_PAGE = 50, 150

_TEXTS = ("id", "role", "name", "email", "phone", "external_id")
_TIMES = ("created_at", "updated_at", "last_seen_at")

Holds = Callable[[Contact], bool]


def compile_query(query: object, level: int = 1) -> Holds:
    """
    A query as a test of one contact.

    Text is compared as it is stored, so that another spelling of a phone number is not found;
    only email ignores case.

    Raises:
        IntercomError: Intercom would not take the query.
    """
    if not isinstance(query, dict) or not query:
        raise IntercomError(400, "parameter_missing", "query is required", "query")
    operator, value = query.get("operator"), query.get("value")
    if operator in ("AND", "OR"):
        return _group(operator, value, level)
    return _filter(query.get("field"), operator, value)


def _group(operator: object, value: object, level: int) -> Holds:
    if level > _MOST_LEVELS:
        raise invalid(f"Queries are nested {_MOST_LEVELS} levels deep at most", "query")
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_FILTERS:
        raise invalid(f"{operator} needs a list of 1 to {_MOST_FILTERS} filters", "value")
    holds = [compile_query(part, level + 1) for part in value]
    join = all if operator == "AND" else any
    return lambda contact: join(each(contact) for each in holds)


def _filter(field: object, operator: object, value: object) -> Holds:
    if field in _TEXTS:
        return _text_filter(str(field), operator, value)
    if field in _TIMES:
        return _time_filter(str(field), operator, value)
    raise invalid(f"{field!r} cannot be searched: use one of {', '.join(_TEXTS + _TIMES)}", "field")


def _text_filter(field: str, operator: object, value: object) -> Holds:
    def stored(contact: Contact) -> str | None:
        return _fold(field, cast("str | None", getattr(contact, field)))

    if operator in ("IN", "NIN"):
        if not isinstance(value, list):
            raise invalid(f"{operator} needs a list", "value")
        wanted = {_fold(field, str(one)) for one in value}
        return lambda contact: (stored(contact) in wanted) == (operator == "IN")
    if isinstance(value, (list, dict)):
        raise invalid(f"{operator} needs one value", "value")
    one = _fold(field, None if value is None else str(value))
    comparisons: dict[object, Callable[[str | None], bool]] = {
        "=": lambda text: text == one,
        "!=": lambda text: text != one,
        "~": lambda text: (one or "").casefold() in (text or "").casefold(),
        "!~": lambda text: (one or "").casefold() not in (text or "").casefold(),
        "^": lambda text: text is not None and text.casefold().startswith((one or "").casefold()),
        "$": lambda text: text is not None and text.casefold().endswith((one or "").casefold()),
    }
    if operator not in comparisons:
        raise invalid(f"{operator!r} is no operator of {field}", "operator")
    compare = comparisons[operator]
    return lambda contact: compare(stored(contact))


def _time_filter(field: str, operator: object, value: object) -> Holds:
    try:
        wanted = int(str(value))
    except ValueError:
        raise invalid(f"{field} is compared with unix seconds", "value") from None
    comparisons: dict[object, Callable[[int], bool]] = {
        "=": lambda at: at == wanted,
        "!=": lambda at: at != wanted,
        ">": lambda at: at > wanted,
        "<": lambda at: at < wanted,
        ">=": lambda at: at >= wanted,
        "<=": lambda at: at <= wanted,
    }
    if operator not in comparisons:
        raise invalid(f"{operator!r} is no operator of {field}", "operator")
    compare = comparisons[operator]

    def holds(contact: Contact) -> bool:
        at = cast("int | None", getattr(contact, field))
        return at is not None and compare(at)

    return holds


def sort_contacts(contacts: list[Contact], sort: object) -> list[Contact]:
    """
    Contacts in the order asked for; newest first where nothing is said.

    Raises:
        IntercomError: no such field or order.
    """
    asked = sort if isinstance(sort, dict) else {}
    field, order = asked.get("field", "created_at"), asked.get("order", "descending")
    if order not in ("ascending", "descending"):
        message = f"Invalid sort order '{order}'. Must be one of: ascending, descending"
        raise IntercomError(400, "invalid_sort_order", message)
    if field not in _TEXTS + _TIMES:
        raise invalid(f"{field!r} cannot be sorted by", "sort.field")

    def key(contact: Contact) -> tuple[bool, object]:
        value = getattr(contact, str(field))
        return value is not None, value if value is not None else 0

    return sorted(contacts, key=key, reverse=order == "descending")


def page_of(found: list[Contact], pagination: object) -> tuple[list[Contact], dict[str, object]]:
    """
    The contacts of one page, and the `pages` object that leads to the next.

    Raises:
        IntercomError: the cursor or the page size is none.
    """
    asked = pagination if isinstance(pagination, dict) else {}
    size = asked.get("per_page", _PAGE)
    if not isinstance(size, int) or not 1 <= size <= _LONGEST_PAGE:
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
    return found[start:end], pages


def _fold(field: str, text: str | None) -> str | None:
    return text.casefold() if field == "email" and text is not None else text


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def _position(cursor: object) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(str(cursor)).decode().partition(":")
        if word == "after":
            return int(number)
    except ValueError:
        pass
    raise invalid("starting_after is no cursor of a previous page", "pagination.starting_after")
