"""A watch of the topology ends at once, in whatever moment of its look at a real broker it is told to."""

import asyncio

from proactive_contracts.topology import topology
from runtime.amqp.topology import TopologyWatch, apply

STOPS = 40
"""Moments, 10 ms apart, that cover a whole look at the topology: connecting, every channel, closing."""


async def test_watch_can_be_left_in_every_moment_of_its_look(amqp_url: str) -> None:
    await apply(amqp_url, topology())

    async def leave_after(seconds: float) -> None:
        async with TopologyWatch(amqp_url, topology()):
            await asyncio.sleep(seconds)

    async with asyncio.timeout(20):
        await asyncio.gather(*(leave_after(0.01 * number) for number in range(STOPS)))
