"""
How many parts an SMS is sent and billed in: what a sender's rate is counted in.

3GPP TS 23.038 (the alphabet and its extension table) and TS 23.040 (parts joined by a header of six octets): 160
septets or 70 UTF-16 units in a single part, 153 or 67 in each of several.
"""

from collections.abc import Iterable

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Written as an escape and a second septet, which never stand in different parts."""

_GSM_SINGLE, _GSM_PART = 160, 153
_UCS2_SINGLE, _UCS2_PART = 70, 67


def segments(text: str) -> int:
    """The number of parts, at least 1; providers that replace characters before they count may need fewer."""
    if all(letter in _BASIC or letter in _EXTENSION for letter in text):
        return _parts((2 if letter in _EXTENSION else 1 for letter in text), _GSM_SINGLE, _GSM_PART)
    return _parts((2 if ord(letter) > 0xFFFF else 1 for letter in text), _UCS2_SINGLE, _UCS2_PART)


def _parts(sizes: Iterable[int], single: int, part: int) -> int:
    """A character of two units, an escape or a surrogate pair, is not cut in two."""
    sizes = list(sizes)
    if sum(sizes) <= single:
        return 1
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts
