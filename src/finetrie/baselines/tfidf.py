"""TF-IDF of character n-grams and logistic regression: seconds of work, and hard to beat on many data sets."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.baselines.linear import Features, LinearFitted
from finetrie.errors import ConfigError
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
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        features, model, facts = Features.of(train, task), None, {}
        if len(set(features.labels)) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the facts say how many steps it took
                model = LogisticRegression(C=self.strength, max_iter=ITERATIONS, tol=TOLERANCE)
                model.fit(features.vectors.matrix, features.labels)
            facts = {"iterations": int(model.n_iter_.max())}
        labels = tuple(model.classes_) if model is not None else (str(features.labels[0]),)
        facts = {**features.facts(model), **facts}
        return LinearFitted(features.vectors.vectorizer, model, labels, task, probable=True, facts=facts)


def check_strength(name: str, strength: float) -> None:
    if not 0 < strength < float("inf"):
        raise ConfigError(f"{name}: strength: expected a number above 0, got {strength!r}", fix="10 is usual")
