"""Where every provider hands in what it was asked to send: ledger, behaviour and receipts in one order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.behaviour import Behaviours, ProviderBehaviour
from sandbox.ledger import CLOSED_SOCKET, Ledger, Reply, Submission, now
from sandbox.receipts import ReceiptRules, Receipts
from sandbox.stream import Stream, masked


@dataclass(frozen=True)
class Order:
    """What a provider read out of a request to send, in words that are the same for all of them."""

    provider: str
    channel: str
    to: str
    sender: str
    text: str
    status_callback: str | None
    reference: str | None = None
    seen_callback: str | None = None
    intermediate: bool = False


class Intake:
    """Records submissions by the behaviour of the moment and sets their receipts going."""

    def __init__(
        self,
        ledger: Ledger,
        behaviours: Behaviours,
        receipts: Receipts,
        stream: Stream,
        changed: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._behaviours = behaviours
        self._receipts = receipts
        self._stream = stream
        self._changed = changed

    def accepted(self, provider: str) -> list[Submission]:
        """Messages that the provider would find in a look-up, newest first."""
        return list(self._ledger.accepted(provider))

    def find(self, provider: str, provider_message_id: str) -> Submission | None:
        """One of them by its id."""
        return self._ledger.find(provider, provider_message_id)

    def replies(self, provider: str, customer: str, business: str) -> list[str]:
        """What a customer wrote to one of the business's addresses, oldest first."""
        place = provider, customer, business
        return [one.text for one in self._ledger.replies if (one.provider, one.sender, one.to) == place]

    def take_behaviour(self, provider: str) -> ProviderBehaviour:
        """How this submission is treated; counts it."""
        behaviour = self._behaviours.take_provider(provider)
        if behaviour.remaining is not None:
            self._stream.tell("behaviour", f"{provider}: {behaviour.mode} used once")
            self._changed()
        return behaviour

    def refuse(self, order: Order, answer_status: int, error_code: int | None) -> None:
        """Note a submission that the customer does not get; 0 stands for a closed socket."""
        self._record(order, None, False, answer_status, error_code)

    def accept(
        self, order: Order, provider_message_id: str, answer_status: int, behaviour: ProviderBehaviour
    ) -> Submission:
        """Note a submission that the customer gets."""
        row = self._record(order, provider_message_id, True, answer_status, None)
        row.reaches_phone = behaviour.receipts != "failed" and behaviour.mode != "window_closed"
        return row

    def report(self, submission: Submission, behaviour: ProviderBehaviour, rules: ReceiptRules) -> None:
        """Set the receipts of an accepted message going."""
        self._receipts.plan(submission, behaviour.receipts, rules)

    def write_reply(self, order: Order, provider_message_id: str) -> Reply:
        """Note what a customer wrote; `order.sender` is the customer."""
        reply = Reply(
            number=self._ledger.next_number(),
            provider=order.provider,
            channel=order.channel,
            provider_message_id=provider_message_id,
            to=order.to,
            sender=order.sender,
            text=order.text,
            at=now(),
        )
        self._ledger.replies.append(reply)
        self._stream.tell("phone", f"{order.provider}: reply from {masked(order.sender)}")
        self._changed()
        return reply

    def _record(
        self, order: Order, provider_message_id: str | None, accepted: bool, status: int, code: int | None
    ) -> Submission:
        at = now()
        row = Submission(
            number=self._ledger.next_number(),
            provider=order.provider,
            channel=order.channel,
            provider_message_id=provider_message_id,
            to=order.to,
            sender=order.sender,
            text=order.text,
            status_callback=order.status_callback,
            accepted=accepted,
            answer_status=status,
            at=at,
            status="queued" if accepted else "refused",
            updated_at=at,
            error_code=code,
            reference=order.reference,
            seen_callback=order.seen_callback,
            intermediate=order.intermediate,
        )
        self._ledger.submissions.append(row)
        verdict = "accepted" if accepted else "not accepted"
        answer = "no answer" if status == CLOSED_SOCKET else f"answered {status}"
        self._stream.tell("phone", f"{order.provider}: message to {masked(order.to) or '?'} {verdict}, {answer}")
        self._changed()
        return row


async def linger(behaviour: ProviderBehaviour) -> None:
    """Let a slow provider take its time; a caller that gave up meanwhile changes nothing."""
    if behaviour.mode == "slow":
        await asyncio.sleep(behaviour.delay_seconds)
