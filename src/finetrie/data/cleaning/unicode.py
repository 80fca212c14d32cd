"""Steps for characters that look alike, cannot be seen, or should not be in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from finetrie.data.cleaning import STEPS
from finetrie.data.cleaning.rewriting import replaced
from finetrie.data.edits import Edit

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_FULL_WIDTH_WORDS = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u3000]+")
_FULL_WIDTH_ALL = re.compile("[\uff01-\uff5e\u3000]+")


@STEPS.register("nfkc")
@dataclass(frozen=True, slots=True)
class Nfkc:
    """Unicode's compatibility form (NFKC, UAX #15): one spelling for characters that only differ in how they look.

    Wider than its name suggests: full-width ，！ become , ! and ① becomes 1, ㎡ m2, … three dots, ½ 1⁄2. `half_width`
    changes less.
    """

    def __call__(self, text: str) -> tuple[Edit, ...]:
        if unicodedata.is_normalized("NFKC", text):
            return ()
        pieces = ((start, end, text[start:end]) for start, end in segments(text))
        forms = ((start, end, piece, unicodedata.normalize("NFKC", piece)) for start, end, piece in pieces)
        return tuple(Edit(start, end, form) for start, end, piece, form in forms if form != piece)


def segments(text: str) -> Iterator[tuple[int, int]]:
    """Ranges that cover a text and that normalise one by one: a character and the marks that may join it."""
    start = 0
    for place, character in enumerate(text):
        if place and not joins(character):
            yield start, place
            start = place
    if text:
        yield start, len(text)


@lru_cache(maxsize=1 << 16)
def joins(character: str) -> bool:
    """Whether normalisation can merge a character with those before it: marks, and the vowels and finals of Hangul."""
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"


def _half_katakana() -> dict[int, str]:
    """Katakana → half-width forms; a voiced one becomes two characters."""
    table = {}
    for half in map(chr, range(0xFF66, 0xFF9E)):
        for form in (half, f"{half}\uff9e", f"{half}\uff9f"):
            full = unicodedata.normalize("NFKC", form)
            if len(full) == 1:
                table[ord(full)] = form
    return table


_HALF_KATAKANA = _half_katakana()
_KATAKANA = re.compile(f"[{''.join(map(chr, sorted(_HALF_KATAKANA)))}]")


@STEPS.register("half_width")
@dataclass(frozen=True, slots=True)
class HalfWidth:
    """Full-width ASCII and the ideographic space become half-width; nothing else changes.

    Args:
        punctuation: False leaves ，！？（） and the like alone, which are the standard signs of Chinese text, and
            changes letters, digits and the space.
        katakana: True also turns katakana into its half-width forms. Off, because these are the rare ones.
    """

    punctuation: bool = True
    katakana: bool = False

    def __call__(self, text: str) -> tuple[Edit, ...]:
        pattern = _FULL_WIDTH_ALL if self.punctuation else _FULL_WIDTH_WORDS
        edits = replaced(pattern, text, lambda found: found.translate(_FULL_WIDTH))
        if not self.katakana:
            return edits
        return tuple(sorted((*edits, *replaced(_KATAKANA, text, lambda found: _HALF_KATAKANA[ord(found)]))))


_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # the controls of ASCII and Latin-1, without tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # controls of the writing direction
    "\ufff9-\ufffb"  # borders of annotations
    "\ud800-\udfff]"  # halves of surrogate pairs, which no UTF-8 file can hold
)
_SEPARATES = frozenset("\x0b\x0c\x1c\x1d\x1e\x1f\x85")


@STEPS.register("control")
@dataclass(frozen=True, slots=True)
class Control:
    """Control characters go, those of the writing direction too; tab and line feed stay.

    What separates (form feed, a lone carriage return, U+0085, ...) becomes a line feed, so that no words run together.
    """

    def __call__(self, text: str) -> tuple[Edit, ...]:
        return tuple(
            Edit(place, place + 1, "\n" if _separates(text, place) else "")
            for place in (match.start() for match in _CONTROLS.finditer(text))
        )


def _separates(text: str, place: int) -> bool:
    return text[place] in _SEPARATES or (text[place] == "\r" and text[place + 1 : place + 2] != "\n")


# Scripts whose letters change shape: there ZWJ and ZWNJ are spelling (Arabic to Mongolian, and Arabic's old forms).
_SHAPING = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefc"
# What ZWJ joins in an emoji: pictures, the skin tones among them, and the selector of their coloured form.
_PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
)
_INVISIBLE = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"  # a flag spelt in tags (England, Scotland, Wales): stays
    "|[\u00ad\u180e\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
    f"|(?<![{_SHAPING}])\u200c"
    f"|(?<![{_SHAPING}{_PICTURE}])\u200d"
    f"|(?<=[{_PICTURE}])\u200d(?![{_PICTURE}])"
)


@STEPS.register("zero_width")
@dataclass(frozen=True, slots=True)
class ZeroWidth:
    """Characters without width go: zero-width space, byte order mark, soft hyphen, word joiner, hidden tag characters.

    Joiners stay where they are spelling: inside emoji (a family is three people and two joiners) and after letters of
    Arabic, Indic and Mongolian scripts.
    """

    def __call__(self, text: str) -> tuple[Edit, ...]:
        return replaced(_INVISIBLE, text, lambda found: found if found[0] == "\U0001f3f4" else "")
