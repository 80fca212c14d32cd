"""What the linear baselines share: TF-IDF of character n-grams under a model with one weight per n-gram and label."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np

from finetrie.baselines.base import among, chosen_label, offered
from finetrie.data.tfidf import are_spaced, fit_vectorizer
from finetrie.errors import ConfigError
from finetrie.records import Example, Prediction
from finetrie.tasks.base import Task

FEATURES = 200_000
"""N-grams at most; the most frequent ones are kept."""

PARAMETERS = 10_000_000
"""Weights at most; with very many labels fewer n-grams are kept. The optimiser holds about 25 numbers for each."""

SPACED = (1, 5)
UNSPACED = (1, 3)
"""Lengths of n-grams. Where words are written with spaces, three letters are too few to tell them apart."""


@dataclass(frozen=True)
class Vectors:
    """Texts as sparse vectors."""

    vectorizer: Any
    matrix: Any  # (rows, n-grams), sparse
    ngrams: tuple[int, int]
    seconds: float  # that it took


@lru_cache(maxsize=1)
def vectors_of(texts: tuple[str, ...], *, features: int) -> Vectors:
    """The vectors of training texts; kept, because several baselines are usually fitted to the same rows in turn."""
    started = perf_counter()
    ngrams = SPACED if are_spaced(texts) else UNSPACED
    vectorizer = fit_vectorizer(texts, features=features, ngrams=ngrams)
    return Vectors(vectorizer, vectorizer.transform(texts), ngrams, perf_counter() - started)


@dataclass(frozen=True)
class Features:
    """Training texts as vectors, and the labels they bear."""

    vectors: Vectors
    labels: Any  # (rows,) of str
    reused: bool  # the vectors were there before; what they cost belongs to this baseline all the same

    @classmethod
    def of(cls, train: Sequence[Example], task: Task[Any]) -> Features:
        texts = tuple(text_of(example) for example in train)
        features = min(FEATURES, max(1, PARAMETERS // max(len(task.labels), 1)))
        before = vectors_of.cache_info().hits
        vectors = vectors_of(texts, features=features)
        labels = np.array([task.target(example) for example in train], dtype=object)
        return cls(vectors, labels, reused=vectors_of.cache_info().hits > before)

    def facts(self, model: Any) -> dict[str, Any]:
        """`model` is None where there is only one label, which needs no model."""
        trainable = 0 if model is None else int(model.coef_.size + model.intercept_.size)
        return {
            "trainable": trainable,
            "features": int(self.vectors.matrix.shape[1]),
            "ngrams": list(self.vectors.ngrams),
            "shared_seconds": self.vectors.seconds if self.reused else 0.0,
        }


def check_strength(name: str, strength: float) -> None:
    if not 0 < strength < float("inf"):
        raise ConfigError(f"{name}: strength: expected a number above 0, got {strength!r}", fix="10 is usual")


def text_of(example: Example) -> str:
    """Everything of a row that can tell its label: its own instruction, where it has one, and the text."""
    return example.text if example.instruction is None else f"{example.instruction}\n{example.text}"


@dataclass(frozen=True)
class LinearFitted:
    """A fitted linear model. `probable`: its scores are log-probabilities, up to a constant for each row."""

    vectorizer: Any
    model: Any  # None: the training rows bear only one label
    labels: tuple[str, ...]  # those of the training rows, in the order of the model's scores
    task: Task[Any]
    probable: bool
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, model: Any, train: Sequence[Example], task: Task[Any], *, probable: bool) -> LinearFitted:
        """`model`, a linear classifier of scikit-learn, fitted to the rows."""
        from sklearn.exceptions import ConvergenceWarning

        features = Features.of(train, task)
        if len(set(features.labels)) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of the weights change no answer
                model.fit(features.vectors.matrix, features.labels)
            labels = tuple(model.classes_)
        else:
            model, labels = None, (str(features.labels[0]),)
        return cls(features.vectors.vectorizer, model, labels, task, probable, features.facts(model))

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        if not examples:
            return
        if self.model is None:
            scores = np.zeros((len(examples), 1))
        else:
            scores = self.model.decision_function(self.vectorizer.transform([text_of(e) for e in examples]))
        if scores.ndim == 1:  # two labels: one score, for the second of them
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        for example, row in zip(examples, scores, strict=True):
            yield self._one(example, dict(zip(self.labels, row.tolist(), strict=True)))

    def _one(self, example: Example, scores: Mapping[str, float]) -> Prediction:
        candidates = offered(example, self.task)
        known = {label: scores[label] for label in candidates if label in scores}
        if not self.probable:
            answer = max(known, key=known.__getitem__) if known else candidates[0]
            return Prediction(example.id, answer, answer)
        highest = max(known.values(), default=0.0)
        weights = {label: float(np.exp(score - highest)) for label, score in known.items()}
        return chosen_label(example, among(candidates, weights))
