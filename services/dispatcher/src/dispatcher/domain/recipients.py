"""What a customer's own messages mean for the next one to them."""

from datetime import datetime, timedelta

from proactive_contracts.values import Channel

WINDOW = timedelta(hours=24)
"""How long after a customer's message free text is let through, on the channels that ask for one."""

_WITH_WINDOW = frozenset({Channel.WHATSAPP, Channel.VIBER})

_OPT_IN = frozenset({"start", "unstop", "yes"})
"""Words that lift an opt-out (https://help.twilio.com/articles/223134027)."""


def window_open_until(channel: Channel, seen_at: datetime | None) -> datetime | None:
    """When free text stops being let through, past or future; None: no window, or no message was seen."""
    return None if seen_at is None or channel not in _WITH_WINDOW else seen_at + WINDOW


def opts_in(text: str | None) -> bool:
    """Whether a customer's message, as a whole, asks to be written to again."""
    return (text or "").strip().casefold() in _OPT_IN


def address_of(sender: str) -> str:
    """Whoever wrote, spelled as requests spell recipients: some providers leave out the plus sign."""
    return f"+{sender}" if sender.isascii() and sender.isdigit() else sender
