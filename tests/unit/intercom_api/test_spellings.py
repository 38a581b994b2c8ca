"""The ways in which one number may be written in Intercom."""

import pytest

from intercom_api.spellings import MAX_SPELLINGS, spellings

GREEK = [
    "+306941234567",
    "306941234567",
    "00306941234567",
    "+30 694 123 4567",
    "+30-694-123-4567",
    "+30 6941234567",
    "694 123 4567",
    "6941234567",
    "0030 694 123 4567",
]


@pytest.mark.parametrize("typed", GREEK[:6])
def test_every_international_spelling_leads_to_the_others(typed: str) -> None:
    assert set(GREEK) <= set(spellings(typed))
    assert spellings(typed)[0] == typed


def test_trunk_zero_in_brackets_is_understood() -> None:
    assert "+4915112345678" in spellings("+49 (0)1511 2345678")


def test_american_punctuation_is_among_them() -> None:
    assert {"+1 (201) 555-0123", "(201) 555-0123", "201-555-0123"} <= set(spellings("+12015550123"))


@pytest.mark.parametrize("typed", ["694 123 4567", "(201) 555-0123", "12345"])
def test_number_without_a_country_is_searched_as_typed_and_without_punctuation(typed: str) -> None:
    digits = "".join(filter(str.isdigit, typed))
    assert spellings(typed) == list(dict.fromkeys([typed, digits]))


@pytest.mark.parametrize("typed", ["+12015550123", "+4915112345678", "+390612345678", "+5491123456789"])
def test_no_more_than_one_search_may_hold(typed: str) -> None:
    found = spellings(typed)
    assert len(found) == len(set(found)) <= MAX_SPELLINGS


@pytest.mark.parametrize("typed", ["", "   "])
def test_nothing_typed_is_nothing_to_look_for(typed: str) -> None:
    assert spellings(typed) == []
