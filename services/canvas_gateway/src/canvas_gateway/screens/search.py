"""Finding somebody else, and choosing among those who were found."""

from collections.abc import Sequence

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component, Item, ItemList
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.moments import Calendar
from canvas_gateway.domain.state import Search, State
from canvas_gateway.domain.values import Person
from canvas_gateway.screens.phrases import name_and_role, number_of, page_of, turning

FIELDS = {"id": "User/lead ID", "email": "Email", "phone": "Phone number"}
"""The fields by their names in a Search, in the order in which the first filled one is used."""

NOTHING_TYPED = "Fill in one of the fields: user/lead ID, email or phone number."


def search(state: State, remark: str | None = None) -> list[Component]:
    """Three fields; a remark stands above them when a search found nobody or could not be made."""
    typed = state.search or Search()
    return [
        draw.header("Search for another user/lead"),
        *([draw.muted(remark)] if remark else []),
        draw.line_input("search.id", FIELDS["id"], typed.id),
        draw.line_input("search.email", FIELDS["email"], typed.email),
        draw.line_input("search.phone", FIELDS["phone"], typed.phone),
        draw.primary("search.submit", "Search"),
        draw.gap(),
        draw.link("search.back", "Back"),
    ]


def nobody_found(typed: Search) -> str:
    """Whom nobody was found by, and what to do."""
    field, value = typed.used or ("id", "")
    where = f"{_in_a_sentence(field)} {one_line(value, 80)}"
    advice = "Check it, or search by another field. People who were just added may take some minutes to be found."
    return " ".join(part for part in (f"Nobody was found with the {where}.", used_alone(typed), advice) if part)


def used_alone(typed: Search | None) -> str | None:
    """Which field was used where several were filled."""
    if typed is None or typed.used is None or not typed.ignored:
        return None
    others = " and the ".join(_in_a_sentence(field) for field in typed.ignored)
    verb = "were" if len(typed.ignored) > 1 else "was"
    return f"Searched by {_in_a_sentence(typed.used[0])} only; the {others} {verb} not used."


def matches(state: State, people: Sequence[Person], calendar: Calendar) -> list[Component]:
    """Those who were found, newest first, ten a page."""
    rows, page = page_of(people, state.page)
    remark = used_alone(state.search)
    return [
        draw.header("Choose a user/lead"),
        *([draw.muted(remark)] if remark else []),
        ItemList(items=tuple(_row(person, calendar) for person in rows)),
        *turning("matches", len(people), page),
        draw.gap(),
        draw.link("matches.back", "Back"),
    ]


def _in_a_sentence(field: str) -> str:
    label = FIELDS[field]
    return label[0].lower() + label[1:]


def _row(person: Person, calendar: Calendar) -> Item:
    contact = " · ".join(part for part in (one_line(person.email or "", 80), number_of(person)) if part)
    seen = person.last_seen_at
    return draw.row(
        f"matches.pick:{person.id}",
        name_and_role(person),
        contact or "No email, no phone number",
        f"Last seen {calendar.full(seen)}" if seen else "Not seen yet",
    )
