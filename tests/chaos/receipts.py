"""Receipts that come twice, in any order, too early, for nobody, or after somebody saw a failure."""

import base64
import hashlib
import hmac
import itertools
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode
from uuid import uuid4

from devstack.channels import SMS
from devstack.demo.calls import Answer, call
from devstack.demo.scene import FAILED, SENT, not_see, see
from dispatcher import failpoints
from tests.chaos import observed
from tests.chaos import world as names
from tests.chaos.matrix import fault
from tests.chaos.providers import refusal
from tests.chaos.run import Run

TIMES = 100
INVALID_NUMBER = 21211


@fault("receipt-100-times-at-once", row="31", fast=True)
def many_times(run: Run) -> None:
    """One effect."""
    run.receipts("none")
    [message] = run.publish()
    run.await_status(message, "sent")
    [submission] = run.submissions(message)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: run.report(submission, "delivered"), range(TIMES)))


@fault("receipts-in-every-order", row="32", fast=True)
def every_order(run: Run) -> None:
    """The final state is the same, whatever comes first."""
    run.receipts("none")
    run.may_end("sent", "read")
    kinds: tuple[tuple[str, int | None], ...] = (
        ("sent", None),
        ("undelivered", 30003),
        ("delivered", None),
        ("read", None),
    )
    orders = list(itertools.permutations(kinds))
    messages = run.publish(len(orders))
    for message in messages:
        run.await_status(message, "sent")
        message.ends = frozenset({"read"})
    submissions = {row["to"]: row for row in observed.ledger(run.world)}

    def report(message_order: int) -> None:
        for status, code in orders[message_order]:
            run.report(submissions[messages[message_order].number], status, code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(report, range(len(orders))))


@fault("receipt-before-result", row="33", fast=True)
def before_result(run: Run) -> None:
    """It is kept and joined with the result that comes later."""
    run.world.restart(names.SMS, {"PROACTIVE_FAILPOINTS": f"{failpoints.AFTER_CALL}:sleep:3"})
    run.publish(2)


@fault("receipt-for-nobody", row="33", fast=True)
def for_nobody(run: Run) -> None:
    """A receipt of an unknown message is taken, kept, counted, and touches nothing."""
    [message] = run.publish()
    sid = f"SM{uuid4().hex}"
    answer = signed_receipt(run, sid, "delivered")
    run.see(answer.status < 300, "taken", answer)
    kept = ("SELECT * FROM tracker.entry WHERE provider_message_id = $1", sid)
    run.wait(lambda: bool(observed.query(run.world, kept)[0]), "kept")
    shown = "SELECT * FROM tracker.message WHERE provider_message_id = $1 AND requested_at IS NOT NULL"
    [rows] = observed.query(run.world, (shown, sid))
    run.see(not rows, "no message that people see", rows)
    waiting = run.world.metric(
        names.TRACKER, 'proactive_tracker_events_total{event="delivery_reported",outcome="waiting"}'
    )
    run.see(waiting >= 1, "counted as waiting for its message", waiting)
    run.await_status(message, "delivered")


def signed_receipt(run: Run, sid: str, status: str) -> Answer:
    """As Twilio would send it, for any message."""
    secrets = run.world.stack.surroundings.secrets
    url = f"{run.world.stack.webhooks_url}/webhooks/twilio/{SMS.id}?mid={uuid4()}"
    form = {"AccountSid": secrets.twilio_account_sid, "MessageSid": sid, "MessageStatus": status}
    signed = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.digest(secrets.twilio_auth_token.encode(), signed.encode(), hashlib.sha1)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
    }
    return call("POST", url, urlencode(form).encode(), headers)


@fault("stale-failed-screen-after-delivery", row="+6", fast=True)
def stale_screen(run: Run) -> None:
    """A re-send of what was delivered meanwhile is refused, whatever the screen says."""
    run.receipts("none")
    line = run.world.lines.take(shown=True)
    line.wire.tampering = refusal(INVALID_NUMBER)
    panel, message = run.panel(line.channel)
    see(panel.press("Send message"), FAILED)
    line.wire.flow()
    message.rows, message.ends = 2, frozenset({"delivered", "failed"})
    [submission] = run.submissions(message)
    run.report(submission, "delivered")
    run.await_status(message, "delivered")
    not_see(see(panel.press("Re-send your message"), "It was not sent again."), SENT)
