"""What no service of ours could take is kept beside its queue, until an operator replays or drops it."""

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from devstack.channels import SMS
from devstack.demo import service
from devstack.demo.checks import eventually, expect
from devstack.demo.scene import Scene, new_number

QUEUES = [f"dispatcher.{SMS.kind}.bulk.parked", "status_tracker.history.parked"]
SKEW_SECONDS = 300
"""So far ahead of ours may a publisher's clock be (docs/events.md)."""

TOO_FAR_SECONDS = 3
WHY = "time: lies in the future"


def replayed(scene: Scene) -> None:
    """A service's clock is wrong, so that its event comes from the future; replayed when that is over, it is sent."""
    ahead = timedelta(seconds=SKEW_SECONDS + TOO_FAR_SECONDS)
    order = service.Order(uuid4(), new_number(), "Your parcel has come back to us.", ahead)
    service.publish(scene.stack.amqp_url, order)
    over = time.monotonic() + TOO_FAR_SECONDS
    found = eventually(
        lambda: asked_for(scene, order), lambda found: len(found["parked"]) == 2, f"the event in {' and '.join(QUEUES)}"
    )
    expect(found["dry_run"] and found["matched"] == 2, "two events that could be replayed", found)
    expect(sorted(group["queue"] for group in found["parked"]) == QUEUES, f"parked in {' and '.join(QUEUES)}", found)
    listed = json.loads(scene.stack.proactivectl("parked", "list", "--json"))["parked"]
    for queue in QUEUES:
        here = [group for group in listed if (group["queue"], group["reason"]) == (queue, "invalid")]
        expect(len(here) == 1 and here[0]["detail"] == WHY, f"{queue} in the list, with {WHY!r}", listed)
    expect(not scene.outside.submissions(order.recipient), "nothing at the provider", "a submission")
    time.sleep(max(0.0, over - time.monotonic()))
    done = asked_for(scene, order, "--yes")
    expect(done["replayed"] == 2, "two events replayed", done)
    scene.outside.await_received(order.recipient, [order.text])
    panel = scene.panel(scene.person())
    scene.history(panel, order.recipient, service.NAME, scope="everyone")
    left = asked_for(scene, order)
    expect(left["matched"] == 0, "nothing of it parked any more", left)
    submissions = scene.outside.submissions(order.recipient)
    expect(len(submissions) == 1, "one submission", submissions)


def asked_for(scene: Scene, order: service.Order, *options: str) -> Mapping[str, Any]:
    """What `proactivectl parked replay` says of one message; without --yes it only looks."""
    command = ("parked", "replay", "--message-id", str(order.message_id), "--json", *options)
    told: Mapping[str, Any] = json.loads(scene.stack.proactivectl(*command))
    return told
