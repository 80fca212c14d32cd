"""TF-IDF of character n-grams and a linear support vector machine."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.baselines.linear import Features, LinearFitted
from finetrie.baselines.tfidf import check_strength
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
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        features, model = Features.of(train, task), None
        if len(set(features.labels)) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of the weights change no answer
                model = LinearSVC(C=self.strength, random_state=seed % 2**32)
                model.fit(features.vectors.matrix, features.labels)
        labels = tuple(model.classes_) if model is not None else (str(features.labels[0]),)
        facts = features.facts(model)
        return LinearFitted(features.vectors.vectorizer, model, labels, task, probable=False, facts=facts)
