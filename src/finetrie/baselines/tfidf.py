"""TF-IDF of character n-grams and logistic regression: seconds of work, and hard to beat on many data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.baselines.linear import LinearFitted, check_strength
from finetrie.records import Example
from finetrie.tasks.base import Task

ITERATIONS = 100
TOLERANCE = 1e-3
"""The optimiser stops where the largest gradient is below this; answers do not change beyond it."""


@BASELINES.register("tfidf")
@dataclass(frozen=True)
class Tfidf:
    """TF-IDF of character n-grams and logistic regression; `strength` is scikit-learn's C."""

    strength: float = 10.0

    name: ClassVar[str] = "tfidf"
    kinds: ClassVar[tuple[str, ...]] = ("classification",)
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_strength("tfidf", self.strength)

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> LinearFitted:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.strength, max_iter=ITERATIONS, tol=TOLERANCE)
        fitted = LinearFitted.of(model, train, task, probable=True)
        if fitted.model is None:
            return fitted
        return replace(fitted, facts={**fitted.facts, "iterations": int(model.n_iter_.max())})
