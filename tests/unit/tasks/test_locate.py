"""Mentions find their places, and what has none is counted."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.records import Example, Mention, Span
from finetrie.tasks import TIERS, locate
from finetrie.tasks.names import folded
from finetrie.tasks.ner import Ner
from tests.conftest import shared

alphabet = "abＡ é南京市㍿ﬁ\u0301İ가ｶﾞ"
texts = st.text(alphabet, max_size=30)
mention_lists = st.lists(st.builds(Mention, st.text(alphabet, max_size=6), st.sampled_from("XY")), max_size=6)


@given(text=texts, mentions=mention_lists)
def test_every_span_lies_in_the_text_and_says_what_was_mentioned(text: str, mentions: list[Mention]) -> None:
    spans, tiers = locate(text, mentions)
    assert (spans, tiers) == locate(text, mentions), "the same answer has the same places"
    assert len(tiers) == len(mentions)
    assert set(tiers) <= set(TIERS)
    placed = [(mention, tier) for mention, tier in zip(mentions, tiers, strict=True) if tier != "none"]
    assert len(set(spans)) == len(spans) == len(placed)
    for span, (mention, tier) in zip(spans, placed, strict=True):
        assert 0 <= span.start < span.end <= len(text)
        assert span.label == mention.label
        found = text[span.start : span.end]
        if tier in ("cursor", "longest_first"):
            assert found == mention.surface
        elif tier == "normalised":
            assert folded(found) == folded(mention.surface.strip())


@given(text=st.text(alphabet, min_size=1, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=6))
def test_flat_entities_in_text_order_are_found_exactly_when_nothing_repeats(text: str, cuts: list[int]) -> None:
    edges = sorted({min(cut, len(text)) for cut in cuts})
    spans = [Span(a, b, "X") for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b]
    if any(text.count(text[s.start : s.end]) > 1 for s in spans):
        return
    assert locate(text, [Mention(text[s.start : s.end], "X") for s in spans])[0] == tuple(spans)


@pytest.mark.parametrize(
    ("text", "surfaces", "places", "tiers"),
    [
        pytest.param("Bonn, not Bonn", ["Bonn", "Bonn"], ["0-4", "10-14"], "cursor cursor", id="repeated"),
        pytest.param("Bonn, not Bonn", ["Bonn"] * 3, ["0-4", "10-14"], "cursor cursor none", id="once too often"),
        pytest.param("甲乙丙", ["丙", "甲"], ["2-3", "0-1"], "cursor longest_first", id="out of order"),
        pytest.param(
            "南京市长江",
            ["长江", "京", "南京市"],
            ["3-5", "1-2", "0-3"],
            "cursor longest_first longest_first",
            id="nested",
        ),
        pytest.param("在ＡＢＣ公司", ["abc"], ["1-4"], "normalised", id="width and case"),
        pytest.param("㍿ソニー", ["株式会社ソニー"], ["0-4"], "normalised", id="one character becomes four"),
        pytest.param("㍿ソニー", ["株式"], [], "none", id="half a character"),
        pytest.param("cafe\u0301 X", ["caf\u00e9"], ["0-5"], "normalised", id="composed"),
        pytest.param("ｶﾞｽ会社", ["ガス"], ["0-3"], "normalised", id="half-width voicing mark"),
        pytest.param("贝拉克·奥巴马说", ["贝拉克·奥马巴马"], ["0-7"], "fuzzy", id="nearly"),
        pytest.param("王小明来了", ["王大明"], [], "none", id="short names are not guessed"),
        pytest.param("", ["a"], [], "none", id="empty text"),
        pytest.param("a", [""], [], "none", id="empty mention"),
    ],
)
def test_places_and_tiers(text: str, surfaces: list[str], places: list[str], tiers: str) -> None:
    spans, found = locate(text, [Mention(surface, "X") for surface in surfaces])
    assert [f"{span.start}-{span.end}" for span in spans] == places
    assert " ".join(found) == tiers


def test_one_place_can_have_two_labels_but_not_one_label_twice() -> None:
    mentions = [Mention("华盛顿", "PER"), Mention("华盛顿", "LOC"), Mention("华盛顿", "PER")]
    assert locate("华盛顿", mentions) == (
        (Span(0, 3, "PER"), Span(0, 3, "LOC")),
        ("cursor", "longest_first", "none"),
    )


def test_matches_can_be_limited_to_what_the_model_has_seen() -> None:
    spans, tiers = locate("南京、北京、南京", [Mention("南京", "X"), Mention("北京", "X")], within=[(4, 8)])
    assert spans == (Span(6, 8, "X"),)
    assert tiers == ("cursor", "none")


def test_a_match_does_not_cross_a_gap_between_kept_ranges() -> None:
    assert locate("南京", [Mention("南京", "X")], within=[(0, 1), (1, 2)])[1] == ("none",)


def test_folding_is_what_unicode_says() -> None:
    for text in ("ＡＢＣ", "cafe\u0301", "ﬁne", "Straße"):
        assert folded(text) == unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def test_perfect_answers_on_real_text_are_placed_by_the_cursor() -> None:
    task = Ner(("GPE", "PER", "ORG", "LOC"))
    exact = mentioned = by_cursor = 0
    for number, line in enumerate(shared("data/ccfbdci_ner/train.jsonl").read_text("utf-8").split("\n")[:-1]):
        row = json.loads(line)
        gold = tuple(
            sorted(
                (Span(e["start_idx"], e["end_idx"], e["entity_label"]) for e in row["entities"]),
                key=lambda span: (span.start, -span.end, span.label),
            )
        )
        mentions = task.target(Example(str(number), row["text"], gold, f"train.jsonl:{number + 1}"))
        assert task.parse(task.answer(mentions)) == mentions
        spans, tiers = locate(row["text"], mentions)
        mentioned += len(gold)
        by_cursor += tiers.count("cursor")
        exact += sum(a == b for a, b in zip(spans, gold, strict=True)) if len(spans) == len(gold) else 0
    assert mentioned == 8053
    assert by_cursor / mentioned >= 0.995
    assert exact / mentioned >= 0.995
