"""Probabilities of labels from a model that never saw the row: TF-IDF and logistic regression, fold by fold."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from finetrie.data.quality.confident import Floats, Ints
from finetrie.data.tfidf import BEGIN, END, are_spaced, fit_vectorizer

FIT_CHARACTERS = 1_000_000
"""Characters that five models are fitted on, each on four fifths of them; of more a seeded, stratified sample is fitted
and every row judged. Where it does, fewer models are fitted on as many characters each."""

READ_CHARACTERS = 2_000
"""Characters of one text that are looked at, from its beginning."""

FEATURES = 200_000
PARAMETERS = 1_000_000
"""Weights of one model at most; the optimiser holds about 25 numbers of 8 bytes for each."""

REGULARISATION = 10.0
"""Inverse strength of the L2 penalty (scikit-learn's C)."""

ITERATIONS = 25
"""Steps of the optimiser at most; a ranking does not need the last digits of the weights. Twice as many find the same
share of planted errors in TNEWS, and one in a hundred more in Fudan news."""

BLOCK = 5_000
"""Rows judged at a time."""

_COMPARED_PIECES = 30
_KEPT_EACH = 5  # rows of each label and fold that every sample holds, so that no model misses a label


@dataclass(frozen=True, slots=True)
class Item:
    """Something that bears a label: a text, or an entity in its context."""

    fields: tuple[str, ...]  # what a model may look at; as many in every item
    label: str
    group: str  # items of one group are never on both sides of a fold


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What is known about each row from models that never saw it. Any model can be the source."""

    labels: tuple[str, ...]  # one a column
    values: Floats  # (rows, labels); lines of a row that nothing is said about are NaN
    explain: Callable[[int, str, str], tuple[str, ...]] | None = None
    """(row, given, suggested) → the pieces of the row that speak for `suggested` and against `given`."""
    notices: tuple[str, ...] = ()


def out_of_fold(
    items: Sequence[Item], *, folds: int = 5, seed: int = 0, characters: bool | None = None
) -> Probabilities:
    """Each item's probabilities from a model fitted on the other folds.

    Items are dealt to folds by label and by a hash of their group and `seed`, and fitted in that order: the result
    for an item does not depend on where it stands in `items`. A label whose items all fall into one fold, such as a
    label with one text, cannot be predicted: its lines are NaN, it has no column, and a notice counts it.

    Args:
        folds: at most; large sets have fewer, of which each leaves as much to fit a model on.
        characters: features are character 1- to 3-grams (True), or words and pairs of words (False); None: words for
            texts that put spaces between them.
    """
    each = FIT_CHARACTERS * (folds - 1) / folds
    folds = _enough_folds(items, folds, each)
    fold = assign_folds(items, folds=folds, seed=seed)
    places: dict[str, set[int]] = {}
    for item, place in zip(items, fold.tolist(), strict=True):
        places.setdefault(item.label, set()).add(place)
    labels = tuple(sorted(label for label, among in places.items() if len(among) > 1))
    notices = _alone(items, labels)
    values = np.full((len(items), len(labels)), np.nan, dtype=np.float32)
    if len(labels) < 2:
        return Probabilities(labels, values, notices=(*notices, "fewer than two labels can be compared"))
    order = _canonical_order(items, labels, seed)
    sample = _sample(items, order, fold, characters=round(each * folds / (folds - 1)))
    if len(sample) < len(order):
        notices.append(
            f"models were fitted on a sample of {len(sample)} of {len(order)} rows; all {len(order)} were judged"
        )
    rows = [items[i] for i in sample]
    if characters is None:
        characters = not are_spaced([field for item in rows for field in item.fields])
    model = _Linear.fitted(rows, labels, characters=characters)
    values[sample] = model.fit(rows, fold[np.asarray(sample)])
    fitted = set(sample)
    left = [i for i in order if i not in fitted]
    for start in range(0, len(left), BLOCK):
        block = left[start : start + BLOCK]
        values[block] = model.predict([items[i] for i in block], fold[block])

    def explain(row: int, given: str, suggested: str) -> tuple[str, ...]:
        return model.explain(items[row], int(fold[row]), given, suggested)

    return Probabilities(labels, values, explain, tuple(notices))


def assign_folds(items: Sequence[Item], *, folds: int, seed: int) -> Ints:
    """(items,): the fold of each. Groups stay whole; each label is spread evenly; the order of `items` is no matter."""
    counts = Counter((item.group, item.label) for item in items)
    stratum: dict[str, tuple[int, str]] = {}  # group → its most frequent label
    for (group, label), count in counts.items():
        stratum[group] = min(stratum.get(group, (0, "")), (-count, label))
    dealt = sorted(stratum, key=lambda group: (stratum[group][1], _digest(seed, group), group))
    place = {group: i % folds for i, group in enumerate(dealt)}
    return np.array([place[item.group] for item in items], dtype=np.int64)


class _Linear:
    """One TF-IDF for all folds, which sees no label, and one logistic regression a fold."""

    def __init__(self, vectorizers: list[Any], labels: tuple[str, ...]) -> None:
        self.vectorizers, self.labels = vectorizers, labels
        self.names: list[str] = [str(name) for v in vectorizers for name in v.get_feature_names_out()]
        self.models: dict[int, Any] = {}

    @classmethod
    def fitted(cls, items: Sequence[Item], labels: tuple[str, ...], *, characters: bool) -> _Linear:
        """The features of `items`, which are in a random order; no model yet."""
        known = items[: _within(items, FIT_CHARACTERS)]
        columns = [[item.fields[f] for item in known] for f in range(len(known[0].fields))]
        features = min(FEATURES, PARAMETERS // len(labels)) // len(columns)
        return cls([_vectorizer(texts, features, characters=characters) for texts in columns], labels)

    def fit(self, items: Sequence[Item], fold: Ints) -> Floats:
        """One model for each fold, of the items outside of it; (items, labels): the probabilities, as `predict`."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        matrix, column = self._matrix(items), {label: j for j, label in enumerate(self.labels)}
        given = np.array([column[item.label] for item in items])
        for k in sorted(set(fold.tolist())):
            model = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS, tol=1e-6)
            with warnings.catch_warnings():
                # Steps are counted instead: gradients of many labels or rare words are small from the beginning.
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.models[k] = model.fit(matrix[fold != k], given[fold != k])
        return self._probabilities(matrix, fold)

    def predict(self, items: Sequence[Item], fold: Ints) -> Floats:
        """(items, labels), each from the model that was fitted without its fold."""
        return self._probabilities(self._matrix(items), fold)

    def _probabilities(self, matrix: Any, fold: Ints) -> Floats:
        values = np.zeros((len(fold), len(self.labels)), dtype=np.float32)
        for k in sorted(set(fold.tolist())):
            values[fold == k] = self.models[k].predict_proba(matrix[fold == k])
        return values

    def explain(self, item: Item, fold: int, given: str, suggested: str) -> tuple[str, ...]:
        """Up to three pieces that weigh most for `suggested` against `given`, none inside another."""
        row = self._matrix([item])
        weights = self.models[fold].coef_[:, row.indices]
        if len(self.labels) == 2:  # one line of weights, for the second label
            weights = np.vstack([-weights[0], weights[0]])
        speaks = row.data * (weights[self.labels.index(suggested)] - weights[self.labels.index(given)])
        strongest = [i for i in np.argsort(-speaks, kind="stable")[:_COMPARED_PIECES] if speaks[i] > 0]
        weight = {self.names[row.indices[i]].strip(f"{BEGIN}{END} "): float(speaks[i]) for i in strongest}
        # A word says more to a person than the one of its characters that weighs most: pieces count with their parts.
        together = {name: sum(w for part, w in weight.items() if part in name) for name in weight if name}
        pieces: list[str] = []
        for name in sorted(together, key=lambda name: (-together[name], name)):
            if len(pieces) < 3 and not any(name in piece or piece in name for piece in pieces):
                pieces.append(name)
        return tuple(pieces)

    def _matrix(self, items: Sequence[Item]) -> Any:
        from scipy.sparse import hstack

        return hstack([v.transform([i.fields[f] for i in items]) for f, v in enumerate(self.vectorizers)], format="csr")


