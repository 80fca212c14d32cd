"""The real sets through every form in every container and back: texts, labels, candidates and offsets."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.formats import FORMATS
from finetrie.data.reading import read
from finetrie.files import read_jsonl
from finetrie.records import Example, Unparsed
from finetrie.steps.converting import convert
from finetrie.tasks import locate, task_from
from tests.conftest import shared
from tests.unit.data.writing import jsonl

ROWS = 80
SETS = {"fudan_news": "classification", "tnews": "classification", "ccfbdci_ner": "ner"}
SUFFIXES = {"jsonl": ".jsonl", "json": ".json", "csv": ".csv", "tsv": ".tsv", "xlsx": ".xlsx", "parquet": ".parquet"}
WAYS = [
    (data, name, container)
    for data, kind in SETS.items()
    for name in FORMATS.names()
    for container in getattr(FORMATS.get(name), "writes", ())
    if kind in getattr(FORMATS.get(name), "kinds", ())
]


@pytest.mark.parametrize(("data", "name", "container"), WAYS)
def test_what_comes_back_is_what_went_in_but_for_what_was_said(
    tmp_path: Path, data: str, name: str, container: str
) -> None:
    if container in ("xlsx", "parquet"):
        pytest.importorskip({"xlsx": "openpyxl", "parquet": "pyarrow"}[container], reason="needs the extra 'tables'")
    source = jsonl(tmp_path / "a.jsonl", islice(read_jsonl(shared(f"data/{data}/test.jsonl")), 0, 4 * ROWS, 4))
    form: Any = FORMATS.get(name)
    result = convert(source, tmp_path / f"b{SUFFIXES.get(container, '.bio')}", to=name)
    before = read(source)
    after = read(result.path, format=name, kind="instruction" if form.asks else before.kind)
    assert (result.examples, result.rejected, len(after)) == (ROWS, 0, ROWS)
    differ = {
        "text": sum(a.text != b.text for a, b in zip(before, after, strict=True)),
        "target": sum(a.target != b.target for a, b in zip(before, after, strict=True)),
        "options": sum(a.options is not None and a.options != b.options for a, b in zip(before, after, strict=True)),
    }
    assert {part: count for part, count in differ.items() if count} == result.lost
    if form.asks is None:
        assert result.lost.keys() <= {"options"}
        assert "options" not in result.lost or name in ("doccano", "label_studio")
    else:
        _is_still_said(before.examples, after.examples)


def _is_still_said(before: tuple[Example, ...], after: tuple[Example, ...]) -> None:
    """A question holds the text, and its answer the label, or the words of the entities in their order."""
    labels = sorted({span.label for e in before for span in e.target or () if not isinstance(span, str)})
    for asked, answered in zip(before, after, strict=True):
        assert asked.text in answered.text
        assert isinstance(answered.target, str)
        if isinstance(asked.target, str):
            assert answered.target == asked.target
            continue
        mentions = task_from({"kind": "ner", "language": "zh", "labels": labels}).parse(answered.target)
        assert not isinstance(mentions, Unparsed)
        spans, _ = locate(asked.text, mentions)
        assert len(spans) == len(asked.target or ())
        assert {(asked.text[s.start : s.end], s.label) for s in spans} == {
            (asked.text[s.start : s.end], s.label) for s in asked.target or ()
        }
