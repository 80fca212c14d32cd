"""What a filter is, and what it says of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from finetrie.records import Example, Rejection

NO_COLUMNS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a filter would leave a row out."""

    rule: str  # the filter's name
    reason: str  # for a person: what was found, and the limit
    score: float | None = None  # the number that was compared with the limit, where there is one

    def rejection(self, example: Example) -> Rejection:
        """The line of `rejected.jsonl` for this row."""
        return Rejection(origin=example.origin, rule=self.rule, reason=self.reason, text=example.text)


class Filter(Protocol):
    """A question to one row. Never raises, however strange the row.

    `columns` are the row's other fields as its file has them ("score", "source"); filters on the text ignore them.
    """

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None: ...


def first_drop(example: Example, filters: Sequence[Filter], columns: Mapping[str, Any] = NO_COLUMNS) -> Drop | None:
    """What the first filter says that would leave the row out; None where all keep it."""
    for ask in filters:
        if drop := ask(example, columns):
            return drop
    return None


def check_limits(rule: str, least: float | None, most: float | None) -> str | None:
    """What is wrong with a pair of limits, if anything."""
    if least is None and most is None:
        return f"{rule}: give min, max or both"
    if least is not None and most is not None and least > most:
        return f"{rule}: min {least} is above max {most}, so no row could stay"
    return None
