"""Labels are asked for, said, and read back strictly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.errors import ConfigError
from finetrie.records import Example, Unparsed
from finetrie.tasks import task_from
from finetrie.tasks.classification import Classification

words = st.text(min_size=1).filter(lambda text: text.strip() and len(text.strip().splitlines()) == 1)


@given(labels=st.lists(words, min_size=1, max_size=6, unique_by=str.strip))
def test_every_label_is_read_as_itself(labels: list[str]) -> None:
    task = Classification(tuple(labels))
    assert [task.parse(task.answer(label)) for label in labels] == labels


@given(labels=st.lists(words, min_size=1, max_size=4, unique_by=str.strip), completion=st.text())
def test_reading_never_raises_and_stays_in_the_label_set(labels: list[str], completion: str) -> None:
    read = Classification(tuple(labels)).parse(completion)
    assert read in labels if isinstance(read, str) else read.completion == completion


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param("Sports", "Sports", id="exact"),
        pytest.param("\n Sports \n", "Sports", id="white space around"),
        pytest.param("ｓｐｏｒｔｓ", "Sports", id="width and case"),
        pytest.param("ART", "ART", id="exact wins over ambiguous case"),
        pytest.param("aRT", Unparsed("aRT", "out_of_label_set"), id="ambiguous case is no answer"),
        pytest.param("Sports.", Unparsed("Sports.", "out_of_label_set"), id="not exactly the label"),
        pytest.param("Sports or ART", Unparsed("Sports or ART", "out_of_label_set"), id="two labels"),
        pytest.param("", Unparsed("", "empty"), id="empty"),
        pytest.param(" \n\u3000", Unparsed(" \n\u3000", "empty"), id="blank"),
    ],
)
def test_only_one_label_and_nothing_else_is_an_answer(completion: str, expected: Any) -> None:
    assert Classification(("Sports", "ART", "art")).parse(completion) == expected


def test_names_are_what_the_model_sees_and_says() -> None:
    task = Classification(("100", "101"), names={"100": "故事"})
    assert "故事\n101" in task.messages("x")[0]["content"]
    assert task.answer("100") == "故事"
    assert task.parse("故事") == "100"
    assert task.parse("100") == Unparsed("100", "out_of_label_set")


def test_swapped_names_are_read_as_said() -> None:
    task = Classification(("a", "b"), names={"a": "b", "b": "a"})
    assert task.parse("a") == "b"


def test_a_rows_own_options_stand_in_the_prompt_instead_of_the_labels() -> None:
    task = Classification(("a", "b", "c"), names={"c": "see"}, language="en")
    assert task.messages("x", options=("c", "b"))[0]["content"].endswith("Labels:\nsee\nb")
    assert task.messages("x")[0]["content"].endswith("Labels:\na\nb\nsee")


@pytest.mark.parametrize("wording", ["default", "fudan_news"])
def test_a_rows_own_instruction_wins_over_the_tasks_own(wording: str) -> None:
    task = Classification(("a",), instruction="Task's own.", wording=wording)
    assert task.messages("x")[0]["content"].startswith("Task's own.")
    assert task.messages("x", instruction="Row's own.")[0]["content"].startswith("Row's own.")


def test_the_target_of_a_shortened_text_is_still_its_label() -> None:
    example = Example("1", "text", "a", "f:1")
    assert Classification(("a",)).clip(example, [(0, 1)]) == "a"


def test_asking_for_the_target_of_an_unlabelled_row_is_a_bug() -> None:
    with pytest.raises(ValueError, match="f:1"):
        Classification(("a",)).target(Example("1", "text", None, "f:1"))


def test_labels_that_differ_only_in_white_space_need_names() -> None:
    with pytest.raises(ConfigError, match="same words"):
        Classification(("a", "a "))
    assert task_from({"kind": "classification", "labels": ["a", "a "], "names": {"a ": "b"}}).parse("b") == "a "
