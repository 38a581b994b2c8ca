"""Parts of an SMS, at every edge of 3GPP TS 23.038."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.segments import segments

ALPHABET = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./0123456789:;<=>?¡ÄÖÑÜ§¿äöñüà \n\r"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        (ALPHABET, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("{[~]}|^\\\f€" * 8, 1),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escape and its character do not stand in different parts
        ("a" * 151 + "€" + "a" * 153, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        ("a" * 69 + "я", 1),
        ("a" * 70 + "я", 2),
        ("ç" * 71, 2),  # not the ç that is written small
        ("\U0001f600" * 35, 1),
        ("\U0001f600" * 36, 2),
        ("\U0001f600" * 66, 2),  # 33 of them in a part: the 67th unit stays empty
        ("\U0001f600" * 67, 3),
        ("“quoted”" + "a" * 62, 1),
        ("“quoted”" + "a" * 63, 2),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert segments(text) == parts


@given(st.text(max_size=2000), st.text(max_size=200))
def test_a_longer_text_never_needs_fewer_parts(text: str, more: str) -> None:
    assert 1 <= segments(text) <= segments(text + more)


@given(st.text(min_size=1, max_size=2000))
def test_parts_hold_the_text(text: str) -> None:
    units = len(text.encode("utf-16-le")) // 2
    assert segments(text) <= units // 66 + 1
