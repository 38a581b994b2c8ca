"""Numbers as they are typed."""

import pytest

from proactivectl import phones


@pytest.mark.parametrize("typed", ["+4915112345678", "+49 1511 2345678", "0049 1511-2345678", " +49 (0)1511 2345678 "])
def test_international_number_becomes_e164(typed: str) -> None:
    assert phones.e164(typed) == "+4915112345678"


@pytest.mark.parametrize("typed", ["", "12345", "01511 2345678", "4915112345678", "call me"])
def test_number_without_a_country_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="international format"):
        phones.e164(typed)


def test_number_that_no_country_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no valid phone number"):
        phones.e164("+4912")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+49 1570 0000001", "+4915700000001"),
        ("Proactive", "Proactive"),
        ("72345", "72345"),
        ("MG0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"),
    ],
)
def test_sender_is_a_number_or_what_the_provider_takes(typed: str, kept: str) -> None:
    assert phones.sender(typed) == kept


@pytest.mark.parametrize("typed", ["4915700000001", "01570 0000001", "+49157"])
def test_sender_that_looks_like_a_number_and_is_none_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        phones.sender(typed)
