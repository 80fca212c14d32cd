"""Where a text may be cut without breaking what a reader sees as one character."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

ZERO_WIDTH_JOINER = "\u200d"


def is_boundary(text: str, index: int) -> bool:
    """Whether `text[:index]` and `text[index:]` are both whole.

    A simplification of Unicode's extended grapheme clusters (UAX 29): keeps together CR LF, base and combining
    marks, variation selectors and keycaps, joined and toned emoji, flags, Hangul syllables in parts. It may keep
    more together than UAX 29 does, never less for these.
    """
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if before < "\u0300" and after < "\u0300":
        return not (before == "\r" and after == "\n")
    if ZERO_WIDTH_JOINER in (before, after) or _extends(after):
        return False
    if _is_flag_part(before) and _is_flag_part(after):
        return _flag_parts_before(text, index) % 2 == 0
    return not (_is_hangul_part(after) and _is_hangul(before))


def boundary_before(text: str, index: int) -> int:
    """The last boundary at or before `index`."""
    while not is_boundary(text, index):
        index -= 1
    return max(index, 0)


def boundary_after(text: str, index: int) -> int:
    """The first boundary at or after `index`."""
    while not is_boundary(text, index):
        index += 1
    return min(index, len(text))


def clusters(text: str) -> list[tuple[int, int]]:
    """The half-open ranges of a text's visible characters, in order."""
    edges = [index for index in range(len(text) + 1) if is_boundary(text, index)]
    return list(pairwise(edges))


def _extends(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character).startswith("M")
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags, in flags of regions
        or 0xFF9E <= code <= 0xFF9F  # half-width voicing marks, which NFKC composes
    )


def _is_flag_part(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _flag_parts_before(text: str, index: int) -> int:
    start = index
    while start > 0 and _is_flag_part(text[start - 1]):
        start -= 1
    return index - start


def _is_hangul_part(character: str) -> bool:
    """A vowel or final consonant, which composes with what stands before it."""
    return 0x1160 <= ord(character) <= 0x11FF or 0xD7B0 <= ord(character) <= 0xD7FF


def _is_hangul(character: str) -> bool:
    code = ord(character)
    return 0x1100 <= code <= 0x11FF or 0xA960 <= code <= 0xA97F or 0xAC00 <= code <= 0xD7FF
