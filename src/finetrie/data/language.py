"""The language of texts, Chinese or English: which of the two default wordings fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LATIN_WORD = re.compile("[A-Za-z\u00c0-\u024f]+")

SAMPLE_TEXTS = 1000
SAMPLE_CHARACTERS = 1000
THRESHOLD = 0.3


def han_share(texts: Iterable[str]) -> float:
    """Han characters / (Han characters + Latin words), over the beginnings of the first 1,000 texts; 0 for no letters.

    A Han character carries about as much as a Latin word, so words are counted, not letters: Chinese that is full
    of English terms is still Chinese.
    """
    han = words = 0
    for text in islice(texts, SAMPLE_TEXTS):
        begin = text[:SAMPLE_CHARACTERS]
        han += len(_HAN.findall(begin))
        words += len(_LATIN_WORD.findall(begin))
    return han / (han + words) if han + words else 0.0


def language(texts: Iterable[str]) -> str:
    """`"zh"` when at least 30 % of what is written is Han characters (see `han_share`), else `"en"`."""
    return "zh" if han_share(texts) >= THRESHOLD else "en"
