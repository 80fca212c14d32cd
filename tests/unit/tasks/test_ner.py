"""Entities are said as JSON lines and read back strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.records import Example, Mention, Span, Unparsed
from finetrie.tasks.ner import Ner
from finetrie.tasks.wordings import NOTHING_FOUND

CCF = Ner(("GPE", "PER", "ORG", "LOC"))
surfaces = st.text(st.characters()) | st.sampled_from(
    ['"', "\n", "\u2028", "}\n{", *NOTHING_FOUND.values(), "[]", "\x85"]
)


@given(st.lists(st.builds(Mention, surfaces, st.sampled_from(CCF.labels)), max_size=5))
def test_whatever_the_entities_are_the_answer_reads_back_the_same(mentions: list[Mention]) -> None:
    target = tuple(mentions)
    assert CCF.parse(CCF.answer(target)) == target


@given(st.text() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps))
def test_reading_never_raises(completion: str) -> None:
    read = CCF.parse(completion)
    assert isinstance(read, (tuple, Unparsed))


def test_an_answer_is_one_json_object_a_line_with_the_chinese_names() -> None:
    target = (Mention("南京", "GPE"), Mention('"老"王', "PER"))
    assert CCF.answer(target) == (
        '{"entity_text": "南京", "entity_label": "地理实体"}\n{"entity_text": "\\"老\\"王", "entity_label": "人名"}'
    )


@pytest.mark.parametrize(("language", "words"), [("zh", "没有找到任何实体"), ("en", "No entities found")])
def test_no_entity_has_words_of_its_own(language: Any, words: str) -> None:
    task = Ner(("PER",), language=language)
    assert task.answer(()) == words
    assert task.parse(f" {words}\n") == ()


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param('{"entity_text": "a", "entity_label": "人名"}', (Mention("a", "PER"),), id="a line"),
        pytest.param('[{"entity_text": "a", "entity_label": "人名"}]', (Mention("a", "PER"),), id="an array"),
        pytest.param(
            '{\n"entity_text": "a",\n"entity_label": "人名"}', (Mention("a", "PER"),), id="an object, indented"
        ),
        pytest.param("[]", (), id="an empty array"),
        pytest.param('{"entity_text": "a", "entity_label": "动物"}', (Mention("a", "动物"),), id="label out of set"),
        pytest.param(
            '{"entity_text": "a", "entity_label": "PER"}', (Mention("a", "PER"),), id="label without its name"
        ),
        pytest.param('\n\n{"entity_text": "a", "entity_label": "人名"}\n\n', (Mention("a", "PER"),), id="blank lines"),
        pytest.param("", "empty", id="empty"),
        pytest.param('{"entity_text": "a", "entity_la', "not_json", id="stopped in the middle"),
        pytest.param('{"entity_text": "a", "entity_label": "人名"}\n{"en', "not_json", id="second line broken"),
        pytest.param("{'entity_text': 'a', 'entity_label': '人名'}", "not_json", id="not repaired"),
        pytest.param('```json\n{"entity_text": "a", "entity_label": "人名"}\n```', "not_json", id="code fence"),
        pytest.param("没有找到任何实体。真的", "not_json", id="more words than none"),
        pytest.param('{"entity_text": "a"}', "wrong_shape", id="no label"),
        pytest.param('{"entity_text": 1, "entity_label": "人名"}', "wrong_shape", id="a number"),
        pytest.param('["a"]', "wrong_shape", id="an array of texts"),
        pytest.param("null", "wrong_shape", id="null"),
        pytest.param("[" * 100_000, "not_json", id="deeply nested"),
    ],
)
def test_answers_are_read_strictly(completion: str, expected: Any) -> None:
    assert CCF.parse(completion) == (Unparsed(completion, expected) if isinstance(expected, str) else expected)


def test_targets_stand_in_text_order_whatever_the_order_in_the_file() -> None:
    example = Example("1", "南京市的老王", (Span(4, 6, "PER"), Span(0, 2, "GPE"), Span(0, 3, "GPE")), "f:1")
    assert [mention.surface for mention in CCF.target(example)] == ["南京市", "南京", "老王"]


def test_only_entities_wholly_inside_what_was_kept_can_be_asked_for() -> None:
    example = Example("1", "南京的老王和小李", (Span(0, 2, "GPE"), Span(3, 5, "PER"), Span(6, 8, "PER")), "f:1")
    assert [mention.surface for mention in CCF.clip(example, [(0, 4), (6, 8)])] == ["南京", "小李"]
    assert CCF.clip(example, []) == ()


def test_names_given_by_the_user_win_over_the_built_in_ones() -> None:
    task = Ner(("PER", "ORG", "company"), names={"PER": "人物"})
    assert task.messages("x")[0]["content"].endswith("人物\n组织\ncompany")
    assert Ner(("PER",), language="en").messages("x")[0]["content"].endswith("Types:\nPER")
