"""The filter on a row's other columns, such as `score >= 3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.data.filters.expressions import Condition, Undecided
from finetrie.errors import ConfigError
from finetrie.records import Example


@FILTERS.register("columns")
@dataclass(frozen=True, slots=True)
class Columns:
    """Only rows for which every condition of `require` holds: `score >= 3`, `source in ["a", "b"] and not draft`.

    A row that cannot tell (no such column, an empty value, words where a number is compared) is dropped and says so.
    See `finetrie.data.filters.expressions` for what a condition may hold.
    """

    require: tuple[str, ...]
    conditions: tuple[Condition, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.require:
            raise ConfigError("columns: require is empty", fix='add a condition such as "score >= 3"')
        object.__setattr__(self, "conditions", tuple(Condition(source) for source in self.require))

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        for condition in self.conditions:
            try:
                if condition.holds(columns):
                    continue
                found = ", ".join(f"{name} is {value!r}"[:80] for name, value in condition.values(columns))
                return Drop("columns", f"not {condition.source}: {found}")
            except Undecided as undecided:
                return Drop("columns", f"cannot tell whether {condition.source}: {undecided}")
        return None
