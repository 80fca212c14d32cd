"""Recall and precision on a generated set, on the sample's planted values, and silence on real headlines."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from finetrie.data.privacy import ALL, find_personal_data
from finetrie.data.sample import planted_path, sample_path
from tests.conftest import shared

ROWS = 3000
SCRIPT = Path(__file__).parents[3] / "scripts" / "make_private.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_private", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_recall_and_precision_on_the_generated_set(generator: ModuleType) -> None:
    """A value counts only with its kind and both borders; every kind and every look-alike occurs."""
    hits: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    lookalikes: set[str] = set()
    missed = []
    for row in generator.rows(7, ROWS):
        expected = {(f["kind"], f["start"], f["end"]) for f in row["findings"]}
        found = {(f.kind, f.start, f.end) for f in find_personal_data(row["text"])}
        gold.update(kind for kind, _, _ in expected)
        hits.update(kind for kind, _, _ in expected & found)
        wrong.update(kind for kind, _, _ in found - expected)
        lookalikes |= {row["lookalike"]} - {None}
        missed += [(row["text"], expected ^ found)] if expected ^ found else []
    assert set(gold) == set(ALL) - {"name", "address"}
    assert lookalikes == set(generator.LOOKALIKES)
    assert min(gold.values()) > 200
    assert {kind: hits[kind] / gold[kind] for kind in gold if hits[kind] / gold[kind] < 0.99} == {}, missed[:20]
    assert {kind: n for kind, n in wrong.items() if n / (n + hits[kind]) > 0.01} == {}, missed[:20]


def test_the_generator_gives_the_same_rows_again_and_a_longer_set_begins_with_a_shorter(generator: ModuleType) -> None:
    assert list(generator.rows(3, 30)) == list(generator.rows(3, 60))[:30]
    assert list(generator.rows(3, 30)) != list(generator.rows(4, 30))


def test_every_planted_value_of_the_sample_is_found_and_nothing_else() -> None:
    names = {"id_card": "id_card", "phone": "mobile", "mail": "email"}
    planted = json.loads(planted_path().read_text(encoding="utf-8"))["personal_data"]
    expected = {row["id"]: sorted(names[kind] for kind in row["kinds"]) for row in planted}
    rows = [
        json.loads(line)
        for split in ("train", "test")
        for line in sample_path(split).read_text(encoding="utf-8").splitlines()
    ]
    found = {row["id"]: sorted(finding.kind for finding in find_personal_data(row["text"])) for row in rows}
    assert {id_: kinds for id_, kinds in found.items() if kinds or id_ in expected} == expected


@pytest.mark.parametrize(
    ("name", "column"),
    [
        *((f"data/tnews/{part}.jsonl", "sentence") for part in ("train", "dev", "test")),
        *((f"data/ccfbdci_ner/{part}.jsonl", "text") for part in ("train", "test")),
    ],
)
def test_public_news_holds_hardly_any(name: str, column: str) -> None:
    """News texts name offices with their landlines; another kind, or many of this one, would be a false alarm."""
    lines = [line for line in shared(name).read_text(encoding="utf-8").split("\n") if line]
    findings = [finding for line in lines for finding in find_personal_data(json.loads(line)[column])]
    assert {finding.kind for finding in findings} <= {"landline"}, findings
    assert len(findings) <= 3, findings
