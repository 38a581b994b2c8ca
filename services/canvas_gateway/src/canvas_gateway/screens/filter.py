"""What narrows the sent messages: channel, status, and one field for a number or a message's id."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.history import SearchTrouble, Standing
from canvas_gateway.domain.state import Filter
from proactive_contracts.values import Channel

ANY = "any"
CLEAR = "Clear filter"

_TROUBLES = {
    SearchTrouble.UNCLEAR: "This is no message ID, no number, and not the last 6 digits of one.",
    SearchTrouble.TOO_MANY: "More than 20 numbers end so. Type more of the digits.",
}


def filter_form(wanted: Filter, trouble: SearchTrouble | None = None) -> list[Component]:
    """The form with what is wanted so far; marked where what was typed cannot be looked for."""
    return [
        draw.header("Filter sent messages"),
        draw.dropdown(
            "filter.channel",
            "Channel",
            [(ANY, "Any channel"), *((channel.value, channel.label) for channel in Channel)],
            wanted.channel or ANY,
        ),
        draw.dropdown(
            "filter.status",
            "Status",
            [(ANY, "Any status"), *((standing.value, label_of(standing)) for standing in Standing)],
            wanted.standing or ANY,
        ),
        draw.line_input(
            "filter.search",
            "Number or message ID",
            wanted.search,
            refused=trouble is not None,
            example="+49 151 12345678",
        ),
        *([draw.error(_TROUBLES[trouble])] if trouble else []),
        draw.muted("The whole number, its last 6 digits or more, or a message ID."),
        draw.primary("filter.show", "Show messages"),
        *([draw.link("filter.clear", CLEAR)] if wanted != Filter() else []),
        draw.gap(),
        draw.link("filter.back", "Back"),
    ]


def in_words(wanted: Filter) -> str:
    """Such as `SMS · Failed · 0151 12345678`; "" where nothing narrows."""
    channel = wanted.channel.label if wanted.channel else ""
    standing = label_of(wanted.standing) if wanted.standing else ""
    return " · ".join(part for part in (channel, standing, one_line(wanted.search, 60)) if part)


def label_of(standing: Standing) -> str:
    """The words of its statuses."""
    return " or ".join(dict.fromkeys(status.label for status in standing.statuses))
