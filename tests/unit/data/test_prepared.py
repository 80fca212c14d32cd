"""Rows of a run directory are read back as they were, whatever a single row has of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from finetrie.data.reading import read
from finetrie.records import Example, Span
from finetrie.steps.store import write_examples

PLAIN = [Example(f"{i}", f" 第{i}条 news 🎉", "ab"[i % 2], f"all.csv:{i + 1}") for i in range(30)]


@pytest.mark.parametrize("format", ["auto", "prepared"])
@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        pytest.param("classification", PLAIN, id="labels"),
        pytest.param(
            "classification",
            [replace(PLAIN[0], options=("a", "b, c")), *PLAIN[1:]],
            id="candidates in one row of thirty",
        ),
        pytest.param(
            "classification",
            [*PLAIN[:29], replace(PLAIN[29], instruction="Only this one.")],
            id="an instruction in one row of thirty",
        ),
        pytest.param(
            "instruction",
            [
                replace(PLAIN[0], target="Yes: <b>", history=({"role": "user", "content": "hi"},), reasoning="Why not"),
                *(replace(e, target=f"answer {e.id}") for e in PLAIN[1:]),
            ],
            id="earlier turns and thoughts in one row",
        ),
        pytest.param(
            "ner",
            [replace(e, target=(Span(1, 2, "X"), Span(10, 11, "Y")) if i == 3 else ()) for i, e in enumerate(PLAIN)],
            id="entities in one row",
        ),
    ],
)
def test_prepared_rows_come_back(tmp_path: Path, kind: str, examples: list[Example], format: str) -> None:
    path = tmp_path / "train.jsonl"
    write_examples(path, examples)
    found = read(path, format=format, kind=kind)
    assert found.format == "prepared"
    assert not found.rejected
    assert [replace(e, origin="") for e in found.examples] == [replace(e, origin="") for e in examples]
