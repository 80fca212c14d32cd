"""The commonest label of the training rows, whatever the text says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker, among, chosen_label, offered
from finetrie.records import Example, Prediction
from finetrie.tasks.base import Task


@BASELINES.register("majority")
@dataclass(frozen=True)
class Majority:
    """Always the commonest training label, of those that the row offers."""

    name: ClassVar[str] = "majority"
    kinds: ClassVar[tuple[str, ...]] = ("classification",)
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = False

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> FittedMajority:
        counts = Counter(task.target(example) for example in train)
        return FittedMajority({label: counts[label] / len(train) for label in task.labels}, task)


@dataclass(frozen=True)
class FittedMajority:
    """How often each label occurs among the training rows."""

    shares: Mapping[str, float]  # of the labels, in the task's order
    task: Task[Any]

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"trainable": 0, "label": max(self.shares, key=self.shares.__getitem__)}

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        for example in examples:
            yield chosen_label(example, among(offered(example, self.task), self.shares))
