"""The query language of Intercom's searches: filters on fields, joined by AND and OR."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from sandbox.intercom.answers import IntercomError, invalid

# The description of 2.16, "Nesting & Limitations" of both searches.
_MOST_LEVELS = 2
_MOST_FILTERS = 15

Row = TypeVar("Row")
Kind = Literal["text", "number", "truth", "date", "day"]
Compare = Callable[[object], bool]
Holds = Callable[[Row], bool]

_OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "text": ("=", "!=", "IN", "NIN", "~", "!~", "^", "$"),
    "number": ("=", "!=", "IN", "NIN", ">", "<"),
    "truth": ("=", "!=", "IN", "NIN"),
    "date": ("=", "!=", "IN", "NIN", ">", "<"),
    "day": ("=", ">", "<"),
}
_TYPES: Mapping[Kind, str] = {
    "text": "a text",
    "number": "an integer",
    "truth": "true or false",
    "date": "unix seconds",
    "day": "unix seconds",
}


@dataclass(frozen=True)
class Field(Generic[Row]):
    """
    One that can be searched: what type it has, and where it is read.

    `read` gives one value, None where there is none, or a list of which any may fit. `day` compares whole days of
    the workspace, which is how contacts are searched by time; `date` compares seconds, as conversations are.
    `folds`: capitals do not count.
    """

    kind: Kind
    read: Callable[[Row], object]
    folds: bool = False


@dataclass(frozen=True)
class Language(Generic[Row]):
    """What one search understands; days begin at midnight in `time_zone`."""

    fields: Mapping[str, Field[Row]]
    time_zone: ZoneInfo

    def compile(self, query: object, level: int = 1) -> Holds[Row]:
        """
        A query as a test of one row.

        Text is compared as it is stored, so that another spelling of a phone number is not found.

        Raises:
            IntercomError: Intercom would not take the query.
        """
        if not isinstance(query, dict) or not query:
            raise IntercomError(400, "parameter_missing", "query is required", "query")
        operator, value = query.get("operator"), query.get("value")
        if operator in ("AND", "OR"):
            return self._group(str(operator), value, level)
        return self._filter(query.get("field"), operator, value)

    def _group(self, operator: str, parts: object, level: int) -> Holds[Row]:
        if level > _MOST_LEVELS:
            raise invalid(f"Queries are nested {_MOST_LEVELS} levels deep at most", "query")
        if not isinstance(parts, list) or not 1 <= len(parts) <= _MOST_FILTERS:
            raise invalid(f"{operator} needs a list of 1 to {_MOST_FILTERS} filters", "value")
        if len({_is_group(part) for part in parts}) > 1:
            raise invalid(f"{operator} joins either filters or groups of them", "value")
        holds = [self.compile(part, level + 1) for part in parts]
        join = all if operator == "AND" else any
        return lambda row: join(each(row) for each in holds)

    def _filter(self, name: object, operator: object, value: object) -> Holds[Row]:
        field = self.fields.get(str(name))
        if field is None:
            raise invalid(f"{name!r} cannot be searched: use one of {', '.join(self.fields)}", "field")
        if operator not in _OPERATORS[field.kind]:
            raise invalid(f"{operator!r} is no operator of {name}", "operator")
        compare = self._comparison(field, str(name), str(operator), value)
        # "Is not" is true of a row where no value fits, "is" of one where any does.
        join = all if operator in ("!=", "NIN", "!~") else any
        return lambda row: join(compare(one) for one in _values(field.read(row)))

    def _comparison(self, field: Field[Row], name: str, operator: str, value: object) -> Compare:
        def comparable(one: object) -> object:
            return self._comparable(field, one)

        if operator in ("IN", "NIN"):
            if not isinstance(value, list):
                raise invalid(f"{operator} needs a list", "value")
            among = [comparable(_typed(field.kind, name, one)) for one in value]
            return lambda stored: (comparable(stored) in among) == (operator == "IN")
        wanted = comparable(_typed(field.kind, name, value))
        if operator in ("=", "!="):
            return lambda stored: (comparable(stored) == wanted) == (operator == "=")
        if operator in (">", "<"):
            return _order(operator, wanted, comparable, inclusive=field.kind != "day")
        return _part_of_text(operator, str(wanted or "").casefold())

    def _comparable(self, field: Field[Row], value: object) -> object:
        if field.kind == "day" and isinstance(value, int):
            return datetime.fromtimestamp(value, self.time_zone).date().toordinal()
        return value.casefold() if field.folds and isinstance(value, str) else value


def _is_group(part: object) -> bool:
    return isinstance(part, dict) and part.get("operator") in ("AND", "OR")


def _values(read: object) -> list[object]:
    """Every value of a field; a list without any is like a field without a value."""
    return (list(read) or [None]) if isinstance(read, (list, tuple)) else [read]


def _typed(kind: Kind, name: str, value: object) -> object:
    """
    The value to compare with; numbers and times may come as texts, as in the description's own examples.

    Raises:
        IntercomError: it is of another type.
    """
    if value is None and kind not in ("date", "day"):
        return None
    fits: type = {"text": str, "truth": bool}.get(kind, int)
    if fits is int and isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    if not isinstance(value, fits) or (fits is int and isinstance(value, bool)):
        raise invalid(f"{name} is compared with {_TYPES[kind]}", "value")
    return value


def _order(operator: str, wanted: object, comparable: Callable[[object], object], inclusive: bool) -> Compare:
    """Greater or lower; on seconds and numbers equality counts ("Greater (or equal) than"), on days it does not."""

    def holds(stored: object) -> bool:
        one = comparable(stored)
        if not isinstance(one, int) or not isinstance(wanted, int):
            return False
        return (inclusive and one == wanted) or (one > wanted if operator == ">" else one < wanted)

    return holds


def _part_of_text(operator: str, part: str) -> Compare:
    tests: Mapping[str, Callable[[str], bool]] = {
        "~": lambda text: part in text,
        "!~": lambda text: part not in text,
        "^": lambda text: text.startswith(part),
        "$": lambda text: text.endswith(part),
    }
    test = tests[operator]

    def holds(stored: object) -> bool:
        return test(stored.casefold()) if isinstance(stored, str) else operator == "!~"

    return holds
