"""Filters on the length of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop, check_limits
from finetrie.errors import ConfigError
from finetrie.records import Example


@FILTERS.register("characters")
@dataclass(frozen=True, slots=True)
class Characters:
    """Between `min` and `max` characters (code points, without white space at the ends), both included."""

    min: int | None = 1
    max: int | None = None

    def __post_init__(self) -> None:
        _check("characters", self.min, self.max)

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        return _outside("characters", len(example.text.strip()), self.min, self.max)


@FILTERS.register("tokens")
@dataclass(frozen=True, slots=True)
class Tokens:
    """Between `min` and `max` tokens of the text as `count` counts them, both included."""

    count: Callable[[str], int]
    min: int | None = None
    max: int | None = None

    def __post_init__(self) -> None:
        _check("tokens", self.min, self.max)

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        return _outside("tokens", self.count(example.text), self.min, self.max)


def _check(unit: str, least: int | None, most: int | None) -> None:
    if problem := check_limits(unit, least, most):
        raise ConfigError(problem, fix="correct the limits, or leave the filter out")


def _outside(unit: str, found: int, least: int | None, most: int | None) -> Drop | None:
    if least is not None and found < least:
        return Drop(unit, f"{found} {unit}, fewer than {least}", found)
    if most is not None and found > most:
        return Drop(unit, f"{found} {unit}, more than {most}", found)
    return None
