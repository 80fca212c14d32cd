"""Conversations: which turn is the question, which the answer, and what stands in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.reading import read
from finetrie.errors import DataError
from finetrie.records import Message
from tests.unit.data.writing import jsonl, text


def turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


TURNS = [
    turn("system", "简短回答"),
    turn("user", "一"),
    turn("assistant", "二"),
    turn("user", "三"),
    turn("assistant", "四"),
]
SHAREGPT = [
    {"from": {"user": "human", "assistant": "gpt"}.get(t["role"], t["role"]), "value": t["content"]} for t in TURNS
]
HUMAN = "<s>System: 简短回答\n</s><s>Human: 一\n</s><s>Assistant: 二\n</s><s>Human: 三\n</s><s>Assistant: 四\n</s>"


@pytest.mark.parametrize(
    ("row", "format"),
    [
        pytest.param({"messages": TURNS}, "messages", id="messages"),
        pytest.param({"conversations": TURNS}, "messages", id="messages under another name"),
        pytest.param({"conversations": SHAREGPT}, "sharegpt", id="sharegpt"),
        pytest.param({"conversations": SHAREGPT[1:], "system": "简短回答"}, "sharegpt", id="system beside the turns"),
        pytest.param({"text": HUMAN}, "human_assistant", id="human and assistant"),
        pytest.param({"dialogue": HUMAN}, "human_assistant", id="in any column"),
    ],
)
def test_the_last_answer_is_the_target_and_the_rest_is_history(tmp_path: Path, row: Any, format: str) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert (data.format, data.kind) == (format, "instruction")
    (example,) = data
    assert (example.text, example.target) == ("三", "四")
    assert example.history == tuple(TURNS[:3])


@pytest.mark.parametrize("row", [{"messages": TURNS}, {"conversations": SHAREGPT}, {"text": HUMAN}])
def test_unlabelled_reading_leaves_the_last_answer_out(tmp_path: Path, row: Any) -> None:
    (example,) = read(jsonl(tmp_path / "a.jsonl", [row]), labelled=False)
    assert (example.text, example.target, len(example.history)) == ("三", None, 3)


def test_an_open_question_can_be_answered(tmp_path: Path) -> None:
    open_ended = HUMAN.removesuffix(" 四\n</s>")
    (example,) = read(jsonl(tmp_path / "a.jsonl", [{"text": open_ended}]), labelled=False)
    assert (example.text, example.target) == ("三", None)
    (example,) = read(jsonl(tmp_path / "b.jsonl", [{"messages": TURNS[:-1]}]), labelled=False)
    assert example.text == "三"


def test_short_answers_are_labels_where_that_is_said(tmp_path: Path) -> None:
    row = {"messages": [turn("user", "好电影"), turn("assistant", " 正面\n")]}
    assert read(jsonl(tmp_path / "a.jsonl", [row]), kind="classification").examples[0].target == "正面"
    with pytest.raises(DataError, match="messages rows hold no entity offsets"):
        read(tmp_path / "a.jsonl", kind="ner")


def test_parts_of_a_message_are_joined(tmp_path: Path) -> None:
    said = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    row = {"messages": [{"role": "user", "content": said}, turn("assistant", "c")]}
    assert read(jsonl(tmp_path / "a.jsonl", [row])).examples[0].text == "ab"


@pytest.mark.parametrize("header", ["text\n", ""], ids=["with a header", "without one"])
def test_one_column_csv_may_lack_its_header(tmp_path: Path, header: str) -> None:
    rows = [f'"<s>Human: 问{i}, ""引""\n</s><s>Assistant: 答{i}\n\n</s>"\n' for i in range(3)]
    data = read(text(tmp_path / "a.csv", header + "".join(rows)))
    assert data.format == "human_assistant"
    assert [(e.text, e.target) for e in data] == [(f'问{i}, "引"', f"答{i}\n") for i in range(3)]


GOOD = {"messages": [turn("user", "a"), turn("assistant", "b")]}


@pytest.mark.parametrize(
    ("turns", "rule", "complaint"),
    [
        pytest.param([turn("user", "a")], "empty_target", "does not end with an answer", id="no answer"),
        pytest.param([turn("assistant", "a")], "no_question", "follows no question", id="no question"),
        pytest.param(
            [turn("user", " "), turn("assistant", "b")], "empty_text", "question is empty", id="blank question"
        ),
        pytest.param([turn("user", "a"), turn("assistant", "")], "empty_target", "answer is empty", id="blank answer"),
        pytest.param(
            [turn("usr", "a"), turn("assistant", "b")], "unknown_role", "did you mean 'user'", id="misspelt role"
        ),
        pytest.param([turn("tool", "a"), turn("assistant", "b")], "unknown_role", "said by 'tool'", id="tool"),
        pytest.param(
            [{"role": "user", "content": 3}, turn("assistant", "b")], "wrong_type", "turn 1 must be text", id="number"
        ),
        pytest.param(
            [{"role": "user"}, turn("assistant", "b")], "wrong_type", "must have 'role' and 'content'", id="no words"
        ),
        pytest.param("hello", "wrong_type", "must be a list of turns, got text", id="mixed types"),
        pytest.param([], "empty_target", "does not end with an answer", id="empty"),
    ],
)
def test_a_conversation_that_cannot_be_used_is_named_and_the_others_are_kept(
    tmp_path: Path, turns: Any, rule: str, complaint: str
) -> None:
    path = jsonl(tmp_path / "a.jsonl", [GOOD, {"messages": turns}, GOOD])
    data = read(path, on_bad_row="reject")
    assert len(data) == 2
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:2", rule)]
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{complaint}(.|\n)*fix: "):
        read(path)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        pytest.param("<s>Human: a\n</s><s>Assistant: b", "truncated", id="cut off"),
        pytest.param("<s>Human: a\n</s><s>Bot: b\n</s>", "bad_conversation", id="unknown speaker"),
        pytest.param("hello", "truncated", id="no conversation"),
    ],
)
def test_a_broken_conversation_form_is_a_bad_row(tmp_path: Path, said: str, rule: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": HUMAN}, {"text": said}, {"text": HUMAN}])
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:2", rule)]
    assert len(data) == 2


def test_turns_may_stand_in_a_table_as_json(tmp_path: Path) -> None:
    cell = json.dumps(TURNS, ensure_ascii=False).replace('"', '""')
    assert read(text(tmp_path / "a.csv", f'messages\n"{cell}"\n')).examples[0].target == "四"


def test_alpaca_may_bring_a_system_message(tmp_path: Path) -> None:
    row = {"instruction": "问", "output": "答", "system": "简短", "history": [["一", "二"]]}
    (example,) = read(jsonl(tmp_path / "a.jsonl", [row, {**row, "system": ""}]), kind="instruction").examples[:1]
    assert example.history == (turn("system", "简短"), turn("user", "一"), turn("assistant", "二"))
