"""The filter on the labels that rows bear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.errors import ConfigError
from finetrie.records import Example, Span


@FILTERS.register("labels")
@dataclass(frozen=True, slots=True)
class Labels:
    """Only rows whose labels are all in `keep` and none in `drop`: the class, or the labels of all entities.

    A row without a label (unlabelled, or no entities) stays. Labels are compared as they are written.
    """

    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.keep is None and not self.drop:
            raise ConfigError("labels: give keep, drop or both", fix='add keep = ["..."] or drop = ["..."]')

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        for label in _labels(example):
            if label in self.drop:
                return Drop("labels", f"the label {label!r} is on the list of labels to drop")
            if self.keep is not None and label not in self.keep:
                return Drop("labels", f"the label {label!r} is not on the list of labels to keep")
        return None


def _labels(example: Example) -> list[str]:
    if isinstance(example.target, tuple):
        return sorted({span.label for span in example.target if isinstance(span, Span)})
    return [] if example.target is None else [example.target]
