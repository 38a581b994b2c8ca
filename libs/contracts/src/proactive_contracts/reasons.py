"""The one vocabulary for why a message was not sent or not delivered: values for machines, words for people."""

from enum import StrEnum
from typing import Self


class FailureReason(StrEnum):
    """Why a message was not sent or not delivered. Readers meet reasons of later releases as `other`."""

    INVALID_NUMBER = "invalid_number"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"
    WINDOW_CLOSED = "window_closed"
    TEMPLATE = "template"
    CONTENT = "content"
    PARTIAL = "partial"
    CHANNEL_BLOCKED = "channel_blocked"
    CHANNEL_UNKNOWN = "channel_unknown"
    CHANNEL_PAUSED = "channel_paused"
    CHANNEL_SETUP = "channel_setup"
    CHANNEL_BUSY = "channel_busy"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    CHANGED = "changed"
    ALREADY_SENT = "already_sent"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("other") if isinstance(value, str) else None

    @property
    def why(self) -> str:
        """What happened, in one sentence that agents read."""
        return _WORDS[self][0]

    @property
    def advice(self) -> str:
        """What to do about it, in one sentence."""
        return _WORDS[self][1]


_WORDS: dict[FailureReason, tuple[str, str]] = {
    FailureReason.INVALID_NUMBER: (
        "The number was refused: it does not exist, or it cannot get such messages.",
        "Check the number with the customer, then write a new message.",
    ),
    FailureReason.UNREACHABLE: (
        "The phone could not be reached.",
        "Re-send it later, or use another channel.",
    ),
    FailureReason.OPTED_OUT: (
        "The customer asked not to get messages from this sender.",
        "Do not re-send it; reach them another way.",
    ),
    FailureReason.WINDOW_CLOSED: (
        "The channel takes free text only for 24 hours after the customer's last message.",
        "Use another channel, or wait until they write.",
    ),
    FailureReason.TEMPLATE: (
        "The template was refused.",
        "Ask your administrator to check it.",
    ),
    FailureReason.CONTENT: (
        "The text was refused.",
        "Change the text and write a new message.",
    ),
    FailureReason.PARTIAL: (
        "A part of the text did not reach the phone.",
        "Ask the customer what they got before you re-send it.",
    ),
    FailureReason.CHANNEL_BLOCKED: (
        "The provider refuses this channel: its access, its balance or its sender.",
        "Ask your administrator to check the channel, then re-send it.",
    ),
    FailureReason.CHANNEL_PAUSED: (
        "Your administrators have paused this channel.",
        "Wait until they resume it, or use another channel.",
    ),
    FailureReason.CHANNEL_UNKNOWN: (
        "This channel is not connected any more.",
        "Write a new message through another channel, or ask your administrator to connect it.",
    ),
    FailureReason.CHANNEL_SETUP: (
        "This channel is not set up properly on our side; the provider was not asked.",
        "Ask your administrator to correct the channel, then re-send it.",
    ),
    FailureReason.CHANNEL_BUSY: (
        "This channel sends only so many messages at a time, and others go first.",
        "Wait for its turn, or use another channel.",
    ),
    FailureReason.PROVIDER_BUSY: (
        "The provider had too much to do and did not take it.",
        "Wait a minute, then re-send it.",
    ),
    FailureReason.PROVIDER_UNREACHABLE: (
        "The provider could not be reached.",
        "Wait a minute, then re-send it.",
    ),
    FailureReason.CHANGED: (
        "Another version of this message had been taken before.",
        'Look under "View sent messages" before you write a new one.',
    ),
    FailureReason.ALREADY_SENT: (
        "The message that it repeats was sent after all.",
        "Nothing to do.",
    ),
    FailureReason.OTHER: (
        "The provider refused it.",
        "Re-send it, or ask your administrator if that fails again.",
    ),
}
