"""Entities looked up: the longest, with the commonest label, where a word is reliable."""

from __future__ import annotations

from finetrie.baselines import baseline_from
from finetrie.records import Example, Span
from tests.unit.baselines.rows import ner


def row(text: str, *found: tuple[str, str]) -> Example:
    """A text with entities, each at its first occurrence."""
    spans = tuple(Span(text.index(words), text.index(words) + len(words), label) for words, label in found)
    return Example(text, text, spans, f"f:{text}")


def looked_up(train: list[Example], text: str, **settings: float) -> list[tuple[str, str]]:
    fitted = baseline_from({"name": "dictionary", **settings}).fit(train, dev=(), task=ner(), seed=0)
    [said] = fitted.predict([Example("t", text, None, "t:1")])
    return [(text[span.start : span.end], span.label) for span in said.answer]


def test_of_words_that_begin_together_the_longest_is_taken() -> None:
    train = [row("北京很大", ("北京", "GPE")), row("北京大学很大", ("北京大学", "ORG"))]
    assert looked_up(train, "他去北京大学，不去北京") == [("北京大学", "ORG"), ("北京", "GPE")]


def test_a_word_has_its_commonest_label() -> None:
    train = [
        row("华盛顿说", ("华盛顿", "PER")),
        row("到华盛顿去", ("华盛顿", "GPE")),
        row("华盛顿下雪", ("华盛顿", "GPE")),
    ]
    assert looked_up(train, "华盛顿很冷") == [("华盛顿", "GPE")]


def test_a_character_that_is_mostly_part_of_other_words_is_left_out() -> None:
    train = [row("中美会谈", ("中", "GPE"), ("美", "GPE")), row("途中没事"), row("其中没有"), row("心中没有")]
    assert looked_up(train, "中美都来，其中没有人说话") == [("美", "GPE")]
    assert ("中", "GPE") in looked_up(train, "中美都来", reliable=0.0)


def test_a_longer_word_that_leaves_gives_its_place_to_a_shorter_one() -> None:
    train = [
        row("南京市长", ("南京市", "GPE")),
        row("南京市长江", ("南京", "GPE")),
        row("南京市长江边", ("南京", "GPE")),
    ]
    train.append(row("南京市长江上", ("南京", "GPE")))
    assert looked_up(train, "到南京市长江大桥") == [("南京", "GPE")]


def test_words_of_an_alphabet_are_not_found_inside_others() -> None:
    train = [row("the US and IBM said", ("US", "GPE"), ("IBM", "ORG"))]
    assert looked_up(train, "USER of IBMs in the US, 在IBM工作") == [("US", "GPE"), ("IBM", "ORG")]


def test_rows_without_entities_make_an_empty_dictionary() -> None:
    assert looked_up([row("没有"), row("什么都没有")], "北京") == []
