"""Texts in half width, character by character, so that offsets mean the same in both."""

from __future__ import annotations

SPACES = "\u00a0\u1680\u202f\u205f\u3000\u200b\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"

# Sentence punctuation keeps its width: 「，」 ends a URL or an address, and 「,」 may be part of one.
_SHAPES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@.+-_%"
_HALF = (
    {ord(c) + 0xFEE0: c for c in _SHAPES} | dict.fromkeys(map(ord, SPACES), " ") | dict.fromkeys(map(ord, DASHES), "-")
)


def half_width(text: str) -> str:
    """The text with full-width letters, digits and `＠．＋－＿％` in ASCII, every dash as `-` and every space as ` `.

    One character for one character; a zero-width space counts as a space, because numbers are copied with them inside.
    """
    return text if text.isascii() else text.translate(_HALF)
