"""Steps that write the same words in other letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from finetrie.data.cleaning import STEPS
from finetrie.data.cleaning.rewriting import one_to_one, rewritten
from finetrie.data.edits import Edit

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_STORABLE = re.compile("[^\ud800-\udfff]+")  # OpenCC takes UTF-8, which has no halves of surrogate pairs
_BOUNDARY = re.compile("(?<=[\\s，。、；：！？])")  # no phrase of OpenCC's dictionaries goes across these


@STEPS.register("lower_case")
@dataclass(frozen=True, slots=True)
class LowerCase:
    """Letters in lower case, as `str.lower` writes them. Labels of entities in the text keep their case."""

    def __call__(self, text: str) -> tuple[Edit, ...]:
        lowered = text.lower()
        if len(lowered) == len(text):
            return one_to_one(text, lowered)
        edits, position = [], 0
        for place, character in enumerate(text):  # a letter's width does not depend on its neighbours, its form may
            width = len(character.lower())
            new = lowered[position : position + width]
            if new != character:
                edits.append(Edit(place, place + 1, new))
            position += width
        return tuple(edits)


@STEPS.register("simplified")
@dataclass(frozen=True, slots=True)
class Simplified:
    """Traditional Chinese in simplified characters, by OpenCC's phrases: 臺灣 becomes 台湾, but 乾坤 stays 乾坤.

    Args:
        variant: OpenCC's name of the direction: "t2s" for any Traditional text, "tw2s" and "hk2s" for the standards of
            Taiwan (看著 becomes 看着) and Hong Kong, "tw2sp" also for Taiwan's words (軟體 becomes 软件, not 软体).
    """

    variant: Literal["t2s", "tw2s", "tw2sp", "hk2s"] = "t2s"

    def __post_init__(self) -> None:
        _opencc(self.variant)  # loaded once, before the first row

    def __call__(self, text: str) -> tuple[Edit, ...]:
        if not _HAN.search(text):
            return ()
        convert = _opencc(self.variant).convert
        return rewritten(text, lambda piece: _STORABLE.sub(lambda part: str(convert(part.group())), piece), _BOUNDARY)


@cache
def _opencc(variant: str) -> Any:
    from opencc import OpenCC  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return OpenCC(variant)
