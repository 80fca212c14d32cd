"""Texts as TF-IDF vectors of what is written in them: character n-grams, or words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

BEGIN, END = "\x02", "\x03"
"""Marks around each text, so that what begins or ends it is a feature."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"\w+")


def fit_vectorizer(
    texts: Sequence[str],
    *,
    features: int,
    ngrams: tuple[int, int] = (1, 3),
    characters: bool = True,
    least: int = 1,
    reach: int | None = None,
) -> Any:
    """A fitted `TfidfVectorizer`: rows of unit length, logarithmic counts, width and case made equal.

    Args:
        features: at most this many n-grams, the most frequent ones.
        ngrams: shortest and longest n-gram.
        characters: n-grams of characters; False: of words.
        least: an n-gram counts from this many texts on.
        reach: characters of one text that are looked at, from its beginning; None: all.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    normal: Callable[[str], str] = partial(_normal, reach=reach)
    return TfidfVectorizer(
        preprocessor=normal,
        analyzer="char" if characters else "word",
        token_pattern=None if characters else r"\w+|[^\w\s]",
        ngram_range=ngrams,
        min_df=least,
        max_features=features,
        sublinear_tf=True,
        dtype=np.float32,
    ).fit(texts)


def are_spaced(texts: Sequence[str]) -> bool:
    """Whether most of what is written puts spaces between words: Han, kana, Thai, Lao, Burmese and Khmer do not."""
    unspaced = words = 0
    for text in islice(texts, 1000):
        begin = text[:1000]
        unspaced += len(_UNSPACED.findall(begin))
        words += len(_WORD.findall(_UNSPACED.sub(" ", begin)))
    return unspaced < 0.3 * (unspaced + words)


def _normal(text: str, *, reach: int | None) -> str:
    return BEGIN + unicodedata.normalize("NFKC", text[:reach]).casefold() + END
