"""TF-IDF of character n-grams and a linear support vector machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.baselines.linear import LinearFitted, check_strength
from finetrie.records import Example
from finetrie.tasks.base import Task


@BASELINES.register("svm")
@dataclass(frozen=True)
class Svm:
    """TF-IDF of character n-grams and a linear SVM, one label against the others; it knows no probabilities."""

    strength: float = 1.0

    name: ClassVar[str] = "svm"
    kinds: ClassVar[tuple[str, ...]] = ("classification",)
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_strength("svm", self.strength)

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> LinearFitted:
        from sklearn.svm import LinearSVC

        model = LinearSVC(C=self.strength, random_state=seed % 2**32)
        return LinearFitted.of(model, train, task, probable=False)
