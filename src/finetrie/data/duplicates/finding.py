"""The search within one set of rows: exact, then near, then by vectors; each row is compared with rows that stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.habits import Habits
from finetrie.data.duplicates.matches import Duplicates, Found, Match
from finetrie.data.duplicates.meaning import Difference
from finetrie.data.duplicates.near import crowd_notice, near_pairs
from finetrie.data.duplicates.rows import Rows
from finetrie.data.duplicates.shingles import shingles
from finetrie.data.duplicates.vectors import Encoder, encode, vector_pairs
from finetrie.data.duplicates.verdict import judge, same_target
from finetrie.records import Example, Target


def find_duplicates(
    examples: Sequence[Example],
    *,
    kind: str,
    near: float | None = 0.5,
    shingle: int = 2,
    vectors: Encoder | None = None,
    alike: float = 0.9,
    seed: int = 0,
) -> Duplicates:
    """Rows that repeat an earlier row of the same set, and what to do about each.

    1. Exact: the same words, without regard to width, case and white space (and the same instruction and turns).
    2. Near: at least the share `near` of the shingles is common (Jaccard, computed exactly).
    3. By vectors, where an encoder is given: the cosine is at least `alike`.

    A row is dropped only when an earlier row that stays has the same target and differs from it in nothing but
    punctuation, the order of clauses or a slip of writing. So no chain of small changes removes a row that is unlike
    every row that stays. Different targets are conflicts; names, numbers and negations keep both rows.

    The result depends on the rows, their order and `seed`. Memory beside the rows: about 600 bytes a headline, and 8 a
    character of longer texts.

    Args:
        kind: "classification", "ner" or "instruction"; in the last, targets are answers in free words.
        near: Jaccard similarity above 0, at most 1; None leaves out this search. At .5 one changed character is found
            in texts of 7 characters and more, three in texts of 19 and more.
        shingle: words in a shingle; a Chinese character is a word. Larger ones find less in short texts.
        vectors: texts → one vector each, for example `CharacterNgrams()`; None leaves out this search.

    Raises:
        ConfigError: a threshold cannot be searched for, or a library for the chosen search is not installed.
    """
    search = _Search(Rows.of(examples), free_answers=kind == "instruction")
    search.exact()
    if near is not None:
        search.near(near, shingle, seed)
    if vectors is not None:
        search.by_vector(vectors, alike, seed)
    return search.result()


class _Search:
    """What was found so far: positions of dropped rows, and the best match of each row that stays."""

    def __init__(self, rows: Rows, *, free_answers: bool) -> None:
        self.rows, self.free_answers = rows, free_answers
        self.drops: dict[int, Match] = {}
        self.conflicts: dict[int, Match] = {}
        self.kept: dict[int, Match] = {}
        self.judged: set[tuple[int, int]] = set()
        self.followers: defaultdict[int, list[int]] = defaultdict(list)  # partner → rows dropped for it
        self.repeats: set[int] = set()  # rows in the words of an earlier one; their other partners are its partners
        self.similar = 0
        self.notices: list[str] = []
        self._habits: Habits | None = None

    def exact(self) -> None:
        for group in self.rows.repeated():
            firsts = {self.rows.examples[group[0]].target: group[0]}  # the first row of each target
            for position in group[1:]:
                first = self._first_with_target(firsts, position)
                if first is not None:
                    self.drops[position] = self._match(first, position, "exact", 1.0, Difference("same"))
                    self.followers[first].append(position)
                    continue
                self.conflicts[position] = self._match(group[0], position, "exact", 1.0, Difference("same"))
                self.repeats.add(position)
                firsts[self.rows.examples[position].target] = position

    def near(self, near: float, shingle: int, seed: int) -> None:
        positions = self._left()
        texts = [self.rows.texts[position] for position in positions]
        found = near_pairs(
            shingles(texts, size=shingle), near=near, questions=self.rows.questions[positions], seed=seed
        )
        if found.crowded:
            self.notices.append(crowd_notice(found.crowded))
        self._judge(found.pairs.renumbered(positions), "near")

    def by_vector(self, encoder: Encoder, alike: float, seed: int) -> None:
        positions = np.array([p for p in self._left() if self.rows.texts[p]], dtype=np.int64)
        if len(positions) < 2:
            return
        vectors = encode(encoder, [self.rows.texts[position] for position in positions])
        found = vector_pairs(vectors, alike=alike, questions=self.rows.questions[positions], seed=seed)
        self._judge((pair for pair in found.renumbered(positions) if pair[:2] not in self.judged), "vector")

    def result(self) -> Duplicates:
        """All matches in row order. What concerns a partner that was dropped later concerns the row it repeats."""
        conflicts = {position: self._to_staying(match) for position, match in self.conflicts.items()}
        kept = {p: match for p, match in self.kept.items() if match.partner_position not in self.drops}
        return Duplicates(
            _in_row_order(self.drops),
            _in_row_order(conflicts),
            _in_row_order(kept),
            self.similar,
            tuple(self.notices),
        )

    def _to_staying(self, match: Match) -> Match:
        gone = self.drops.get(match.partner_position)
        return match if gone is None else replace(gone, row=match.row, position=match.position)

    def _judge(self, pairs: Iterable[tuple[int, int, float]], found: Found) -> None:
        """Decide row by row, in their order: a partner that was dropped decides nothing any more."""
        for later, partners in groupby(pairs, key=lambda pair: pair[1]):
            for earlier, _, score in partners:
                if earlier in self.drops:
                    continue
                outcome, difference = self._outcome(earlier, later, found)
                if outcome == "unlike":
                    self.similar += 1
                    continue
                self.judged.add((earlier, later))
                match = self._match(earlier, later, found, score, difference)
                if outcome == "drop" and not self._is_needed(later):
                    self._drop(earlier, later, match)
                    break
                matches = self.conflicts if outcome == "conflict" else self.kept
                matches.setdefault(later, match)

    def _is_needed(self, position: int) -> bool:
        """Whether rows in other words were dropped for this one: it stays, as they need not be like its partner."""
        return any(self.drops[follower].found != "exact" for follower in self.followers.get(position, ()))

    def _drop(self, earlier: int, later: int, match: Match) -> None:
        """Drop a row, and say of the rows in its very words that they were dropped for the same partner."""
        self.conflicts.pop(later, None)
        self.kept.pop(later, None)
        moved = [later, *self.followers.pop(later, ())]
        for position in moved:
            self.drops[position] = replace(match, row=self.rows.examples[position], position=position)
        self.followers[earlier] += moved

    def _outcome(self, earlier: int, later: int, found: Found) -> tuple[str, Difference]:
        examples, texts = self.rows.examples, self.rows.texts
        return judge(
            examples[earlier],
            examples[later],
            (texts[earlier], texts[later]),
            self.habits,
            by_vector=found == "vector",
            free_answers=self.free_answers,
        )

    def _first_with_target(self, firsts: dict[Target | None, int], position: int) -> int | None:
        examples = self.rows.examples
        if not isinstance(examples[position].target, tuple):
            return firsts.get(examples[position].target)
        # Equal entities may stand at other offsets, where white space or width differs.
        return next((first for first in firsts.values() if same_target(examples[first], examples[position])), None)

    def _match(self, earlier: int, later: int, found: Found, score: float, difference: Difference) -> Match:
        examples = self.rows.examples
        return Match(examples[later], examples[earlier], later, earlier, found, score, difference)

    def _left(self) -> NDArray[np.int64]:
        """Positions of one row for each different text, of those not dropped."""
        gone = self.drops.keys() | self.repeats
        return np.array([position for position in range(len(self.rows)) if position not in gone], dtype=np.int64)

    @property
    def habits(self) -> Habits:
        """What these rows write again and again; counted when the first pair is compared."""
        if self._habits is None:
            self._habits = Habits(self.rows.texts[position] for position in self._left())
        return self._habits


def _in_row_order(matches: dict[int, Match]) -> tuple[Match, ...]:
    return tuple(matches[position] for position in sorted(matches))
