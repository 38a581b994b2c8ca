"""Which step belongs to which click, and who draws which screen."""

from collections.abc import Mapping

from canvas_gateway.domain.values import OUTCOMES, Screen, Wish
from canvas_gateway.handlers.deciding import Deciding
from canvas_gateway.handlers.finding import Finding
from canvas_gateway.handlers.remembering import Remembering
from canvas_gateway.handlers.sending import Sending
from canvas_gateway.handlers.turn import Show, Step


def shows(finding: Finding, sending: Sending, remembering: Remembering) -> Mapping[Screen, Show]:
    """Who draws a screen anew from its state; Trouble is drawn by the panel itself."""
    outcomes = dict.fromkeys(OUTCOMES, sending.show_outcome)
    return {
        Screen.HOME: remembering.show_home,
        Screen.RECIPIENT: finding.show_recipient,
        Screen.SEARCH: finding.show_search,
        Screen.MATCHES: finding.show_matches,
        Screen.CHANNEL: finding.show_channel,
        Screen.COMPOSE: finding.show_compose,
        Screen.AGAIN: sending.show_again,
        Screen.HISTORY: remembering.show_history,
        Screen.FILTER: remembering.show_filter,
        Screen.DETAILS: remembering.show_details,
        **outcomes,
    }


def steps(finding: Finding, sending: Sending, deciding: Deciding) -> Mapping[tuple[Screen, str], Step]:
    """What a click does, where it does more than lead to a screen (domain/flow has those)."""
    return {
        (Screen.SEARCH, "submit"): finding.search,
        (Screen.MATCHES, "pick"): finding.pick_match,
        (Screen.CHANNEL, "pick"): finding.pick_channel,
        (Screen.COMPOSE, "back"): finding.leave_compose,
        (Screen.COMPOSE, "send"): sending.send,
        (Screen.COMPOSE, "send_open"): sending.send,
        (Screen.AGAIN, "send"): sending.send_again,
        (Screen.AGAIN, "send_open"): sending.send_again,
        (Screen.AGAIN, "resend"): sending.resend,
        (Screen.AGAIN, "resend_shown"): sending.resend_shown,
        (Screen.SENT, "refresh"): sending.refresh_opening,
        (Screen.SENDING, "refresh"): sending.refresh,
        (Screen.DEFERRED, "refresh"): sending.refresh,
        (Screen.DEFERRED, Wish.STOP.value): deciding.decide,
        (Screen.DECIDING, "refresh"): deciding.refresh,
        (Screen.UNKNOWN, "refresh"): sending.refresh,
        (Screen.UNKNOWN, "resend"): sending.resend,
        **{(Screen.UNKNOWN, wish.value): deciding.decide for wish in Wish},
        (Screen.FAILED, "resend"): sending.resend,
        (Screen.CHANGED, "send_new"): sending.send_new,
        (Screen.DETAILS, "resend"): sending.resend_shown,
        (Screen.DETAILS, "refresh"): deciding.refresh_shown,
        **{(Screen.DETAILS, wish.value): deciding.decide_shown for wish in Wish},
    }
