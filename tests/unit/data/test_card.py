from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.card import card, lengths
from finetrie.data.language import han_share, language
from finetrie.data.splits import Split, split
from finetrie.files import plain
from finetrie.records import Rejection, Span
from tests.unit.data.writing import examples


def test_a_card_counts_rows_labels_and_removed_rows() -> None:
    train, test = examples(["a", "b", "b"] * 10), examples(["a", "c"], file="test.jsonl", prefix="other")
    parts = split([*train, replace(train[0], text=test[0].text, origin="train.jsonl:31")], test=test, dev_fraction=0)
    facts = card(parts, [Rejection("train.jsonl:40", "bad_json", "not valid")])
    assert facts["kind"] == "classification"
    assert facts["rows"] == {"train": 30, "dev": 0, "test": 2}
    assert facts["labels"] == {"train": {"b": 20, "a": 10}, "dev": {}, "test": {"a": 1, "c": 1}}
    assert facts["rejected"] == {"count": 2, "by_rule": {"bad_json": 1, "test_overlap": 1}}
    assert facts["overlap"] == {"train_dev": 0, "train_test": 0, "dev_test": 0}
    assert facts["length"]["dev"] is None
    assert facts["notices"] == list(parts.notices)


def test_a_card_lists_duplicates_and_conflicts_by_origin() -> None:
    rows = examples(["a", "b", "a", "b"])
    rows[2] = replace(rows[2], text=f"{rows[0].text} ")  # a duplicate
    rows[3] = replace(rows[3], text=rows[0].text)  # a duplicate that disagrees
    facts = card(Split(tuple(rows), (), ()))
    assert facts["duplicates"]["train"] == {
        "count": 2,
        "groups": 1,
        "examples": [["train.jsonl:1", "train.jsonl:3", "train.jsonl:4"]],
    }
    assert facts["conflicts"]["count"] == 1
    (conflict,) = facts["conflicts"]["examples"]
    assert [(row["origin"], row["part"], row["target"]) for row in conflict["rows"]] == [
        ("train.jsonl:1", "train", "a"),
        ("train.jsonl:3", "train", "a"),
        ("train.jsonl:4", "train", "b"),
    ]


def test_a_card_sees_a_leak_that_was_kept() -> None:
    rows = examples(["a", "b"] * 5)
    assert card(Split(tuple(rows), (), tuple(rows[:3])))["overlap"] == {"train_dev": 0, "train_test": 3, "dev_test": 0}


def test_a_card_counts_entities() -> None:
    rows = examples([(Span(0, 1, "PER"), Span(2, 3, "PER")), (), (Span(0, 2, "GPE"),)])  # type: ignore[list-item]
    facts = card(Split(tuple(rows), (), ()))
    assert facts["kind"] == "ner"
    assert facts["entities"]["train"] == {"PER": 2, "GPE": 1}
    assert facts["rows_without_entities"]["train"] == 1
    assert "labels" not in facts


def test_a_card_is_plain_json() -> None:
    rows = examples([(Span(0, 1, "PER"),), (Span(0, 2, "PER"),)])  # type: ignore[list-item]
    same = [replace(row, text="one text") for row in rows]
    facts = card(Split(tuple(same), (), ()))
    assert facts["conflicts"]["count"] == 1
    assert json.loads(json.dumps(facts)) == facts == plain(facts)


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=50))
def test_length_quantiles_are_observed_lengths(sizes: list[int]) -> None:
    summary = lengths("x" * size for size in sizes)
    assert summary is not None
    ordered = sorted(sizes)
    assert (summary["min"], summary["max"]) == (ordered[0], ordered[-1])
    for name in ("p5", "p25", "p50", "p75", "p95", "p99"):
        assert summary[name] in sizes
        assert sum(size <= summary[name] for size in sizes) >= int(name[1:]) / 100 * len(sizes)
    assert lengths([]) is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["球队夺冠"], "zh"),
        (["使用 transformers Trainer 训练模型"], "zh"),
        (["The team won the cup in Nanjing (南京)"], "en"),
        (["12345 !!"], "en"),
        ([], "en"),
    ],
)
def test_language_is_told_by_han_characters_against_words(texts: list[str], expected: str) -> None:
    assert language(texts) == expected
    assert 0 <= han_share(texts) <= 1
