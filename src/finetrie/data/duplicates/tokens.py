"""What a text says, without how it is typed: width, case and white space do not count, and words are found.

A character is a word in scripts that are written without spaces (Chinese, Japanese, Thai, ...), so one rule serves
Chinese, English and texts that mix them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_NUMBER = r"(?:(?<![A-Za-z0-9])[+\-])?\d+(?:[.,:/\-]\d+)*%?"  # 3.5, 1-0, 2018/7/1, -5%: one unit each
_WORD = rf"(?:(?![{SPACELESS}])[^\W\d_])+(?:['’](?:(?![{SPACELESS}])[^\W\d_])+)*"
_TOKEN = re.compile(rf"{_NUMBER}|{_WORD}|\S")
_CONTENT = re.compile(rf"{_NUMBER}|{_WORD}|[{SPACELESS}]")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_CLAUSE_END = re.compile(rf"[,，。.;；!！?？:：、…—~|]+|(?<=[{SPACELESS}])\s+|\s+(?=[{SPACELESS}])")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as words, numbers and marks: `tokens[i]` is `text[starts[i]:ends[i]]`, `folded[i]` its lower case."""

    text: str
    tokens: tuple[str, ...]
    folded: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def plain(text: str) -> str:
    """NFKC (so full width is half width), no invisible characters, single spaces; case is left as it is."""
    return " ".join(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).split())


@lru_cache(maxsize=256)
def read_tokens(text: str) -> Reading:
    """Tokens of a `plain` text with their places. A row is compared with several in turn, so the last are kept."""
    tokens = tuple(_TOKEN.findall(text))
    places = [match.span() for match in _TOKEN.finditer(text)]
    starts, ends = zip(*places, strict=True) if places else ((), ())
    return Reading(text, tokens, tuple(map(str.casefold, tokens)), starts, ends)


@lru_cache(maxsize=256)
def folded_tokens(text: str) -> tuple[str, ...]:
    """`read_tokens(text).folded` alone."""
    return tuple(map(str.casefold, _TOKEN.findall(text)))


def same_words_key(text: str) -> str:
    """Equal for two `plain` texts that have the same tokens: spaces count only where they part two words."""
    return "\x1f".join(_TOKEN.findall(text.casefold()))


def content(text: str) -> list[str]:
    """Words and numbers of a `plain` text in lower case, without punctuation; all marks where there is nothing else."""
    folded = text.casefold()
    return _CONTENT.findall(folded) or _TOKEN.findall(folded)


def clauses(text: str) -> list[str]:
    """What stands between the punctuation of a `plain` text, and between its spaces where a script has none."""
    return [part for piece in _CLAUSE_END.split(text.casefold()) if (part := piece.strip())]


def is_spaceless(token: str) -> bool:
    """Whether a token is one character of a script written without spaces."""
    return _SPACELESS.match(token) is not None


def is_number(token: str) -> bool:
    return token[-1].isdigit() or (token[-1] == "%" and len(token) > 1)


def is_content(token: str) -> bool:
    """A word, a character or a number: not punctuation and not a symbol."""
    return token[0].isalnum() or is_number(token) or is_spaceless(token)
