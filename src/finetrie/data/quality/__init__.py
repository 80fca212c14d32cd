"""Label quality: which labels are probably wrong, which rows to look at first, and why.

`assess` does all of it; each part is a function of its own that returns records with rule, evidence, partner and
score. Nothing here changes or drops a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finetrie.data.labels import kind_of_examples
from finetrie.data.quality.conflicts import annotated_two_ways
from finetrie.data.quality.entities import (
    entity_findings,
    minority_labels,
    surfaces_with_several_labels,
    unlabelled_mentions,
)
from finetrie.data.quality.findings import Finding, Review, Suspect, review
from finetrie.data.quality.folds import Probabilities
from finetrie.data.quality.labels import Balance, balance, candidate_faults, label_findings, similar_labels
from finetrie.data.quality.spans import span_findings
from finetrie.data.quality.suspects import Suspects, find_suspects
from finetrie.records import Example

__all__ = [
    "Balance",
    "Finding",
    "Probabilities",
    "Quality",
    "Review",
    "Suspect",
    "Suspects",
    "annotated_two_ways",
    "assess",
    "balance",
    "candidate_faults",
    "entity_findings",
    "find_suspects",
    "label_findings",
    "minority_labels",
    "review",
    "similar_labels",
    "span_findings",
    "surfaces_with_several_labels",
    "unlabelled_mentions",
]


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known about the labels of a data set."""

    balance: Balance
    suspects: Suspects
    findings: tuple[Finding, ...]

    def review(self) -> tuple[Review, ...]:
        """Rows in the order in which a person should look at them."""
        return review(self.suspects.ranked, self.findings)


def assess(
    examples: Sequence[Example],
    *,
    kind: str | None = None,
    probabilities: Probabilities | None = None,
    seed: int = 0,
) -> Quality:
    """Everything this package can say about labelled rows; see `find_suspects` for `probabilities`."""
    kind = kind or kind_of_examples(examples)
    of_kind: tuple[Finding, ...] = ()  # two answers to one question are no conflict
    if kind != "instruction":
        of_kind = entity_findings(examples) if kind == "ner" else annotated_two_ways(examples)
    return Quality(
        balance=balance(examples, kind=kind),
        suspects=find_suspects(examples, kind=kind, probabilities=probabilities, seed=seed),
        findings=(*label_findings(examples, kind=kind), *of_kind),
    )
