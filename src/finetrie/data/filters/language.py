"""The filter on languages, and how a text's language is told.

Script first, because it is certain where statistics of a few characters are not: a headline of twelve Han characters
is Chinese. Only then a naive Bayes classifier of 97 languages over byte n-grams (Lui and Baldwin, 2012, "langid.py: An
Off-the-shelf Language Identification Tool", ACL demonstrations), which needs no network.

Limits: Japanese without kana is taken for Chinese, simplified and traditional Chinese and Cantonese are all "zh",
neighbours such as Norwegian and Danish are often confused, and texts of few letters have no language at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.data.language import THRESHOLD
from finetrie.errors import ConfigError, suggest
from finetrie.records import Example

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3041-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_WORD = re.compile(
    "[^\\W\\d_\u1100-\u11ff\u3040-\u318f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9d]+"
)
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-~]+|[!-~]+@[!-~]+")

SAMPLE_CHARACTERS = 2000
FEWEST_LETTERS = 20
"""Letters below which the classifier is not asked: it would name a language with great confidence."""
KANA_SHARE = 0.1
"""Kana among the Han characters and kana, from which a text is Japanese. Chinese has a の now and then."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A text's language; `code` is ISO 639-1, or None where there is too little to tell by."""

    code: str | None
    probability: float | None  # by the classifier; None where the script decided
    evidence: str  # "script", "classifier" or "too few letters"


def guess_language(text: str) -> Guess:
    """The language of a text's first 2,000 characters, web and mail addresses left out."""
    begin = _ADDRESS.sub(" ", text[:SAMPLE_CHARACTERS])
    han, kana, hangul = (len(script.findall(begin)) for script in (_HAN, _KANA, _HANGUL))
    words = _WORD.findall(begin)
    east = han + kana + hangul
    if east and east / (east + len(words)) >= THRESHOLD:
        if hangul > han + kana:
            return Guess("ko", None, "script")
        return Guess("ja" if kana > 1 and kana / (han + kana) >= KANA_SHARE else "zh", None, "script")
    if sum(map(len, words)) < FEWEST_LETTERS:
        return Guess(None, None, "too few letters")
    code, probability = _classifier().classify(begin)
    return Guess(str(code), float(probability), "classifier")


@FILTERS.register("language")
@dataclass(frozen=True, slots=True)
class Language:
    """Only texts in the languages of `keep`, ISO 639-1 codes such as "zh" and "en".

    Args:
        min_probability: below it the classifier's answer does not count, and the language is unknown.
        unknown: what becomes of texts whose language cannot be told, such as numbers, names and a few letters.
    """

    keep: tuple[str, ...]
    min_probability: float = 0.5
    unknown: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        known = frozenset(map(str, _classifier().labels))
        for code in self.keep:
            if code not in known:
                raise ConfigError(
                    f"language: unknown code {code!r}{suggest(code, known)}",
                    fix='take ISO 639-1 codes, such as keep = ["zh", "en"]',
                )

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        guess = guess_language(example.text)
        sure = guess.probability is None or guess.probability >= self.min_probability
        if guess.code is None or not sure:
            if self.unknown == "keep":
                return None
            return Drop("language", f"the language cannot be told ({guess.evidence})", guess.probability)
        if guess.code in self.keep:
            return None
        how = guess.evidence if guess.probability is None else f"{guess.evidence}, probability {guess.probability:.2f}"
        return Drop(
            "language", f"the language is {guess.code} ({how}), not {' or '.join(self.keep)}", guess.probability
        )


@cache
def _classifier() -> Any:
    from py3langid.langid import (  # type: ignore[import-untyped, import-not-found, unused-ignore]
        MODEL_FILE,
        LanguageIdentifier,
    )

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
