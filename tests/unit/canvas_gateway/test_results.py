"""Answers find everybody who waits for them."""

from uuid import uuid4

from canvas_gateway.results import ArrivingResults
from proactive_contracts.codec import encode
from proactive_contracts.envelope import request_id
from proactive_contracts.results import SendStarted, SendUnknown
from tests.unit.canvas_gateway.builders import make_request, make_result

REQUEST = make_request()
ANSWER = make_result(REQUEST, SendUnknown)


async def test_one_answer_reaches_everybody_who_expects_it() -> None:
    results = ArrivingResults(uuid4())
    with results.expecting(request_id(REQUEST)) as first, results.expecting(request_id(REQUEST)) as second:
        results.on_message(encode(ANSWER))
        results.on_message(encode(ANSWER))
        assert await first == await second == ANSWER


async def test_answer_to_another_request_is_not_ours() -> None:
    results = ArrivingResults(uuid4())
    with results.expecting(uuid4()) as answer:
        results.on_message(encode(ANSWER))
        assert not answer.done()


async def test_started_and_rubbish_are_no_answers() -> None:
    results = ArrivingResults(uuid4())
    with results.expecting(request_id(REQUEST)) as answer:
        results.on_message(encode(make_result(REQUEST, SendStarted)))
        results.on_message(b"{")
        results.on_message(b'{"type": "proactive.something.v9"}')
        assert not answer.done()


async def test_each_gets_what_settles_it() -> None:
    results = ArrivingResults(uuid4())
    started = make_result(REQUEST, SendStarted)
    with (
        results.expecting(request_id(REQUEST), lambda event: isinstance(event.data, SendStarted)) as stop,
        results.expecting(request_id(REQUEST)) as send,
    ):
        results.on_message(encode(started))
        assert (await stop, send.done()) == (started, False)
        results.on_message(encode(ANSWER))
        assert (await stop, await send) == (started, ANSWER)


async def test_nothing_is_kept_once_nobody_waits() -> None:
    results = ArrivingResults(uuid4())
    with results.expecting(request_id(REQUEST)):
        pass
    results.on_message(encode(ANSWER))
    assert results._expected == {}
