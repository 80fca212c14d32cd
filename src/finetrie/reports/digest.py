"""The rows worth reading out of `predictions.jsonl`, found in one pass over any number of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from finetrie.evaluation.entity_errors import KINDS, EntityErrors, pair_errors
from finetrie.records import Span

Row = dict[str, Any]

KEPT = 8
"""Examples of one kind that the page shows; the files hold all of them."""

MISTAKES = 20
"""Most confident mistakes on the page."""

DOCUMENTS_A_KIND = 3
"""Documents shown per kind of entity error."""


@dataclass
class Sample:
    """How many rows there are, and the first few of them."""

    count: int = 0
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.count += 1
        if len(self.rows) < KEPT:
            self.rows.append(row)


@dataclass
class Digest:
    """What the page shows of the predictions."""

    rows: int = 0
    mistakes: list[Row] = field(default_factory=list)  # wrong rows, most confident first
    unusual: dict[str, Sample] = field(default_factory=dict)  # out_of_label_set, unparsable, failed
    documents: dict[str, list[MarkedDocument]] = field(default_factory=dict)  # kind of entity error -> documents
    wrong: Sample = field(default_factory=Sample)  # wrong rows of a task without probabilities


@dataclass(frozen=True)
class MarkedDocument:
    """A document with its gold and predicted entities, and how they differ."""

    id: str
    text: str
    gold: frozenset[Span]
    found: frozenset[Span]
    errors: EntityErrors
    hallucinated: tuple[tuple[str, str], ...]  # (words, label)

    def has(self, kind: str) -> bool:
        return bool(self.hallucinated if kind == "hallucinated" else getattr(self.errors, kind))


def digest(predictions: Iterable[Row]) -> Digest:
    """Read all predictions once; memory holds only what is shown."""
    result = Digest(documents={kind: [] for kind in KINDS})
    confident: list[tuple[float, int, Row]] = []  # a heap: the least confident of the kept ones comes first
    for number, row in enumerate(predictions):
        result.rows += 1
        outcome = row.get("outcome")
        if outcome in ("out_of_label_set", "unparsable", "failed"):
            result.unusual.setdefault(outcome, Sample()).add(row)
        if isinstance(row.get("gold"), list):
            _keep_document(result, row)
        elif outcome == "wrong":
            result.wrong.add(row)
            probability = row.get("probability")
            if isinstance(probability, (int, float)):
                # The row's number breaks ties: earlier rows first, and rows are never compared.
                entry = (float(probability), -number, row)
                (heapq.heappush if len(confident) < MISTAKES else heapq.heappushpop)(confident, entry)
    result.mistakes = [row for _, _, row in sorted(confident, key=lambda entry: entry[:2], reverse=True)]
    return result


def _keep_document(result: Digest, row: Row) -> None:
    """Keep a document under the first kind of error that still needs one."""
    wanted = [kind for kind, kept in result.documents.items() if len(kept) < DOCUMENTS_A_KIND]
    if not wanted:
        return
    document = _marked(row)
    for kind in wanted:
        if document.has(kind):
            result.documents[kind].append(document)
            return


def _marked(row: Row) -> MarkedDocument:
    gold, found = _spans(row.get("gold")), _spans(row.get("prediction"))
    details = row.get("details")
    ghosts = details.get("hallucinated") if isinstance(details, dict) else None
    return MarkedDocument(
        id=str(row.get("id", "")),
        text=str(row.get("text", "")),
        gold=gold,
        found=found,
        errors=pair_errors(gold, found),
        hallucinated=tuple(_words_and_label(item) for item in ghosts or ()),
    )


def _spans(items: Any) -> frozenset[Span]:
    return frozenset(Span(int(i["start"]), int(i["end"]), str(i["label"])) for i in items or ())


def _words_and_label(item: Any) -> tuple[str, str]:
    """A mention as `predictions.jsonl` holds it: an object or a (words, label) pair."""
    if isinstance(item, dict):
        return str(item.get("surface", "")), str(item.get("label", ""))
    return str(item[0]), str(item[1])
