"""Sends a provider's callbacks (receipts, replies): on the plan that its behaviour says, with retries."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import aiohttp
from yarl import URL

from sandbox.behaviour import ReceiptMode
from sandbox.ledger import Submission, now
from sandbox.stream import Stream, masked

# After hand-over: the first at 0.3 s, each further one 0.8 s later.
_FIRST_AFTER_SECONDS = 0.3
_NEXT_AFTER_SECONDS = 0.8
# Longer than the panel waits for a result, short enough to watch.
_LATE_BY_SECONDS = 8
_DUPLICATES = 3
# Five tries over 3.75 s: enough for a receiver that restarts, bounded for one that never answers.
_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0)
_TRY_SECONDS = 10


@dataclass(frozen=True)
class Callback:
    """One signed request to the business's webhook."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Delivery:
    """How a callback ended: the last HTTP status, None when nobody answered, and after how many tries."""

    answer_status: int | None
    tries: int

    @property
    def taken(self) -> bool:
        """Whether the receiver said 2xx."""
        return self.answer_status is not None and 200 <= self.answer_status < 300


SignReceipt = Callable[[Submission, str, int | None], Callback | None]
Report = tuple[str, int | None]


@dataclass(frozen=True)
class ReceiptRules:
    """
    How one provider reports: its signature, what it says of a message that arrives, and of one that does not.

    Each report is a status and the provider's error code.
    """

    sign: SignReceipt
    undelivered: Report
    automatic: tuple[Report, ...] = (("sent", None), ("delivered", None))

    def reports(self, mode: ReceiptMode) -> tuple[Report, ...]:
        """What is reported, in order."""
        if mode == "none":
            return ()
        return (("sent", None), self.undelivered) if mode == "failed" else self.automatic


class Receipts:
    """Runs what providers report later, in the background of the server."""

    def __init__(self, session: aiohttp.ClientSession, stream: Stream, changed: Callable[[], None]) -> None:
        self._session = session
        self._stream = stream
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    def plan(self, submission: Submission, mode: ReceiptMode, rules: ReceiptRules) -> None:
        """Report on an accepted message from now on."""
        self._start(self._run(submission, mode, rules))

    async def send(
        self, submission: Submission, status: str, error_code: int | None, sign: SignReceipt
    ) -> Delivery | None:
        """Send one receipt now; None when the message has no address for receipts."""
        submission.move(status, error_code, now())
        self._changed()
        callback = sign(submission, status, error_code)
        if callback is None:
            self._stream.tell("phone", f"{submission.provider}: {status} to {masked(submission.to)}, no receipt asked")
            return None
        self._stream.tell("phone", f"{submission.provider}: receipt {status} for {masked(submission.to)}")
        delivery = await self.post(callback)
        if not delivery.taken:
            self._stream.tell(
                "phone",
                f"{submission.provider}: receipt {status} was not taken "
                f"({delivery.answer_status or 'no answer'}, {delivery.tries} tries)",
            )
        return delivery

    async def post(self, callback: Callback) -> Delivery:
        """Deliver a callback, again after short pauses while the receiver does not say 2xx."""
        status: int | None = None
        for tries, pause in enumerate((*_PAUSES_SECONDS, None), start=1):
            status = await self._post_once(callback)
            if pause is None or (status is not None and 200 <= status < 300):
                return Delivery(status, tries)
            await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def stop(self) -> None:
        """Forget what is still to be reported."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post_once(self, callback: Callback) -> int | None:
        timeout = aiohttp.ClientTimeout(total=_TRY_SECONDS)
        try:
            # encoded=True: the signature covers the address to the letter.
            async with self._session.post(
                URL(callback.url, encoded=True),
                data=callback.body,
                headers=callback.headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    async def _run(self, submission: Submission, mode: ReceiptMode, rules: ReceiptRules) -> None:
        copies = _DUPLICATES if mode == "duplicate" else 1
        pause = _FIRST_AFTER_SECONDS + (_LATE_BY_SECONDS if mode == "late" else 0)
        for status, code in rules.reports(mode):
            await asyncio.sleep(pause)
            for _ in range(copies):
                await self.send(submission, status, code, rules.sign)
            pause = _NEXT_AFTER_SECONDS

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
