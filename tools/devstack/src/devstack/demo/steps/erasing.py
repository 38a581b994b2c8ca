"""A person wants to be forgotten."""

import json
from collections.abc import Mapping
from typing import Any

from devstack.channels import WORKSPACE
from devstack.demo.checks import eventually, expect
from devstack.demo.scene import SENT, Scene, not_see, see

TEXT = "Your parcel is here, for the last time."
ERASED = "The customer's text, number and name were erased on"


def erased(scene: Scene) -> None:
    """Without --yes it is only counted; with it, what is left is that a message was sent."""
    person = scene.person()
    number = str(person.phone)
    see(scene.compose(person, TEXT).press("Send message"), SENT)
    panel = scene.panel(person)
    panel.press(scene.history(panel, number).row(number))
    scene.refresh_until(panel, "Status: Delivered")
    counted = eventually(
        lambda: asked_for(scene, number), lambda found: found["tracker"]["ended"] == 1, "one message that has ended"
    )
    expect(counted["dry_run"], "nothing but counts", counted)
    see(panel.press("Refresh status"), TEXT)
    done = asked_for(scene, number, "--yes")
    expect(done["removed"]["messages"] == 1 and not done["left"], "one message removed", done)
    expect(number[1:] not in json.dumps([counted, done]), "no number in what it says", [counted, done])
    gone = eventually(lambda: panel.press("Refresh status"), lambda screen: ERASED in str(screen), f"{ERASED} …")
    see(not_see(gone, TEXT, number), "Status: Delivered")


def asked_for(scene: Scene, number: str, *options: str) -> Mapping[str, Any]:
    """What `proactivectl erase` says; without --yes it only looks."""
    command = ("erase", "--phone", number, "--workspace", WORKSPACE, "--json", *options)
    told: Mapping[str, Any] = json.loads(scene.stack.proactivectl(*command, seconds=90))
    return told
