"""Entity errors for the page: how many of each kind, and documents that show them."""

from __future__ import annotations

from dataclasses import dataclass

from finetrie.evaluation.entity_errors import KINDS
from finetrie.records import Span
from finetrie.reports.digest import Digest, MarkedDocument, Row
from finetrie.reports.marks import Piece, mark
from finetrie.reports.words import Words


@dataclass(frozen=True)
class ErrorRow:
    """One kind of error, with its share of all errors."""

    kind: str
    name: str
    explanation: str
    count: int
    share: float


@dataclass(frozen=True)
class ErrorExample:
    """A document twice: with its true entities, and with those that the model named."""

    kind: str
    id: str
    gold: list[Piece]
    found: list[Piece]
    hallucinated: tuple[tuple[str, str], ...]


def error_rows(metrics: Row, words: Words) -> list[ErrorRow]:
    """The kinds of error in a fixed order."""
    errors = metrics.get("errors") or {}
    total = sum(errors.values()) or 1
    return [
        ErrorRow(kind, words(f"error_{kind}"), words(f"explain_{kind}"), errors[kind], errors[kind] / total)
        for kind in KINDS
        if kind in errors
    ]


def error_examples(digest: Digest) -> list[ErrorExample]:
    return [_example(kind, document) for kind, documents in digest.documents.items() for document in documents]


def _example(kind: str, document: MarkedDocument) -> ErrorExample:
    errors = document.errors
    gold_kind: dict[Span, str] = {g: "wrong_type" for g, _ in errors.wrong_type}
    gold_kind |= {g: "partial" for g, _ in errors.partial} | dict.fromkeys(errors.missed, "missed")
    found_kind: dict[Span, str] = {f: "wrong_type" for _, f in errors.wrong_type}
    found_kind |= {f: "partial" for _, f in errors.partial} | dict.fromkeys(errors.spurious, "spurious")
    focus = document.gold | document.found
    return ErrorExample(
        kind,
        document.id,
        mark(document.text, [(s, gold_kind.get(s, "right")) for s in sorted(document.gold)], focus=focus),
        mark(document.text, [(s, found_kind.get(s, "right")) for s in sorted(document.found)], focus=focus),
        document.hallucinated,
    )
