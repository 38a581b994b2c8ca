"""What can go wrong between agent and panel."""

from enum import StrEnum


class Kind(StrEnum):
    """One of a closed set; screens/trouble.py has the words, metrics use the value."""

    WORKSPACE_UNKNOWN = "workspace_unknown"
    STATE_REFUSED = "state_refused"
    STATE_TOO_OLD = "state_too_old"
    OTHER_SCREEN = "other_screen"
    INTERCOM_SLOW = "intercom_slow"
    INTERCOM_BUSY = "intercom_busy"
    INTERCOM_DOWN = "intercom_down"
    INTERCOM_FAILED = "intercom_failed"
    INTERCOM_REFUSED = "intercom_refused"
    CONTACT_GONE = "contact_gone"
    CHANNEL_GONE = "channel_gone"
    HISTORY_DOWN = "history_down"
    MESSAGE_GONE = "message_gone"
    NOT_RESENDABLE = "not_resendable"
    DIRECTORY_DOWN = "directory_down"
    UNEXPECTED = "unexpected"


class Interruption(Exception):
    """A step could not be done; the panel shows why and lets the agent try again."""

    def __init__(self, kind: Kind, retry_after_seconds: float | None = None) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
