"""The dispatcher's failpoints by name, for PROACTIVE_FAILPOINTS; tests let a process die, wait or fail there."""

BEFORE_CLAIM = "dispatcher.before_claim"
AFTER_CLAIM = "dispatcher.after_claim"
"""The claim is committed, the delivery not yet acknowledged."""
AFTER_ACK = "dispatcher.after_ack"
BEFORE_CALL = "dispatcher.before_call"
AFTER_CALL = "dispatcher.after_call"
AFTER_OUTCOME = "dispatcher.after_outcome"
AFTER_ANNOUNCEMENT = "dispatcher.after_announcement"
"""The result was confirmed by the broker, and not yet marked as told."""
IN_RESOLVING = "dispatcher.in_resolving"
"""A look-up, or another try under the same id, was handed out and has not been made."""

ALL = (
    BEFORE_CLAIM,
    AFTER_CLAIM,
    AFTER_ACK,
    BEFORE_CALL,
    AFTER_CALL,
    AFTER_OUTCOME,
    AFTER_ANNOUNCEMENT,
    IN_RESOLVING,
)
