"""What the dispatcher tells of people is a remark: it is asked for once in a while, and never costs a screen."""

import time
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from canvas_gateway.reachability import DispatcherReachability
from proactive_contracts.reasons import FailureReason
from runtime.http import client_session
from tests.unit.canvas_gateway.builders import CHANNEL_ID
from tests.unit.canvas_gateway.test_clients import Peer, peer

__all__ = ["peer"]

NUMBER = "+4915112345678"
TOLD = {
    "channel_id": str(CHANNEL_ID),
    "state": "paused",
    "since": "2026-11-22T11:00:00+00:00",
    "until": None,
    "reason": "channel_paused",
    "opted_out": {"at": "2026-11-22T10:00:00+00:00", "provider_code": "21610"},
    "seen_at": None,
    "window_open_until": None,
    "something_new": 1,
}


async def test_what_is_told_is_read_and_remembered_for_each_number(peer: Peer) -> None:
    peer.body = {"channels": [TOLD, TOLD | {"channel_id": str(uuid4()), "reason": "of a later release"}]}
    async with client_session(5) as session:
        reachability = DispatcherReachability(session, peer.url + "/", SecretStr("operators token"))
        for number in (NUMBER, NUMBER, None):
            reach = await reachability.of("sandbox1", number)
    assert (reach[CHANNEL_ID].state, reach[CHANNEL_ID].reason) == ("paused", FailureReason.CHANNEL_PAUSED)
    assert [one.reason for one in reach.values()][1] is FailureReason.OTHER
    assert [dict(one.query) for one in peer.asked] == [{"recipient": NUMBER}, {}]
    assert peer.asked[0].headers["Authorization"] == "Bearer operators token"
    assert peer.asked[0].path == "/v1/workspaces/sandbox1/reachability"


@pytest.mark.parametrize(
    ("status", "body", "delay"),
    [(500, {}, 0), (401, {}, 0), (404, {}, 0), (302, {}, 0), (200, "{", 0), (200, {"channels": [1]}, 0), (200, {}, 5)],
)
async def test_every_other_answer_is_no_remark_and_costs_a_second_at_most_once(
    peer: Peer, status: int, body: Any, delay: float
) -> None:
    peer.status, peer.body, peer.delay = status, body, delay
    began = time.monotonic()
    async with client_session(5) as session:
        reachability = DispatcherReachability(session, peer.url, SecretStr("t"))
        for _ in range(3):
            assert await reachability.of("w", NUMBER) == {}
    assert time.monotonic() - began < 2
    assert len(peer.asked) == 1


async def test_dispatcher_that_is_not_there_is_no_remark() -> None:
    async with client_session(5) as session:
        assert await DispatcherReachability(session, "http://127.0.0.1:9", SecretStr("t")).of("w", None) == {}
