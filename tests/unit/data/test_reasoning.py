"""Chains of thought: read from the forms that carry them, kept through every step, written where there is a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetrie import steps
from finetrie.config import parse_run
from finetrie.data.cleaning import steps_from
from finetrie.data.formats.reasoning import NAMES, apart, in_answer
from finetrie.data.policy import Category, Policy
from finetrie.data.preparation import Plan, prepare_rows
from finetrie.data.reading import read
from finetrie.data.synthesis import Question, write
from finetrie.errors import ConfigError, DataError
from finetrie.files import read_json
from finetrie.records import Example
from finetrie.steps.progress import Quiet
from finetrie.steps.store import read_examples, write_examples
from tests.unit.data.large_model import always, completion
from tests.unit.data.writing import jsonl

THOUGHT, QUESTION, ANSWER = "三乘以四是十二，再加一。", "3 × 4 + 1 是多少？", "十三，因为先乘后加。"
TAGGED = f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"
TURN, REPLY = {"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}
HUMAN, GPT = {"from": "human", "value": QUESTION}, {"from": "gpt", "value": TAGGED}


@pytest.mark.parametrize(
    ("row", "format"),
    [
        *[
            pytest.param({"instruction": QUESTION, "input": "", "output": ANSWER, name: THOUGHT}, "alpaca", id=name)
            for name in NAMES
        ],
        pytest.param({"instruction": QUESTION, "input": "", "output": TAGGED}, "alpaca", id="before the answer"),
        pytest.param({"messages": [TURN, REPLY], "reasoning": THOUGHT}, "messages", id="messages, a column"),
        pytest.param({"messages": [TURN, REPLY | {"reasoning_content": THOUGHT}]}, "messages", id="in the last turn"),
        pytest.param({"conversations": [HUMAN, GPT]}, "sharegpt", id="sharegpt, before the answer"),
        pytest.param({"text": f"<s>Human: {QUESTION}\n</s><s>Assistant: {TAGGED}\n</s>"}, "human_assistant", id="text"),
        pytest.param({"question": QUESTION, "answer": ANSWER, "cot": THOUGHT}, "jsonl", id="named columns"),
        pytest.param({"question": QUESTION, "answer": TAGGED}, "jsonl", id="named columns, before the answer"),
    ],
)
def test_a_chain_of_thought_is_read_beside_its_answer(tmp_path: Path, row: dict[str, Any], format: str) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [row]), kind="instruction")
    assert data.format == format
    assert [(e.text, e.target, e.reasoning) for e in data] == [(QUESTION, ANSWER, THOUGHT)]


@pytest.mark.parametrize(
    ("answer", "told", "expected"),
    [
        pytest.param("<think>\n\n</think>\n\n体育", None, ("体育", None), id="thought of nothing"),
        pytest.param("<think>没有写完", None, ("<think>没有写完", None), id="never closed"),
        pytest.param("<think>想</think> ", None, ("<think>想</think> ", None), id="nothing but thought"),
        pytest.param("用<think>标签</think>", None, ("用<think>标签</think>", None), id="about the tag"),
        pytest.param("<think>甲</think>乙", "丙", ("<think>甲</think>乙", "丙"), id="told elsewhere"),
        pytest.param("<think>甲</think>乙</think>丙", None, ("乙</think>丙", "甲"), id="closed twice"),
    ],
)
def test_an_answer_stays_whole_where_it_does_not_begin_with_a_thought(
    answer: str, told: str | None, expected: tuple[str, str | None]
) -> None:
    assert apart(answer, told) == expected


def test_a_chain_of_thought_that_is_no_text_is_a_bad_row(tmp_path: Path) -> None:
    row = {"instruction": QUESTION, "input": "", "output": ANSWER, "reasoning": 7}
    with pytest.raises(DataError, match="'reasoning' must be text"):
        read(jsonl(tmp_path / "a.jsonl", [row]))


def example(**more: Any) -> Example:
    return Example("1", QUESTION, ANSWER, "a:1", reasoning=THOUGHT, **more)


def test_the_store_keeps_it(tmp_path: Path) -> None:
    write_examples(tmp_path / "a.jsonl", [example()])
    assert list(read_examples(tmp_path / "a.jsonl")) == [example()]


@pytest.mark.parametrize("kind", ["classification", "instruction"])
def test_it_is_cleaned_judged_and_masked_with_its_row(kind: str) -> None:
    row = Example("1", "打给谁？", "体育", "a:1", reasoning="他的手机是<b>13800138000</b>，在线博彩")
    plan = Plan(
        steps=steps_from(["html"]),
        policy=Policy((Category("gambling", ("在线博彩",), "mask"),)),
        personal_data=("mobile",),
    )
    ready = prepare_rows([row], plan, kind=kind, labels=["体育"])
    told = ready.examples[0].reasoning
    assert told is not None
    assert told.startswith("他的手机是")
    assert not any(words in told for words in ("<b>", "13800138000", "在线博彩"))
    assert "13800138000" not in str(ready.changes)


def test_a_row_that_stays_takes_over_what_its_copy_was_told() -> None:
    bare = Example("0", QUESTION, ANSWER, "a:0")
    ready = prepare_rows([bare, example()], Plan(copies="exact"), kind="instruction")
    assert [(e.id, e.reasoning) for e in ready.examples] == [("0", THOUGHT)]
    assert ready.changes == [{"origin": "a:0", "rule": "reasoning_moved", "partner": "a:1"}]


def test_what_led_to_another_text_is_no_reasoning_of_the_row() -> None:
    reply = completion("哪个数是三乘以四再加一的结果？", reasoning_content="要写一个问题")
    (written,) = write([example()], Question(), always(reply).client())
    assert isinstance(written.result, Example)
    assert (written.result.reasoning, written.reasoning) == (None, "要写一个问题")


@pytest.mark.parametrize("to", ["alpaca", "messages", "sharegpt", "jsonl", "csv"])
def test_a_conversion_keeps_it_where_the_form_has_a_place(tmp_path: Path, to: str) -> None:
    rows = [{"instruction": QUESTION, "input": "", "output": TAGGED}, {"instruction": "你好", "output": "你好！"}]
    source = jsonl(tmp_path / "a.jsonl", rows)
    done = steps.convert(source, tmp_path / ("b.csv" if to == "csv" else "b.jsonl"), to=to)
    assert "reasoning" not in done.lost
    assert [e.reasoning for e in read(done.path, kind="instruction")] == [THOUGHT, None]


def test_a_conversion_says_where_there_is_no_place_for_it(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "a.jsonl", [{"instruction": QUESTION, "input": "", "output": TAGGED}])
    done = steps.convert(source, tmp_path / "b.jsonl", to="human_assistant")
    assert done.lost == {"reasoning": 1}
    assert any("the reasoning is left out" in notice for notice in done.notices)


def prepared(tmp_path: Path, **data: str) -> tuple[Any, list[Example], list[str]]:
    rows = [{"instruction": f"{QUESTION} 第{i}题", "input": "", "output": TAGGED} for i in range(10)]
    source = jsonl(tmp_path / "a.jsonl", rows)
    notices: list[str] = []

    class Heard(Quiet):
        def notice(self, message: str) -> None:
            notices.append(message)

    run = parse_run({"data": {"train": str(source), **data}, "task": {"kind": "instruction"}})
    workspace = steps.prepare(run, out=tmp_path / "run", progress=Heard())
    return workspace, list(read_examples(workspace.files.train)), notices


def test_a_run_keeps_it_beside_the_answer_and_does_not_train_it(tmp_path: Path) -> None:
    workspace, rows, notices = prepared(tmp_path)
    assert {(row.target, row.reasoning) for row in rows} == {(ANSWER, THOUGHT)}
    assert any("10 rows have a chain of thought; it is kept, and not trained" in notice for notice in notices)
    assert ANSWER in read_json(workspace.files.prompt)["example"]["answer"]
    assert THOUGHT not in str(read_json(workspace.files.prompt)["example"])


def test_a_run_trains_it_as_the_beginning_of_the_answer_where_asked(tmp_path: Path) -> None:
    workspace, rows, _ = prepared(tmp_path, reasoning="answer")
    assert {(row.target, row.reasoning) for row in rows} == {(TAGGED, None)}
    assert TAGGED in read_json(workspace.files.prompt)["example"]["answer"]
    assert apart(TAGGED) == (ANSWER, THOUGHT)
    assert in_answer(example()).target == TAGGED


def test_a_label_holds_no_chain_of_thought(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "a.jsonl", [{"text": "球", "label": "体育", "cot": "有球"}])
    with pytest.raises(ConfigError, match=r"data\.reasoning = .answer. needs a task of free answers"):
        steps.prepare(parse_run({"data": {"train": str(source), "reasoning": "answer"}}), out=tmp_path / "run")
