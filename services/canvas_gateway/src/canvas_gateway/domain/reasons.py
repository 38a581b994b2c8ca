"""Why a message was not sent, and what to do, in the words that agents read."""

from typing import NamedTuple

from proactive_contracts.values import FailureReason


class Words(NamedTuple):
    """What happened, and what to do about it."""

    reason: str
    advice: str


def words_for(reason: FailureReason | None) -> Words:
    """The words for a reason; one that has none of its own, or none at all, is told as such."""
    return _WORDS[reason or FailureReason.OTHER]


_WORDS = {
    FailureReason.INVALID_NUMBER: Words(
        "The provider refused the number: it does not exist, or it cannot get such messages.",
        "Check the number with the customer, then write a new message.",
    ),
    FailureReason.UNREACHABLE: Words(
        "The phone could not be reached.",
        "Re-send it later, or use another channel.",
    ),
    FailureReason.OPTED_OUT: Words(
        "The customer asked not to get messages from this sender.",
        "Do not re-send it; reach them another way.",
    ),
    FailureReason.WINDOW_CLOSED: Words(
        "The channel takes free text only for 24 hours after the customer's last message.",
        "Use another channel, or wait until they write.",
    ),
    FailureReason.TEMPLATE: Words(
        "The provider refused the template.",
        "Ask your administrator to check it.",
    ),
    FailureReason.CONTENT: Words(
        "The provider refused the text.",
        "Change the text and write a new message.",
    ),
    FailureReason.CHANNEL_BLOCKED: Words(
        "The provider refuses this channel: its access, its balance or its sender.",
        "Ask your administrator to check the channel, then re-send it.",
    ),
    FailureReason.CHANNEL_UNKNOWN: Words(
        "This channel is not connected any more.",
        "Write a new message through another channel, or ask your administrator to connect it.",
    ),
    FailureReason.PROVIDER_BUSY: Words(
        "The provider had too much to do and did not take it.",
        "Wait a minute, then re-send it.",
    ),
    FailureReason.PROVIDER_UNREACHABLE: Words(
        "The provider could not be reached.",
        "Wait a minute, then re-send it.",
    ),
    FailureReason.CHANGED: Words(
        "Another version of this message had been taken before.",
        'Look under "View sent messages" before you write a new one.',
    ),
    FailureReason.ALREADY_SENT: Words(
        "The message that it repeats was sent after all.",
        "Nothing to do.",
    ),
    FailureReason.OTHER: Words(
        "The provider refused it.",
        "Re-send it, or ask your administrator if that fails again.",
    ),
}
