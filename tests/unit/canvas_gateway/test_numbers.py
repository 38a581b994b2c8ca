"""Phone numbers as people type them."""

import pytest

from canvas_gateway.domain.numbers import NumberKind, kind_of, to_e164


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("+306941234567", "+306941234567"),
        ("+30 694 123 4567", "+306941234567"),
        ("  +30\u00a0694 123 4567 ", "+306941234567"),
        ("00306941234567", "+306941234567"),
        ("00 30 694 123 4567", "+306941234567"),
        ("+49 (151) 123-45678", "+4915112345678"),
        ("+1.202.555.0143", "+12025550143"),
    ],
)
def test_international_number_is_normalised(typed: str, e164: str) -> None:
    assert to_e164(typed) == e164


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "12345",
        "6941234567",
        "+",
        "00",
        "+30",
        "+999123456789",
        "+1;rm -rf",
        "+1-800-FLOWERS",
        "tel:+306941234567",
        "+306941234567;ext=2",
        "+306941234567 x12",
        "\u202e+306941234567",
        "+30694\u200f1234567",
        "+30694１２３４５６７",
        "＋306941234567",
        "+٣٠٦٩٤١٢٣٤٥٦٧",
        "+" + "1" * 40,
        "+4915112345678\x00",
        "++306941234567",
        "+30 694 123 4567, +30 694 123 4568",
    ],
)
def test_anything_else_is_not_a_number(typed: str) -> None:
    assert to_e164(typed) is None


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        (None, NumberKind.MISSING),
        (" ", NumberKind.MISSING),
        ("12345", NumberKind.INVALID),
        ("+4915112345678", NumberKind.MOBILE),
        ("+493012345678", NumberKind.LANDLINE),
        ("+498001234567", NumberKind.OTHER),
        ("+12025550143", NumberKind.MOBILE),
    ],
)
def test_kind_says_what_a_number_is_good_for(typed: str | None, kind: NumberKind) -> None:
    assert kind_of(typed) is kind
