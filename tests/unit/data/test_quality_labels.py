"""Labels as a set: their balance, their spelling, the lists they are chosen from, and what to look at first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetrie.data.quality import (
    Finding,
    annotated_two_ways,
    assess,
    balance,
    candidate_faults,
    label_findings,
    review,
    similar_labels,
)
from finetrie.data.quality.findings import chance_of_next
from finetrie.files import json_line
from finetrie.records import Example, Span
from tests.unit.data.writing import examples


def test_balance_counts_rows_and_their_evenness() -> None:
    spread = balance(examples(["a"] * 6 + ["b"] * 3 + ["c"] * 3), kind="classification")
    assert spread.counts == (("a", 6), ("b", 3), ("c", 3))
    assert (spread.largest_share, spread.ratio) == (0.5, 2.0)
    assert spread.effective == pytest.approx(2**1.5)
    assert balance(examples(["a", "b"] * 5)).effective == pytest.approx(2)
    assert balance([]).counts == ()
    assert balance([]).largest_share is None


def test_rare_and_dominant_labels_are_named_with_their_rows() -> None:
    found = label_findings(examples(["often"] * 95 + ["seldom"] * 3))
    assert [(f.rule, f.given, f.score) for f in found] == [
        ("rare_label", "seldom", pytest.approx(1 / 3)),
        ("dominant_label", "often", pytest.approx(95 / 98)),
    ]
    assert found[0].examples == ("train.jsonl:96", "train.jsonl:97", "train.jsonl:98")
    assert "has 3 rows" in found[0].evidence


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("体育", "体育 ", "white space"),
        ("体 育", "体育", "white space"),
        ("Sports", "sports", "case"),
        ("ＩＴ", "IT", "width"),
        ("ＩＴ", "it", "width and case"),
        ("news_edu", "News Edu", "case and white space and marks"),
        ("社会,新闻", "社会新闻", "marks"),
    ],
)
def test_spellings_of_one_label_are_grouped(one: str, other: str, difference: str) -> None:
    (found,) = similar_labels({one: 9, other: 40})
    assert (found.rule, found.given, found.suggested, found.score) == ("same_label", one, other, 1.0)
    assert found.counts == ((other, 40), (one, 9))
    assert found.evidence.endswith(f"differ only in {difference}")


@pytest.mark.parametrize(
    ("common", "rare", "counts"),
    [
        pytest.param("Sports", "sport", (50, 50), id="plural"),
        pytest.param("Politics", "Poltics", (50, 50), id="letter left out"),
        pytest.param("Economy", "Ecnoomy", (50, 50), id="two letters swapped"),
        pytest.param("Computer", "Conputer", (50, 50), id="wrong letter"),
        pytest.param("体育", "体肓", (500, 1), id="rare slip in Chinese"),
        pytest.param("娱乐新闻", "娱乐闻", (500, 2), id="character left out"),
    ],
)
def test_labels_one_letter_apart_are_near(common: str, rare: str, counts: tuple[int, int]) -> None:
    (found,) = similar_labels(dict(zip((common, rare), counts, strict=True)))
    assert found.rule == "near_label"
    assert {found.given, found.suggested} == {common, rare}
    assert 0.4 < found.score < 1


@pytest.mark.parametrize(
    "labels",
    [
        ["male", "female"],
        ["increase", "decrease"],
        ["GPE", "PER", "ORG"],
        ["level 1", "level 2", "level 12"],
        ["class a", "class b"],
        ["B-LOCATION", "I-LOCATION"],
        ["C", "C++", "C#"],
        ["国内新闻", "国际新闻"],
        ["男性", "女性"],
        ["是", "否"],
        ["😀", "😡"],
    ],
)
def test_labels_that_mean_different_things_are_left_alone(labels: list[str]) -> None:
    assert similar_labels(dict.fromkeys(labels, 100)) == ()


def test_candidate_lists_that_miss_the_label_are_named_with_the_nearest_candidate() -> None:
    rows = [
        Example("1", "x", "Sports", "f:1", options=("sports", "economy")),
        Example("2", "x", "economy", "f:2", options=("sports", "economy", "weather")),
        Example("3", "x", "sports", "f:3", options=("sports", "SPORTS ")),
        Example("4", "x", "anything", "f:4"),
    ]
    found = candidate_faults(rows)
    assert [(f.rule, f.origin, f.given, f.suggested) for f in found] == [
        ("label_not_offered", "f:1", "Sports", "sports"),
        ("candidate_repeated", "f:3", "sports", None),
        ("label_never_offered", None, "Sports", "sports"),
        ("candidate_never_right", None, "SPORTS ", None),
        ("candidate_never_right", None, "weather", None),
    ]
    assert found[-1].score == pytest.approx(1 / 3)
    assert found[2].examples == ("f:1",)


def test_a_candidate_that_is_never_right_is_stranger_the_more_often_it_is_offered() -> None:
    rows = [Example(str(i), "x", "a", f"f:{i}", options=("a", "b")) for i in range(10)]
    (found,) = candidate_faults(rows)
    assert (found.rule, found.given, found.score) == ("candidate_never_right", "b", pytest.approx(1 - 0.5**10))


def test_one_text_labelled_in_two_ways_names_both_rows() -> None:
    rows = examples(["a", "b", "a", "c"])
    rows = [replace(r, text="same " if i < 3 else "other") for i, r in enumerate(rows)]
    first, *others = annotated_two_ways(rows)
    assert (first.origin, first.given, first.suggested, first.partner) == ("train.jsonl:2", "b", "a", "train.jsonl:1")
    assert first.score == pytest.approx(0.6)
    assert first.counts == (("'a'", 2), ("'b'", 1))
    assert [(f.origin, f.score) for f in others] == [
        ("train.jsonl:1", pytest.approx(0.4)),
        ("train.jsonl:3", pytest.approx(0.4)),
    ]


def test_entities_annotated_in_two_ways_are_shown_as_words() -> None:
    """White space before the text moves offsets, not entities."""
    rows = [
        Example("1", "去南京了", (Span(1, 3, "GPE"),), "f:1"),
        Example("2", " 去南京了", (Span(2, 4, "GPE"),), "f:2"),
        Example("3", "去南京了", (), "f:3"),
    ]
    first = annotated_two_ways(rows)[0]
    assert (first.origin, first.partner) == ("f:3", "f:1")
    assert first.evidence == "2 of 3 rows with this text say '南京' GPE; this row says no entity"
    assert annotated_two_ways(rows[:2]) == ()


def test_weak_signs_about_one_row_add_up() -> None:
    def found(origin: str | None, score: float) -> Finding:
        return Finding("rule", f"{score}", score, origin=origin, id=origin)

    whole, *rows = review([found("f:1", 0.5), found("f:2", 0.7)], [found("f:1", 0.6), found(None, 0.1)])
    assert whole.origin is None
    assert [(r.origin, r.score) for r in rows] == [("f:1", pytest.approx(0.8)), ("f:2", pytest.approx(0.7))]
    assert [f.score for f in rows[0].found] == [0.6, 0.5]
    assert review() == ()


def test_chance_of_next_is_laplaces_rule() -> None:
    assert chance_of_next(0, 0) == 0.5
    assert chance_of_next(98, 0) == 0.99


def test_assess_brings_everything_together_as_plain_json() -> None:
    rows = [
        Example(f"{i}", f"{'球赛' if i % 2 else '股市'}第{i}天", "体育" if i % 2 else "财经", f"f:{i}")
        for i in range(60)
    ]
    rows[8] = replace(rows[8], target="体育")
    rows.append(Example("x", "球赛", "体育 ", "f:60"))
    quality = assess(rows)
    first, *_ = [r for r in quality.review() if r.origin]
    assert first.origin == "f:8"
    assert {f.rule for f in quality.findings} >= {"same_label", "rare_label"}
    assert all(json_line(one) for one in quality.review())
    entities = assess([Example("1", "去南京 了", (Span(1, 4, "GPE"),), "f:1")])
    assert "span_edge" in {f.rule for f in entities.findings}
    assert assess([]).review() == ()
