"""The CoNLL form of named-entity data: tokens and their BIO, BMES or BIOES tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetrie.data.columns import mostly, values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import (
    NESTED,
    Asked,
    Columns,
    Draft,
    Marked,
    Row,
    Shape,
    Unrecognised,
    keeps_columns,
    only_kind,
)
from finetrie.data.formats.fields import cell
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow
from finetrie.data.tokens import entities, joined, tokenised
from finetrie.records import Example

_TAGS = ("tags", "ner_tags", "labels", "ner")


@dataclass(frozen=True)
class Conll:
    """A token a line with its tag last, blank lines between sentences; or `tokens` and `tags` as lists."""

    scheme: str = "BIO"  # that is written; all are read
    about: str = "a token a line and its tag (BIO, BMES, BIOES), blank lines between; or {tokens: [...], tags: [...]}"
    containers: frozenset[str] = NESTED | {"conll"}
    rank: int = 10
    writes: tuple[str, ...] = ("conll",)
    kinds: frozenset[str] = frozenset({"ner"})
    asks: str | None = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        target = next((name for name in _TAGS if mostly(values(rows, name), list)), None)
        if not mostly(values(rows, "tokens"), list) or (asked.labelled and target is None):
            raise Unrecognised(
                "not in the conll format: a token a line with its tag, or lists in 'tokens' and 'tags'",
                fix='set data.format = "auto"',
            )
        keeps_columns(asked, "conll", text="tokens", target=target or "tags")
        only_kind(asked, "ner", "conll")
        return Columns("ner", "tokens", target if asked.labelled else None)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        tokens = _texts(row, columns.text)
        text, starts = joined(tokens)
        if not text.strip():
            raise BadRow("empty_text", "the sentence has no words", fix="delete it")
        if not labelled or columns.target is None:
            return Draft(text, None)
        tags = _texts(row, columns.target)
        if len(tags) != len(tokens):
            raise BadRow("bad_tag", f"{len(tokens)} tokens, but {len(tags)} tags", fix="give each token one tag")
        marked = []
        for first, last, label in entities(tags):
            start, end = starts[first], starts[last] + (len(tokens[last]) or 1)
            marked.append(Marked(start, end, label.strip(), text[start:end]))
        return Draft(text, tuple(marked))

    def sample(self) -> Sequence[Row]:
        return (
            {"tokens": list("他在南京工作"), "tags": ["O", "O", "B-GPE", "I-GPE", "O", "O"]},
            {"tokens": ["She", "left", "New", "York"], "tags": ["O", "O", "B-LOC", "I-LOC"]},
        )

    def written(self, shape: Shape) -> Columns:
        return Columns("ner", "tokens", "tags")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return ("tokens", "tags")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        spans: Any = example.target
        strange = next((span.label for span in spans if any(c.isspace() for c in span.label)), None)
        if strange is not None:
            raise BadRow(
                "unwritable",
                f"the label {strange!r} holds white space, which ends a field in this format",
                fix="rename the label, or convert to jsonl or doccano",
            )
        tokens, tags = tokenised(example.text, spans, self.scheme)
        yield {"tokens": tokens, "tags": tags}


def _texts(row: Row, name: str) -> list[str]:
    value = cell(row, name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        inside = next((item for item in value if not isinstance(item, str)), None) if isinstance(value, list) else value
        raise BadRow(
            "wrong_type", f"{name!r} must be a list of texts, got {kind_of(inside)}", fix="write tags by their names"
        )
    return value


FORMATS.register("conll")(Conll())
