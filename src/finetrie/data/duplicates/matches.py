"""What a search for duplicates finds, with the evidence: each finding can become a line of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from finetrie.data.duplicates.meaning import SAYS, Difference
from finetrie.records import Example, Rejection

Found: TypeAlias = Literal["exact", "near", "vector"]
SCORES = {"exact": "the same words", "near": "Jaccard similarity", "vector": "cosine similarity"}
SHOWN_PIECES = 3


@dataclass(frozen=True, slots=True)
class Match:
    """A row that is like an earlier one."""

    row: Example
    partner: Example  # the earlier row; it stays
    position: int  # of `row` in the rows that were searched
    partner_position: int
    found: Found
    score: float  # in [0, 1]: 1.0 for the same words, else Jaccard of the shingles or cosine of the vectors
    difference: Difference  # pieces: (in the partner, in the row)

    @property
    def rule(self) -> str:
        return f"{self.found}_duplicate"

    @property
    def reason(self) -> str:
        """For a person: how alike the two rows are, and what differs."""
        return f"like {self.partner.origin} ({evidence(self.found, self.score, self.difference)})"

    def rejection(self) -> Rejection:
        """The line of `rejected.jsonl` for a row that is dropped."""
        return _rejection(self)

    def record(self) -> dict[str, Any]:
        """Plain values for a file of conflicts or of rows that were kept."""
        return {
            **_facts(self),
            "target": self.row.target,
            "partner_target": self.partner.target,
        }


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The outcome for each row that is like an earlier one, in row order.

    A row stands in at most one of `drops` and `kept`, and in `conflicts` once at most, each time with its most similar
    partner. Partners are rows that stay.
    """

    drops: tuple[Match, ...]  # same target, nothing but a harmless difference: can be removed
    conflicts: tuple[Match, ...]  # labelled differently: for a person to decide; both rows stay
    kept: tuple[Match, ...]  # alike, but a name, a number, a negation or the wording differs; both rows stay
    similar: int = 0  # further pairs above the threshold that differ in more than a few words
    notices: tuple[str, ...] = ()

    def rejections(self) -> tuple[Rejection, ...]:
        return tuple(match.rejection() for match in self.drops)

    def remaining(self, examples: Sequence[Example]) -> list[Example]:
        """The rows that were searched, without those to drop."""
        dropped = {match.position for match in self.drops}
        return [example for position, example in enumerate(examples) if position not in dropped]


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row that the test rows give away."""

    row: Example  # of training
    partner: Example  # of test; test rows are never removed
    position: int  # of `row` in the training rows
    found: Found
    score: float
    difference: Difference  # pieces: (in the test row, in the training row)
    same_target: bool
    remove: bool  # False: only alike, as a sentence about another name, number or with a negation is

    @property
    def rule(self) -> str:
        return f"{self.found}_leak"

    @property
    def reason(self) -> str:
        labelled = "" if self.same_target else "; labelled differently"
        return f"like {self.partner.origin} ({evidence(self.found, self.score, self.difference)}{labelled})"

    def rejection(self) -> Rejection:
        """The line of `rejected.jsonl` for a training row that is removed."""
        return _rejection(self)

    def record(self) -> dict[str, Any]:
        """Plain values for a card or a file."""
        return {
            **_facts(self),
            "same_target": self.same_target,
            "remove": self.remove,
        }


def evidence(found: Found, score: float, difference: Difference) -> str:
    """How alike, and what differs, in a few words."""
    if found == "exact":
        return SCORES[found]
    pieces = "; ".join(f"{one or '∅'} → {other or '∅'}" for one, other in difference.pieces[:SHOWN_PIECES])
    if len(difference.pieces) > SHOWN_PIECES:
        pieces += f"; {len(difference.pieces) - SHOWN_PIECES} more"
    return f"{SCORES[found]} {score:.2f}; {SAYS[difference.sign]}" + (f": {pieces}" if pieces else "")


def _rejection(match: Match | Leak) -> Rejection:
    row, partner = match.row, match.partner
    return Rejection(row.origin, match.rule, match.reason, partner=partner.origin, text=row.text)


def _facts(match: Match | Leak) -> dict[str, Any]:
    return {
        "origin": match.row.origin,
        "partner": match.partner.origin,
        "rule": match.rule,
        "score": round(match.score, 4),
        "differs": match.difference.sign,
        "pieces": [list(piece) for piece in match.difference.pieces],
        "reason": match.reason,
        "text": match.row.text,
        "partner_text": match.partner.text,
    }
