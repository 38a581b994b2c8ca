"""Whom to send to: the person of this conversation, or somebody else."""

from canvas_gateway.canvas_kit import draw
from canvas_gateway.canvas_kit.components import Component
from canvas_gateway.canvas_kit.plain import one_line
from canvas_gateway.domain.state import State
from canvas_gateway.screens.phrases import name_and_role, number_or_none


def recipient(state: State) -> list[Component]:
    """The person of this conversation with what is known of them, and a way to search."""
    email = one_line(state.contact.email or "", 80)
    return [
        draw.header("Send a proactive message"),
        *draw.together(
            draw.paragraph(name_and_role(state.contact)),
            *([draw.muted(email)] if email else []),
            draw.muted(number_or_none(state.contact)),
        ),
        draw.primary("recipient.this", "Send to this user/lead"),
        draw.secondary("recipient.search", "Search for another user/lead"),
        draw.gap(),
        draw.link("recipient.back", "Back"),
    ]
