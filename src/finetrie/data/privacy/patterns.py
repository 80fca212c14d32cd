"""Parts that the patterns of several kinds share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# \b counts Chinese characters as letters of the word and would miss a number right beside them.
LEFT = r"(?<![0-9A-Za-z])(?<![0-9][.])"
RIGHT = r"(?![0-9A-Za-z]|[.][0-9])"

# What follows says that the digits are a quantity. 元旦 is New Year's Day.
NO_UNIT = r"(?! ?(?:元(?!旦)|万元|亿|美元|欧元|日元|港元|块钱|吨|公里|千米|平方|立方|字节|[%‰]))"


def grouped(*sizes: Sequence[int]) -> str:
    """A pattern of digits in groups, with one separator throughout; an alternative for each row of group sizes."""
    return "|".join(separator.join(f"[0-9]{{{size}}}" for size in row) for row in sizes for separator in " -")


FOLD = re.IGNORECASE | re.ASCII
"""Case is ignored in ASCII only: elsewhere `K` (Kelvin) would be a K."""


def everywhere(pattern: str) -> re.Pattern[str]:
    """A pattern that also finds matches which overlap: group 1 is the match, the match itself is empty.

    A number that fails its check must not hide the one that begins inside it.
    """
    return re.compile(f"(?=({pattern}))", FOLD)


def spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, characters) of group 1 of every match."""
    for match in pattern.finditer(text):
        yield match.start(1), match.end(1), match[1]


def digits_of(value: str) -> str:
    return "".join(character for character in value if character in "0123456789")


def fill(value: str, characters: str) -> str:
    """`value` with its ASCII letters and digits replaced one by one; separators stay where they are."""
    following = iter(characters)
    return "".join(next(following) if c.isascii() and c.isalnum() else c for c in value)


def size_of(value: str) -> int:
    """How many characters `fill` replaces."""
    return sum(c.isascii() and c.isalnum() for c in value)
