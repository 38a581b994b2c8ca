"""
What devstack tells a person instead of a traceback.

    DevstackError          says what happened, which thing, and what to do next
    ├── BackendError       a broker or database could not be had, reached or controlled
    ├── ProcessFailed      a process ended, or did not become ready in time
    └── AlreadyRunning     another devstack holds this state folder
"""


class DevstackError(Exception):
    """Base of all; its text is shown as it is."""


class BackendError(DevstackError):
    """A broker or database could not be had, reached or controlled."""


class ProcessFailed(DevstackError):
    """A process ended, or did not become ready in time; the text holds the end of its log."""


class AlreadyRunning(DevstackError):
    """Another devstack holds this state folder."""
