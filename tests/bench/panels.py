"""What an agent waits for: from "Send message" to "Message sent!", over HTTP, with so many agents at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from devstack.channels import SMS
from devstack.demo.scene import CHANNEL_NAME, SENT, Scene
from devstack.errors import DevstackError
from tests.bench.contestants import INTERCOM_PORT, OURS
from tests.bench.filling import Say
from tests.bench.hammer import hammer, post
from tests.bench.provider import CONSTANT_SECONDS
from tests.bench.rows import Row, figure
from tests.bench.running import percentile
from tests.bench.world import World

AGENTS = {10: (30.0, 100.0, 15.0, 50.0), 50: (None, None, None, None)}
"""With each number of agents: p50 and p99 in milliseconds, at least and aimed at."""

MESSAGES = 200
"""In a round, by all agents together."""

ROUNDS = 3
PREPARING = 8
_MORE = ("sandbox", "canvas_gateway", "dispatcher-webhooks")


def panels(world: World, say: Say) -> list[Row]:
    """
    Drive the panel to Compose so often, then press "Send message" everywhere.

    Raises:
        DevstackError: a panel showed something else than "Message sent!".
    """
    intercom = {"PROACTIVE_INTERCOM_URL": world.stack.surroundings.url(INTERCOM_PORT, "/intercom")}
    usual = {SMS.worker: {"PROACTIVE_CONCURRENCY": "40"}, "status_tracker": {"PROACTIVE_CONCURRENCY": "50", **intercom}}
    world.start(OURS, usual)
    try:
        for name in _MORE:
            world.start_service(name, intercom)
        return [row for agents in AGENTS for row in _rows(world, agents, say)]
    finally:
        for name in (*_MORE, *OURS.dispatchers, *OURS.trackers):
            world.stop_service(name)


def _rows(world: World, agents: int, say: Say) -> Iterator[Row]:
    say(f"panel: {agents} agents")
    taken = [_round(world, agents) for _ in range(ROUNDS)]
    p50, p99, aim50, aim99 = AGENTS[agents]
    for name, share, least, aim in (("p50", 0.5, p50, aim50), ("p99", 0.99, p99, aim99)):
        added = figure([percentile(one, share) - 1000 * CONSTANT_SECONDS for one in taken])
        yield Row(
            f"“Message sent!” beyond the provider, {agents} agents, {name}",
            added,
            "ms",
            least,
            aim,
            less_is_better=True,
        )


def _round(world: World, agents: int) -> list[float]:
    """Milliseconds, shortest first."""
    scene = Scene(world.stack)
    scene.outside = replace(scene.outside, url=world.stack.surroundings.url(INTERCOM_PORT))
    with ThreadPoolExecutor(PREPARING) as pool:
        bodies = list(pool.map(lambda number: _composed(scene, number), range(MESSAGES)))
    url = f"{world.stack.gateway_url}/canvas/submit"
    volley = hammer(url, [post(url, body, scene.app.headers(body)) for body in bodies], agents)
    other = [hit for hit in volley.hits if SENT.encode() not in hit.body]
    if other:
        raise DevstackError(f"{len(other)} of {len(bodies)} panels show something else: {other[0].body[:300]!r}")
    return volley.milliseconds()


def _composed(scene: Scene, number: int) -> bytes:
    """The click on "Send message", with a text that nobody else has."""
    panel = scene.panel(scene.person())
    for what in ("Send a proactive message", "Send to this user/lead", CHANNEL_NAME):
        panel.press(what)
    panel.fill("Write your message", f"Your parcel is here. ({number})")
    return panel.request("Send message")
