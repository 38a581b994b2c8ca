"""What a customer's own messages mean for the next one to them."""

from datetime import timedelta

import pytest

from dispatcher.domain.recipients import address_of, opts_in, window_open_until
from proactive_contracts.values import Channel
from tests.unit.dispatcher.builders import NOW


def test_window_is_open_for_a_day_where_the_channel_has_one() -> None:
    tomorrow = NOW + timedelta(hours=24)
    assert [window_open_until(kind, NOW) for kind in Channel] == [None, tomorrow, tomorrow]
    assert window_open_until(Channel.WHATSAPP, None) is None


@pytest.mark.parametrize("text", ["START", " start\n", "Unstop", "yes"])
def test_one_word_opts_in_again(text: str) -> None:
    assert opts_in(text)


@pytest.mark.parametrize("text", [None, "", "stop", "When do you start?", "yes please"])
def test_anything_else_lifts_nothing(text: str | None) -> None:
    assert not opts_in(text)


@pytest.mark.parametrize(
    ("sender", "address"),
    [("4915112345678", "+4915112345678"), ("+4915112345678", "+4915112345678"), ("US.134912", "US.134912")],
)
def test_whoever_writes_is_spelled_as_requests_spell_recipients(sender: str, address: str) -> None:
    assert address_of(sender) == address
