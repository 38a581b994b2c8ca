"""Why the sandbox refuses what it was asked for on its own control endpoints.

ControlError            400: the request names something wrong; the text says which field
├── NotThereError       404: no such conversation, message, provider …
└── NotPossibleError     409: a setting is missing, or the state does not allow it
"""


class ControlError(Exception):
    """A control request that cannot be done; `field` is what the caller has to change."""

    status = 400

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotThereError(ControlError):
    """What the request names does not exist."""

    status = 404


class NotPossibleError(ControlError):
    """The request is fine, the sandbox's settings or state do not allow it."""

    status = 409
