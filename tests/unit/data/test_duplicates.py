"""Repeated rows are dropped, contradicting ones shown, and what only looks alike stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.duplicates import Duplicates, find_duplicates, find_leaks
from finetrie.data.keys import exact_key
from finetrie.data.reading import read
from finetrie.files import plain
from finetrie.records import Example, Span
from tests.conftest import shared

TREE = "深山发现紫薇树桩，村民看了无可奈何，殊不知做成盆景身价翻番"
KNOWN = (("他家的盆景真好看", "c"), ("昨日盆景展览开幕", "c"))
"""Rows that show that 盆景 is a word."""


def classified(*rows: tuple[str, str | None], file: str = "train.jsonl") -> list[Example]:
    return [Example(f"{file}:{i}", text, label, f"{file}:{i}") for i, (text, label) in enumerate(rows, start=1)]


def annotated(*rows: tuple[str, Sequence[tuple[str, str]]]) -> list[Example]:
    """Rows with the first occurrence of each (words, label) as an entity."""
    return [
        Example(
            f"ner:{i}",
            text,
            tuple(Span(text.index(words), text.index(words) + len(words), label) for words, label in entities),
            f"ner:{i}",
        )
        for i, (text, entities) in enumerate(rows, start=1)
    ]


def outcome(found: Duplicates) -> dict[str, list[tuple[str, str]]]:
    """(row, partner) of each list, by line number."""
    lists = {"drops": found.drops, "conflicts": found.conflicts, "kept": found.kept}
    return {
        name: [(m.row.origin.split(":")[1], m.partner.origin.split(":")[1]) for m in matches]
        for name, matches in lists.items()
        if matches
    }


def test_the_later_of_two_equal_rows_is_dropped_with_the_evidence() -> None:
    rows = classified(("今天天气很好", "a"), ("别的", "b"), ("今天　天气很好", "a"))
    found = find_duplicates(rows, kind="classification")
    (rejection,) = found.rejections()
    assert (rejection.origin, rejection.rule, rejection.partner) == (
        "train.jsonl:3",
        "exact_duplicate",
        "train.jsonl:1",
    )
    assert rejection.text == rows[2].text
    assert rejection.reason == "like train.jsonl:1 (the same words)"
    assert found.remaining(rows) == rows[:2]


def test_equal_rows_with_different_labels_are_a_conflict_and_both_stay() -> None:
    rows = classified(("今天天气很好", "a"), ("今天天气很好", "b"), ("今天天气很好", "b"), ("今天天气很好", "a"))
    found = find_duplicates(rows, kind="classification")
    assert outcome(found) == {"conflicts": [("2", "1")], "drops": [("3", "2"), ("4", "1")]}
    assert found.remaining(rows) == rows[:2]


@pytest.mark.parametrize(
    ("text", "score"),
    [
        pytest.param(TREE.replace("盆景", "盆井"), 0.86, id="one character"),
        pytest.param(TREE.replace("，", " ") + "！", 1.0, id="punctuation"),
        pytest.param("村民看了无可奈何，深山发现紫薇树桩，殊不知做成盆景身价翻番", 0.86, id="clauses moved"),
    ],
)
def test_a_harmless_edit_is_dropped_with_the_same_label_and_shown_with_another(text: str, score: float) -> None:
    same = find_duplicates(classified((TREE, "a"), (text, "a"), *KNOWN), kind="classification")
    assert outcome(same) == {"drops": [("2", "1")]}
    assert same.drops[0].rule == "near_duplicate"
    assert same.drops[0].score == pytest.approx(score, abs=0.01)
    other = find_duplicates(classified((TREE, "a"), (text, "b"), *KNOWN), kind="classification")
    assert outcome(other) == {"conflicts": [("2", "1")]}


@pytest.mark.parametrize("label", ["a", "b"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("中国队昨晚赢得了世界杯小组赛", "美国队昨晚赢得了世界杯小组赛"),
        ("我真的喜欢这部电影的结尾", "我真的不喜欢这部电影的结尾"),
        ("全场商品今天2折起欢迎选购", "全场商品今天3折起欢迎选购"),
        ("the new phone is not worth its price", "the new phone is worth its price"),
    ],
)
def test_another_name_number_or_a_negation_keeps_both_whatever_the_labels(one: str, other: str, label: str) -> None:
    found = find_duplicates(classified((one, "a"), (other, label)), kind="classification")
    assert outcome(found) == {"kept": [("2", "1")]}


def test_doubt_keeps_both_and_shows_different_labels() -> None:
    one, other = "小米今天发布了一款新的折叠手机", "华为今天发布了一款新的折叠手机"
    kept = find_duplicates(classified((one, "a"), (other, "a")), kind="classification")
    assert outcome(kept) == {"kept": [("2", "1")]}
    assert kept.kept[0].record()["pieces"] == [["小米", "华为"]]
    assert outcome(find_duplicates(classified((one, "a"), (other, "b")), kind="classification")) == {
        "conflicts": [("2", "1")]
    }
    assert outcome(find_duplicates(classified((one, "a"), (other, "b")), kind="instruction")) == {"kept": [("2", "1")]}


def test_small_changes_never_chain() -> None:
    """Each text differs from the one before it in one more character."""
    first = "春眠觉晓处处闻啼鸟夜来风雨声花落知"
    texts = [first]
    for place in (3, 6, 9, 12, 15):
        texts.append(texts[-1][:place] + "龘" + texts[-1][place + 1 :])
    found = find_duplicates(classified(*((text, "a") for text in texts)), kind="classification", near=0.7)
    for match in found.drops:
        assert match.score >= 0.7
        assert match.partner.origin not in {drop.row.origin for drop in found.drops}
    assert 0 < len(found.drops) < 5


def test_much_changed_texts_are_counted_not_listed() -> None:
    found = find_duplicates(
        classified(("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳", "a"), ("甲乙丙丁戊己庚辛壬癸子丑春夏秋冬梅兰竹菊", "a")),
        kind="classification",
        near=0.3,
    )
    assert outcome(found) == {}
    assert found.similar == 1


def test_rows_that_ask_differently_are_no_duplicates() -> None:
    rows = [
        Example("1", TREE, "x", "f:1", instruction="翻译"),
        Example("2", TREE, "x", "f:2", instruction="总结"),
        Example("3", TREE, "x", "f:3", history=({"role": "user", "content": "你好"},)),
        Example("4", TREE + "！", "x", "f:4", instruction="翻译"),
    ]
    assert outcome(find_duplicates(rows, kind="instruction")) == {"drops": [("4", "1")]}


class TestEntities:
    SENTENCE = "记者张小华昨天在南昌的街头采访了很多路人"
    FOUND = (("张小华", "PER"), ("南昌", "GPE"))

    def test_the_same_entities_and_a_few_other_words_are_dropped(self) -> None:
        rows = annotated((self.SENTENCE, self.FOUND), (self.SENTENCE.replace("很多", "一些"), self.FOUND))
        assert outcome(find_duplicates(rows, kind="ner")) == {"drops": [("2", "1")]}
        rows = annotated((self.SENTENCE, self.FOUND), (self.SENTENCE.replace("很多", "两三个"), self.FOUND))
        assert outcome(find_duplicates(rows, kind="ner")) == {"kept": [("2", "1")]}

    def test_rows_without_entities_do_not_agree_on_any(self) -> None:
        rows = annotated((self.SENTENCE, ()), (self.SENTENCE.replace("采访", "打听"), ()))
        assert outcome(find_duplicates(rows, kind="ner")) == {"kept": [("2", "1")]}

    def test_another_entity_is_kept_even_if_it_differs_by_a_character_nobody_knows(self) -> None:
        other = self.SENTENCE.replace("张小华", "张小骅")
        rows = annotated((self.SENTENCE, self.FOUND), (other, (("张小骅", "PER"), ("南昌", "GPE"))))
        assert outcome(find_duplicates(rows, kind="ner")) == {"kept": [("2", "1")]}

    @pytest.mark.parametrize("change", ["", "！"])
    @pytest.mark.parametrize("entities", [(("张小华", "PER"),), (("张小华", "ORG"), ("南昌", "GPE"))])
    def test_the_same_words_annotated_otherwise_are_a_conflict(
        self, change: str, entities: tuple[tuple[str, str], ...]
    ) -> None:
        rows = annotated((self.SENTENCE, self.FOUND), (self.SENTENCE + change, entities))
        assert outcome(find_duplicates(rows, kind="ner")) == {"conflicts": [("2", "1")]}

    def test_the_same_words_annotated_at_another_place_are_a_conflict(self) -> None:
        text = "南昌人在南昌"
        rows = [Example(str(i), text, (Span(i, i + 2, "GPE"),), f"ner:{n}") for n, i in ((1, 0), (2, 4))]
        assert outcome(find_duplicates(rows, kind="ner")) == {"conflicts": [("2", "1")]}

    def test_the_order_of_spans_in_the_file_does_not_count(self) -> None:
        rows = annotated((self.SENTENCE, self.FOUND), (self.SENTENCE, self.FOUND[::-1]))
        assert outcome(find_duplicates(rows, kind="ner")) == {"drops": [("2", "1")]}


def test_a_row_dropped_for_a_dropped_one_names_the_row_that_stays() -> None:
    """Row 3 repeats row 2 to the letter, and row 2 turns out to repeat row 1."""
    slip = TREE.replace("盆景", "盆井")
    rows = classified((TREE, "a"), (slip, "a"), (slip, "a"), (slip, "b"), *KNOWN)
    found = find_duplicates(rows, kind="classification")
    assert outcome(found) == {"drops": [("2", "1"), ("3", "1")], "conflicts": [("4", "1")]}
    assert {match.found for match in (*found.drops, *found.conflicts)} == {"near"}


row_lists = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["今天天气", "真好", "不", "，", "北京", "3", "去爬山吧", "ok "]), max_size=6).map(
            "".join
        ),
        st.sampled_from("ab"),
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(row_lists)
def test_every_dropped_row_has_an_earlier_partner_that_stays_with_its_label(rows: list[tuple[str, str]]) -> None:
    examples = classified(*rows)
    found = find_duplicates(examples, kind="classification", near=0.4)
    gone = {match.position for match in found.drops}
    for match in (*found.drops, *found.conflicts, *found.kept):
        assert match.row is examples[match.position]
        assert match.partner is examples[match.partner_position]
        assert match.partner_position not in gone
    assert all(match.partner.target == match.row.target for match in found.drops)
    assert all(match.partner_position < match.position for match in found.drops)
    assert all(match.partner.target != match.row.target for match in found.conflicts)
    assert len(found.remaining(examples)) == len(examples) - len(gone)
    assert find_duplicates(examples, kind="classification", near=0.4) == found
    json.dumps([plain(match.record()) for match in (*found.drops, *found.conflicts, *found.kept)])


@settings(max_examples=40)
@given(row_lists)
def test_what_remains_has_no_duplicates_left(rows: list[tuple[str, str]]) -> None:
    examples = classified(*rows)
    remaining = find_duplicates(examples, kind="classification", near=0.4).remaining(examples)
    again = find_duplicates(remaining, kind="classification", near=0.4)
    assert not [match for match in again.drops if match.found == "exact"]


def test_the_result_does_not_depend_on_the_hashes_of_this_process() -> None:
    program = (
        "from finetrie.data.duplicates import find_duplicates\n"
        "from finetrie.records import Example\n"
        "texts = [f'the {w} fox number {i % 7} jumps over a lazy dog' for i in range(40) for w in ('quick', 'quik')]\n"
        "rows = [Example(str(i), t, 'a', str(i)) for i, t in enumerate(texts)]\n"
        "found = find_duplicates(rows, kind='classification')\n"
        "print([(m.position, m.partner_position, m.score) for m in (*found.drops, *found.kept)])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] != "[]\n"


@pytest.mark.parametrize("rows", [[], [("", "a")], [("", "a"), ("", "a")], [("😀", "a"), ("😀😀", "a")]])
def test_few_and_empty_rows(rows: list[tuple[str, str]]) -> None:
    found = find_duplicates(classified(*rows), kind="classification")
    assert len(found.drops) == (1 if rows == [("", "a"), ("", "a")] else 0)


def test_unlabelled_rows_can_be_searched() -> None:
    found = find_duplicates(classified((TREE, None), (TREE + "。", None)), kind="classification")
    assert outcome(found) == {"drops": [("2", "1")]}


def test_the_searches_can_be_left_out() -> None:
    rows = classified((TREE, "a"), (TREE + "。", "a"), (TREE, "a"))
    assert outcome(find_duplicates(rows, kind="classification", near=None)) == {"drops": [("3", "1")]}


class TestVectors:
    def meaning(self, texts: Sequence[str]) -> np.ndarray:
        """An encoder that takes all rows about weather for the same."""
        return np.array([[1.0, 0.0] if "天" in text else [0.0, 1.0] for text in texts])

    def test_a_paraphrase_is_kept_and_shown_when_labelled_differently(self) -> None:
        rows = classified(("天气晴朗", "a"), ("阳光普照的一天", "a"), ("股票大跌", "a"))
        found = find_duplicates(rows, kind="classification", vectors=self.meaning)
        assert outcome(found) == {"kept": [("2", "1")]}
        assert found.kept[0].rule == "vector_duplicate"
        rows[1] = replace(rows[1], target="b")
        found = find_duplicates(rows, kind="classification", vectors=self.meaning)
        assert outcome(found) == {"conflicts": [("2", "1")]}

    def test_a_paraphrase_about_the_same_entities_is_dropped(self) -> None:
        rows = annotated(("明天张小华来", [("张小华", "PER")]), ("来的人是张小华，明天到", [("张小华", "PER")]))
        found = find_duplicates(rows, kind="ner", vectors=self.meaning)
        assert outcome(found) == {"drops": [("2", "1")]}
        rows = annotated(("明天张小华来", [("张小华", "PER")]), ("张小华明天可能不会来了", [("张小华", "PER")]))
        assert outcome(find_duplicates(rows, kind="ner", vectors=self.meaning)) == {"kept": [("2", "1")]}

    def test_a_row_for_which_others_were_dropped_stays(self) -> None:
        """Row 3 was dropped for row 2, and need not be like row 1."""
        rows = annotated(
            ("明天张小华来", [("张小华", "PER")]),
            ("来的人会是老同学张小华，明天到", [("张小华", "PER")]),
            ("来的人会是老同学张小华，明天到。", [("张小华", "PER")]),
        )
        found = find_duplicates(rows, kind="ner", vectors=self.meaning)
        assert outcome(found) == {"drops": [("3", "2")], "kept": [("2", "1")]}


class TestLeaks:
    def test_a_training_row_that_says_what_a_test_row_says_is_removed_whatever_its_label(self) -> None:
        train = classified((TREE, "b"), ("别的新闻说的是别的事情", "a"), (TREE + "！", "a"))
        test = classified((TREE, "a"), file="test.jsonl")
        exact, near = find_leaks(train, test, kind="classification")
        assert (exact.rule, exact.position, exact.same_target, exact.remove) == ("exact_leak", 0, False, True)
        assert (near.rule, near.position, near.same_target, near.remove) == ("near_leak", 2, True, True)
        assert exact.partner is near.partner is test[0]
        assert near.rejection().origin == "train.jsonl:3"
        assert "labelled differently" in exact.rejection().reason
        json.dumps([plain(leak.record()) for leak in (exact, near)])

    def test_a_row_about_another_name_is_reported_and_stays(self) -> None:
        train = classified(("中国队昨晚赢得了世界杯小组赛", "a"))
        test = classified(("美国队昨晚赢得了世界杯小组赛", "a"), file="test.jsonl")
        (leak,) = find_leaks(train, test, kind="classification")
        assert not leak.remove

    def test_a_long_text_is_known_even_if_a_number_differs(self) -> None:
        text = "".join(chr(0x4E00 + 7 * i) for i in range(100))
        train, test = classified((f"1-820{text}", "a")), classified((f"2-820{text}", "a"), file="test.jsonl")
        (leak,) = find_leaks(train, test, kind="classification")
        assert (leak.difference.sign, leak.remove) == ("number", True)

    def test_every_copy_of_a_leaking_row_is_removed(self) -> None:
        train = classified((TREE, "a"), (TREE, "a"), (TREE + "。", "a"), (TREE + "。", "b"), ("别的", "a"))
        test = classified((TREE, "a"), (TREE, "a"), file="test.jsonl")
        leaks = find_leaks(train, test, kind="classification")
        assert [(leak.position, leak.found, leak.same_target) for leak in leaks] == [
            (0, "exact", True),
            (1, "exact", True),
            (2, "near", True),
            (3, "near", False),
        ]
        assert all(leak.partner is test[0] for leak in leaks)

    def test_a_doubt_speaks_for_the_test(self) -> None:
        train = classified(("小米今天发布了一款新的折叠手机", "a"))
        test = classified(("华为今天发布了一款新的折叠手机", "a"), file="test.jsonl")
        (leak,) = find_leaks(train, test, kind="classification")
        assert leak.remove

    def test_the_worst_leak_of_a_row_is_named(self) -> None:
        train = classified(("中国队昨晚赢得了世界杯小组赛", "a"))
        test = classified(
            ("美国队昨晚赢得了世界杯小组赛", "a"), ("中国队，昨晚赢得了世界杯小组赛", "a"), file="test.jsonl"
        )
        (leak,) = find_leaks(train, test, kind="classification")
        assert leak.partner is test[1]
        assert leak.remove

    def test_rows_of_one_side_are_never_compared(self) -> None:
        train = classified((TREE, "a"), (TREE, "a"))
        assert find_leaks(train, [], kind="classification") == ()
        assert find_leaks([], train, kind="classification") == ()

    def test_vectors_find_what_words_do_not(self) -> None:
        train, test = classified(("阳光普照的一天", "a")), classified(("天气晴朗", "a"), file="test.jsonl")
        (leak,) = find_leaks(train, test, kind="classification", vectors=TestVectors().meaning)
        assert (leak.rule, leak.remove) == ("vector_leak", True)


def test_the_exact_duplicates_of_ccf_are_all_found() -> None:
    rows = [row for part in ("train", "test") for row in read(shared(f"data/ccfbdci_ner/{part}.jsonl")).examples]
    found = find_duplicates(rows, kind="ner", near=None)
    first = {(exact_key(row), row.target): i for i, row in reversed(list(enumerate(rows)))}
    repeated = {i for i, row in enumerate(rows) if first[exact_key(row), row.target] != i}
    assert len(repeated) > 800
    assert repeated <= {match.position for match in found.drops}
    assert len(found.conflicts) == 2