def _vectorizer(texts: Sequence[str], features: int, *, characters: bool) -> Any:
    return fit_vectorizer(
        texts,
        features=features,
        ngrams=(1, 3) if characters else (1, 2),
        characters=characters,
        least=2 if len(texts) >= 1000 else 1,
        reach=READ_CHARACTERS,
    )


def _canonical_order(items: Sequence[Item], labels: Sequence[str], seed: int) -> list[int]:
    """Indices of the items that can be judged, in an order that only what they say and `seed` decide."""
    known = set(labels)
    judged = [i for i, item in enumerate(items) if item.label in known]
    digests = {i: _digest(seed, items[i].group) for i in judged}
    return sorted(judged, key=lambda i: (digests[i], items[i].label, items[i].fields))


def _enough_folds(items: Sequence[Item], most: int, characters: float) -> int:
    """The fewest folds of which all but one hold as many `characters` as one model is fitted on; `most` where none."""
    size = sum(map(_size, items))
    return next((k for k in range(2, most) if size * (k - 1) / k >= characters), most)


def _sample(items: Sequence[Item], order: Sequence[int], fold: Ints, *, characters: int) -> list[int]:
    """The part of `order` that is fitted: all of it, or as much of each label as `characters` allow."""
    if sum(_size(items[i]) for i in order) <= characters:
        return list(order)
    cells = Counter((items[i].label, int(fold[i])) for i in order)
    seen: Counter[tuple[str, int]] = Counter()
    places: list[tuple[float, int]] = []
    for at, i in enumerate(order):
        cell = (items[i].label, int(fold[i]))
        rank = seen[cell]
        seen[cell] += 1
        places.append((-1.0 if rank < _KEPT_EACH else (rank + 0.5) / cells[cell], at))
    left = characters
    chosen: list[int] = []
    for position, at in sorted(places):
        left -= _size(items[order[at]])
        if left < 0 and position >= 0:
            break
        chosen.append(at)
    return [order[at] for at in sorted(chosen)]


def _size(item: Item) -> int:
    """Characters of an item that are looked at, and one for its end."""
    return sum(min(len(field), READ_CHARACTERS) for field in item.fields) + 1


def _within(items: Sequence[Item], characters: int) -> int:
    """How many of the first items have so many characters together; one at least."""
    return max(1, int(np.searchsorted(np.cumsum([_size(item) for item in items]), characters, side="right")))


def _alone(items: Sequence[Item], labels: Sequence[str]) -> list[str]:
    """A notice about the labels that stand on one side of the folds only."""
    missing = Counter(item.label for item in items)
    for label in labels:
        del missing[label]
    if not missing:
        return []
    named = ", ".join(f"{label!r} ({missing[label]})" for label in sorted(missing)[:10])
    more = f" and {len(missing) - 10} other labels" if len(missing) > 10 else ""
    return [f"{missing.total()} rows were not judged: too few different texts bear {named}{more}"]


def _digest(seed: int, text: str) -> bytes:
    return blake2b(f"{seed}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
