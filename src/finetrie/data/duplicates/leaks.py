"""The audit across splits: training rows that give a test row away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.habits import Habits
from finetrie.data.duplicates.matches import Found, Leak
from finetrie.data.duplicates.meaning import Difference
from finetrie.data.duplicates.near import crowd_notice, near_pairs
from finetrie.data.duplicates.rows import Rows
from finetrie.data.duplicates.shingles import shingles
from finetrie.data.duplicates.vectors import Encoder, encode, vector_pairs
from finetrie.data.duplicates.verdict import DOUBTS, judge, same_target
from finetrie.files import Notice
from finetrie.records import Example

GIVEN_AWAY = 0.9
"""Jaccard similarity from which a text is known whatever differs: a name or a number in 60 characters and more."""


def find_leaks(
    train: Sequence[Example],
    test: Sequence[Example],
    *,
    kind: str,
    near: float | None = 0.5,
    shingle: int = 2,
    vectors: Encoder | None = None,
    alike: float = 0.9,
    seed: int = 0,
    notice: Notice | None = None,
) -> tuple[Leak, ...]:
    """Training rows that are like a test row, in their order, each with the test row that it gives away most.

    Arguments are those of `find_duplicates`. What is removed differs from there in two ways: targets do not matter,
    because a text that was trained on is known whatever its label, and a doubt speaks for the test, because a training
    row is cheaper than a score that is too good. Short rows about another name, another number or with a negation are
    reported with `remove=False`. Test rows are never removed.

    Args:
        notice: told when so many rows are alike that not every pair of them was compared.

    Raises:
        ConfigError: a threshold cannot be searched for, or a library for the chosen search is not installed.
    """
    audit = _Audit(test, train, free_answers=kind == "instruction")
    audit.exact()
    if near is not None:
        crowded = audit.near(near, shingle, seed)
        if crowded and notice is not None:
            notice(crowd_notice(crowded))
    if vectors is not None:
        audit.by_vector(vectors, alike, seed)
    return tuple(audit.worst[position] for position in sorted(audit.worst))


class _Audit:
    """The worst leak of each training row so far. Test rows come first: of a pair, the earlier row stays."""

    def __init__(self, test: Sequence[Example], train: Sequence[Example], *, free_answers: bool) -> None:
        self.rows = Rows.of([*test, *train])
        self.tests, self.free_answers = len(test), free_answers
        self.worst: dict[int, Leak] = {}
        self.repeats: set[int] = set()  # rows in the words of an earlier one
        self.twins: dict[int, list[int]] = {}  # first training row → the others in its words
        self._habits: Habits | None = None

    def exact(self) -> None:
        for group in self.rows.repeated():
            first, *others = group
            self.repeats.update(others)
            if first >= self.tests:
                self.twins[first] = others
                continue
            for position in others:
                if position >= self.tests:
                    self._add(self._leak(first, position, "exact", 1.0, Difference("same"), remove=True))

    def near(self, near: float, shingle: int, seed: int) -> int:
        """Returns the number of rows that were not compared with all those that may be like them."""
        positions = self._different()
        found = near_pairs(
            shingles([self.rows.texts[position] for position in positions], size=shingle),
            near=near,
            questions=self.rows.questions[positions],
            sides=positions < self.tests,
            seed=seed,
        )
        for first, second, score in found.pairs.renumbered(positions):
            self._judge(first, second, "near", score)
        return found.crowded

    def by_vector(self, encoder: Encoder, alike: float, seed: int) -> None:
        positions = np.array([p for p in self._different() if self.rows.texts[p]], dtype=np.int64)
        if len(positions) < 2:
            return
        found = vector_pairs(
            encode(encoder, [self.rows.texts[position] for position in positions]),
            alike=alike,
            questions=self.rows.questions[positions],
            sides=positions < self.tests,
            seed=seed,
        )
        for first, second, score in found.renumbered(positions):
            self._judge(first, second, "vector", score)

    def _judge(self, earlier: int, first: int, found: Found, score: float) -> None:
        """Take down what a pair is, for all training rows in the same words; nothing where it is only similar."""
        for later in (first, *self.twins.get(first, ())):
            known = self.worst.get(later - self.tests)
            if known is not None and known.remove:
                continue
            outcome, difference = judge(
                self.rows.examples[earlier],
                self.rows.examples[later],
                (self.rows.texts[earlier], self.rows.texts[later]),
                self.habits,
                by_vector=found == "vector",
                free_answers=self.free_answers,
            )
            if outcome == "unlike":
                continue
            known_text = found == "near" and score >= GIVEN_AWAY
            remove = difference.harmless or difference.sign in DOUBTS or known_text
            if known is None or remove:
                self._add(self._leak(earlier, later, found, score, difference, remove=remove))

    def _leak(
        self, earlier: int, later: int, found: Found, score: float, difference: Difference, *, remove: bool
    ) -> Leak:
        row, partner = self.rows.examples[later], self.rows.examples[earlier]
        same = same_target(partner, row)
        return Leak(row, partner, later - self.tests, found, score, difference, same, remove)

    def _add(self, leak: Leak) -> None:
        self.worst[leak.position] = leak

    def _different(self) -> NDArray[np.int64]:
        """Positions of one row for each different text."""
        return np.array([p for p in range(len(self.rows)) if p not in self.repeats], dtype=np.int64)

    @property
    def habits(self) -> Habits:
        """What these rows write again and again; counted when the first pair is compared."""
        if self._habits is None:
            self._habits = Habits(self.rows.texts[position] for position in self._different())
        return self._habits
