"""The real data sets, where they are at hand: counts, columns, offsets."""

from __future__ import annotations

from collections import Counter

import pytest

from finetrie.data.card import card
from finetrie.data.reading import iter_rows, read
from finetrie.data.splits import split
from finetrie.records import Example, Span
from tests.conftest import shared


@pytest.mark.parametrize(("part", "rows"), [("train", 1280), ("test", 320)])
def test_fudan_news(part: str, rows: int) -> None:
    data = read(shared(f"data/fudan_news/{part}.jsonl"))
    assert (data.format, data.kind, data.target, data.options, len(data)) == (
        "fudan",
        "classification",
        "output",
        "category",
        rows,
    )
    assert Counter(e.target for e in data) == dict.fromkeys(("Politics", "Economy", "Sports", "Computer"), rows // 4)
    assert {e.options for e in data} == {("Politics", "Economy", "Sports", "Computer")}
    assert not data.notices


@pytest.mark.parametrize(("part", "rows"), [("train", 1185), ("dev", 1098), ("test", 2010)])
def test_tnews(part: str, rows: int) -> None:
    data = read(shared(f"data/tnews/{part}.jsonl"))
    assert (data.format, data.kind, data.text, data.target, len(data)) == (
        "jsonl",
        "classification",
        "sentence",
        "label_desc",
        rows,
    )
    assert len({e.target for e in data}) == 15
    assert len({e.id for e in data}) == rows
    assert not any(":" in e.id for e in data)  # the rows' own ids
    assert not data.notices


@pytest.mark.parametrize(("part", "rows", "entities"), [("train", 10_000, None), ("test", 2000, 1645)])
def test_ccf(part: str, rows: int, entities: int | None) -> None:
    path = shared(f"data/ccfbdci_ner/{part}.jsonl")
    data = read(path)
    assert (data.format, data.kind, len(data)) == ("ccf", "ner", rows)
    assert not data.notices
    total = 0
    for raw, example in zip(iter_rows(path), data, strict=True):
        assert isinstance(raw.result, Example)
        assert isinstance(example.target, tuple)
        surfaces = sorted((e["entity_label"], e["entity_text"]) for e in raw.row["entities"])
        assert surfaces == sorted(
            (s.label, example.text[s.start : s.end]) for s in example.target if isinstance(s, Span)
        )
        total += len(surfaces)
    assert entities in (None, total)


def test_ccf_leaks_are_found() -> None:
    train, test = (read(shared(f"data/ccfbdci_ner/{part}.jsonl")) for part in ("train", "test"))
    parts = split(train, test=test, kind=train.kind)
    assert len(parts.train) + len(parts.dev) + len(parts.rejected) == 10_000
    assert len(parts.rejected) == 659
    facts = card(parts)
    assert facts["overlap"] == {"train_dev": 0, "train_test": 0, "dev_test": 0}
    assert facts["rejected"]["by_rule"] == {"test_overlap": 659}
