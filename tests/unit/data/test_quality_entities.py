"""Entity annotation: words under several labels, words labelled only elsewhere, spans that cannot be meant."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.quality import (
    annotated_two_ways,
    entity_findings,
    minority_labels,
    span_findings,
    surfaces_with_several_labels,
    unlabelled_mentions,
)
from finetrie.data.quality.spans import trimmed
from finetrie.data.reading import read
from finetrie.records import Example, Span
from tests.conftest import shared

_ORIGIN = iter(range(10**9))


def row(text: str, *, origin: str | None = None) -> Example:
    """`[南京|GPE]` marks an entity."""
    plain, spans = "", []
    for i, piece in enumerate(text.replace("]", "[").split("[")):
        if i % 2:
            words, label = piece.split("|")
            spans.append(Span(len(plain), len(plain) + len(words), label))
            plain += words
        else:
            plain += piece
    origin = origin or f"f:{next(_ORIGIN)}"
    return Example(origin, plain, tuple(spans), origin)


def test_surfaces_with_several_labels_are_counted_and_the_most_divided_come_first() -> None:
    rows = [row(f"{i}说[中国|GPE]") for i in range(3)] + [row("在[中国|ORG]", origin="odd")]
    rows += [row("[南京|GPE]的"), row("[南京|LOC]好")]
    first, second = surfaces_with_several_labels(rows)
    assert first.evidence == "'南京' is labelled GPE 1 times, LOC 1 times"
    assert second.counts == (("GPE", 3), ("ORG", 1))
    assert (second.suggested, second.examples[0]) == ("GPE", "odd")
    assert first.score > second.score


def test_a_label_against_nearly_all_others_is_named_with_a_row_that_has_theirs() -> None:
    rows = [row(f"{i}说[中国|GPE]", origin=f"f:{i}") for i in range(9)] + [row("在[中国|ORG]", origin="odd")]
    (found,) = minority_labels(rows)
    assert (found.origin, found.given, found.suggested) == ("odd", Span(1, 3, "ORG"), Span(1, 3, "GPE"))
    assert (found.partner, found.score) == ("f:0", pytest.approx(10 / 12))
    assert found.evidence == "'中国' is GPE in 9 of 10 mentions, ORG here"


def test_an_open_question_is_no_minority() -> None:
    rows = [row(f"{i}说[中国|{'GPE' if i % 3 else 'ORG'}]") for i in range(9)]
    assert minority_labels(rows) == ()
    assert len(surfaces_with_several_labels(rows)) == 1


def test_copies_count_once_and_are_all_named() -> None:
    """Ten copies of one odd row are no majority, and each of them needs the correction."""
    rows = [row(f"{i}说[中国|GPE]") for i in range(5)] + [row("在[中国|ORG]") for _ in range(10)]
    found = minority_labels(rows)
    assert len(found) == 10
    assert found[0].evidence == "'中国' is GPE in 5 of 6 mentions, ORG here"


def test_a_second_mention_without_its_label_is_found() -> None:
    (found,) = unlabelled_mentions([row("[小泉|PER]说，小泉来了", origin="f:1")])
    assert (found.rule, found.suggested, found.partner) == ("second_mention", Span(4, 6, "PER"), "f:1")
    assert found.score == 0.5
    rows = [row(f"[小泉|PER]第{i}次说[小泉|PER]来了") for i in range(4)] + [row("[小泉|PER]说，小泉来了", origin="f:1")]
    (found,) = unlabelled_mentions(rows)
    assert (found.origin, found.score) == ("f:1", pytest.approx(10 / 12))


def test_words_labelled_nearly_everywhere_are_missed_where_they_are_not() -> None:
    rows = [row(f"[南京|GPE]第{i}天") for i in range(8)] + [row("我去南京了", origin="odd")]
    (found,) = unlabelled_mentions(rows)
    assert (found.rule, found.origin, found.suggested) == ("unlabelled_mention", "odd", Span(2, 4, "GPE"))
    assert found.evidence == "'南京' is labelled in 8 of 9 of its mentions, not here"
    assert unlabelled_mentions(rows, min_labelled=9) == ()


def test_words_that_are_mostly_no_entity_are_left_alone() -> None:
    rows = [row(f"[东方|ORG]第{i}天") for i in range(4)] + [row(f"东方红{i}") for i in range(4)]
    assert unlabelled_mentions(rows) == ()
    assert len(unlabelled_mentions(rows, min_consistency=0.5)) == 4


def test_part_of_an_entity_or_of_a_longer_surface_is_no_mention() -> None:
    known = [row(f"[中国|GPE]第{i}天") for i in range(5)] + [row(f"[中国银行|ORG]第{i}天") for i in range(5)]
    assert unlabelled_mentions([*known, row("去[中国银行|ORG]")]) == ()
    (found,) = unlabelled_mentions([*known, row("去中国银行")])
    assert found.suggested == Span(1, 5, "ORG")


def test_what_goes_on_as_another_word_is_no_mention() -> None:
    """日本人 is a people: these annotators leave such words alone, whichever country it is."""
    countries = ("日本", "美国", "英国", "法国")
    rows = [row(f"[{country}|GPE]第{i}天") for country in countries for i in range(8)]
    people = [row(f"两名{country}人来了") for country in countries[:3]]
    assert unlabelled_mentions([*rows, *people, row("[法国|GPE]的法国人")]) == ()
    assert len(unlabelled_mentions([*rows, *people[:2]])) == 2  # two surfaces show no custom
    labelled = [row(f"两名[{country}|GPE]人来了") for country in countries]
    assert len(unlabelled_mentions([*rows, *people, *labelled])) == 3  # nor do annotators who differ
    (found,) = unlabelled_mentions([*rows, *people, row("去日本看看")])
    assert found.suggested == Span(1, 3, "GPE")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Rome is old", True),
        ("he saw Romeo", False),
        ("a Chrome tab", False),
        ("去Rome玩", True),
        ("Rome2 is a game", False),
        ("in Rome, again", True),
    ],
)
def test_latin_words_are_whole_words(text: str, found: bool) -> None:
    known = [row(f"[Rome|GPE] number {i}") for i in range(5)]
    assert bool(unlabelled_mentions([*known, row(text)])) is found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["[甲|A]乙", "甲乙", "[甲|B]", "乙[甲乙|A]丙", "[ 甲|A]", ""]), max_size=12),
    st.integers(0, 9),
)
def test_the_order_of_the_rows_is_no_matter(texts: list[str], seed: int) -> None:
    rows = [row(text, origin=f"f:{i}") for i, text in enumerate(texts)]
    shuffled = Random(seed).sample(rows, k=len(rows))

    def key(found: object) -> str:
        return repr(found)

    assert sorted(entity_findings(rows), key=key) == sorted(entity_findings(shuffled), key=key)


@pytest.mark.parametrize(
    ("words", "kept", "score"),
    [
        (" 南京", "南京", 1.0),
        ("南京\n", "南京", 1.0),
        ("南京，", "南京", 0.9),
        ("“南京", "南京", 0.9),
        ("南京）", "南京", 0.9),
        ("（南京", "南京", 0.9),
        ("、。", "", 0.9),
    ],
)
def test_entities_end_where_their_words_end(words: str, kept: str, score: float) -> None:
    text = f"在{words}的"
    example = Example("1", text, (Span(1, 1 + len(words), "GPE"),), "f:1")
    (found,) = span_findings([example])
    assert (found.rule, found.score) == ("span_edge", score)
    if kept:
        assert isinstance(found.suggested, Span)
        assert text[found.suggested.start : found.suggested.end] == kept
    else:
        assert found.suggested is None


@pytest.mark.parametrize(
    "words", ["《红楼梦》", "阿里巴巴（中国）", "Yahoo!", "Inc.", "C++", "C#", "50%", "“小李”", "$100"]
)
def test_marks_that_belong_to_a_name_are_left_alone(words: str) -> None:
    assert span_findings([row(f"在[{words}|ORG]的")]) == ()


@given(st.text("南京 ，“”()（a.", max_size=12))
def test_trimming_twice_changes_nothing_more(text: str) -> None:
    once = trimmed(text, Span(0, len(text), "X"))
    assert trimmed(text, once) == once
    assert 0 <= once.start <= once.end <= len(text)


@pytest.mark.parametrize(
    ("spans", "rules"),
    [
        ([Span(0, 2, "A"), Span(2, 4, "B")], []),
        ([Span(0, 3, "A"), Span(2, 4, "B")], ["spans_overlap"]),
        ([Span(0, 4, "A"), Span(1, 3, "B")], ["span_nested"]),
        ([Span(0, 2, "A"), Span(0, 4, "B")], ["span_nested"]),
        ([Span(0, 2, "A"), Span(0, 2, "B")], ["span_labelled_twice"]),
        ([Span(0, 5, "A"), Span(1, 2, "A"), Span(4, 6, "A")], ["span_nested", "spans_overlap"]),
    ],
)
def test_entities_that_share_characters_are_told_apart(spans: list[Span], rules: list[str]) -> None:
    found = span_findings([Example("1", "甲乙丙丁戊己庚", tuple(spans), "f:1")])
    assert [f.rule for f in found] == rules
    assert all(f.partner == "f:1" for f in found)


def test_very_long_entities_and_those_that_cross_sentences_are_named() -> None:
    rows = [row(f"[南京市|GPE]第{i}天") for i in range(40)]
    (long,) = span_findings([*rows, row(f"[{'南' * 21}|GPE]")])
    assert (long.rule, long.score) == ("span_long", 0.6)
    assert "has 21 characters" in long.evidence
    assert span_findings([*rows, row(f"[{'南' * 20}|GPE]")]) == ()
    (crossing,) = span_findings([*rows, row("[南京。北京|GPE]")])
    assert "after the end of a sentence" in crossing.evidence


def test_rows_without_entities_have_no_findings() -> None:
    assert entity_findings([]) == ()
    assert entity_findings([row("什么都没有"), row("")]) == ()


def test_ccf_holds_what_a_count_by_hand_finds() -> None:
    """Both files together: surfaces under several labels, and texts whose copies are annotated otherwise."""
    rows = [row for part in ("train", "test") for row in read(shared(f"data/ccfbdci_ner/{part}.jsonl"))]
    labels: dict[str, set[str]] = {}
    targets: dict[str, set[tuple[Span, ...]]] = {}
    for example in rows:
        assert isinstance(example.target, tuple)
        targets.setdefault(example.text, set()).add(tuple(sorted(example.target)))
        for span in example.target:
            labels.setdefault(example.text[span.start : span.end], set()).add(span.label)
    assert len(surfaces_with_several_labels(rows)) == sum(len(found) > 1 for found in labels.values()) == 83
    assert len({f.partner for f in annotated_two_ways(rows)}) == 2 * sum(len(found) > 1 for found in targets.values())
    mentions = unlabelled_mentions(rows)
    by_origin = {row.origin: row for row in rows}
    for found in mentions:
        assert isinstance(found.suggested, Span)
        surface = by_origin[found.origin or ""].text[found.suggested.start : found.suggested.end]
        assert found.evidence.startswith(repr(surface))
        assert 0.5 <= found.score < 1
