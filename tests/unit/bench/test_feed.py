"""What the benchmark publishes and what its provider answers are what the real ones are."""

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from dispatcher.domain.answers import Accepted
from dispatcher.ports import HttpResponse
from dispatcher.providers.twilio import Twilio
from proactive_contracts.codec import decode
from proactive_contracts.requests import SendRequested
from tests.bench.contestants import OURS, PEERS, Contestant
from tests.bench.counters import Counters
from tests.bench.peers.job import form
from tests.bench.provider import Connection, Provider


def test_each_of_our_messages_is_a_request_of_its_own() -> None:
    first, second = (
        decode(OURS.letter(str(uuid4()), number).body, datetime.now(UTC))
        for number in ("+4915100000001", "+4915100000002")
    )
    assert isinstance(first.data, SendRequested)
    assert isinstance(second.data, SendRequested)
    assert (first.data.recipient, second.data.recipient) == ("+4915100000001", "+4915100000002")
    assert first.id != second.id
    assert first.data.message_id != second.data.message_id


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peers_message_names_the_id_and_the_number(peer: Contestant) -> None:
    body = peer.letter("the-id", "+4915100000001").body.decode()
    assert json.loads(body)
    assert "the-id" in body
    assert "+4915100000001" in body


async def test_provider_answers_as_twilio_does_and_counts(tmp_path: Path) -> None:
    counters = Counters(tmp_path / "counters")
    provider = Provider(Counters(tmp_path / "counters"))
    server = await asyncio.get_running_loop().create_server(partial(Connection, provider), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/2010-04-01/Accounts/AC/Messages.json"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 200
        for expected in (1, 2):
            async with session.post(url, data=form("+4915100000001", "Hello " * 100)) as response:
                answer = Twilio().read_answer(HttpResponse(response.status, {}, await response.read()))
            assert isinstance(answer, Accepted)
            assert counters.received == counters.answered == expected
    server.close()


def test_provider_is_told_how_to_behave(tmp_path: Path) -> None:
    ours, its = (Counters(tmp_path / "counters") for _ in range(2))
    provider = Provider(its)
    assert provider.seconds() == 0.05
    ours.mode = "varying"
    drawn = [provider.seconds() for _ in range(2_000)]
    assert min(drawn) >= 0.03
    assert 0.005 < sum(one == 1.0 for one in drawn) / len(drawn) < 0.05
