"""The dispatcher's failpoints by name, for PROACTIVE_FAILPOINTS; tests let a process die, wait or fail there."""

BEFORE_CLAIM = "dispatcher.before_claim"
AFTER_CLAIM = "dispatcher.after_claim"
AFTER_CALL = "dispatcher.after_call"
AFTER_OUTCOME = "dispatcher.after_outcome"
AFTER_ANNOUNCEMENT = "dispatcher.after_announcement"
