"""What every fake provider offers to the rest of the sandbox."""

from typing import Protocol

from aiohttp import web

from sandbox.behaviour import ProviderMode
from sandbox.ledger import Submission
from sandbox.receipts import Callback, Report


class Provider(Protocol):
    """One provider on one channel. Everything it needs is given to its constructor by registry.py."""

    name: str
    label: str
    channel: str
    channel_label: str
    senders: tuple[str, ...]
    receipt_statuses: frozenset[str]
    # What a person may send by hand: the provider's status, and its code for what went wrong.
    offered_receipts: tuple[Report, ...]
    # Ways of going wrong that only this provider has.
    own_modes: tuple[ProviderMode, ...]

    def routes(self) -> list[web.RouteDef]:
        """The HTTP endpoints that the business calls, all under /<name>/."""
        ...

    def sign_receipt(self, submission: Submission, status: str, error_code: int | None) -> Callback | None:
        """The request that reports a status; None when the business asked for no receipts."""
        ...

    def sign_reply(self, customer: str, business: str, text: str) -> Callback:
        """
        The request that brings a customer's reply, which is noted in the ledger.

        Raises:
            NotPossibleError: nobody said where replies go.
        """
        ...
