"""LLaMA-Factory's dataset_info.json: the right file, read under the names it gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.reading import read
from finetrie.errors import DataError
from tests.unit.data.writing import jsonl, text


def folder(path: Path, **entries: Any) -> Path:
    text(path / "dataset_info.json", json.dumps(entries))
    return path


def test_columns_are_read_under_their_own_names(tmp_path: Path) -> None:
    row = {"q": "翻译", "ctx": "你好", "a": "hello", "past": [["一", "二"]], "sys": "简短", "output": "not this"}
    jsonl(tmp_path / "qa.jsonl", [row])
    columns = {"prompt": "q", "query": "ctx", "response": "a", "history": "past", "system": "sys"}
    folder(tmp_path, qa={"file_name": "qa.jsonl", "columns": columns}, other={"file_name": "none.json"})
    for path in (tmp_path, tmp_path / "dataset_info.json"):
        data = read(path, dataset="qa")
        assert data.format == "alpaca"
        (example,) = data
        assert (example.text, example.instruction, example.target) == ("你好", "翻译", "hello")
        assert [turn["content"] for turn in example.history] == ["简短", "一", "二"]
        assert example.origin == "qa.jsonl:1"


def test_speakers_are_read_under_their_own_names(tmp_path: Path) -> None:
    turns = [{"who": "U", "says": "a"}, {"who": "A", "says": "b"}]
    text(tmp_path / "chat.json", json.dumps([{"talk": turns, "s": "kurz"}]))
    tags = {"role_tag": "who", "content_tag": "says", "user_tag": "U", "assistant_tag": "A"}
    folder(
        tmp_path,
        chat={
            "file_name": "chat.json",
            "formatting": "sharegpt",
            "columns": {"messages": "talk", "system": "s", "tools": "t"},
            "tags": tags,
            "num_samples": 5,
        },
    )
    data = read(tmp_path, dataset="chat")
    assert (data.format, data.examples[0].text, data.examples[0].target) == ("sharegpt", "a", "b")
    assert data.examples[0].history == ({"role": "system", "content": "kurz"},)
    assert any("tools ('t') are not read" in notice for notice in data.notices)
    assert any("num_samples is not applied" in notice for notice in data.notices)


def test_plain_alpaca_needs_no_columns(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    jsonl(tmp_path / "part" / "only.jsonl", [{"instruction": "a", "input": "", "output": "b"}])
    folder(tmp_path, plain={"file_name": "part"})
    assert [(e.text, e.target) for e in read(tmp_path, dataset="plain")] == [("a", "b")]


@pytest.mark.parametrize(
    ("name", "entry", "complaint"),
    [
        (None, {}, r"this lists data sets; it holds none itself \(they are: mine\)"),
        ("mein", {}, "no data set 'mein', did you mean 'mine'"),
        ("mine", {"hf_hub_url": "a/b"}, r"the rows are not in this folder \(hf_hub_url 'a/b'\)"),
        ("mine", {"file_name": "a.json", "ranking": True}, "preference data"),
        (
            "mine",
            {"file_name": "a.json", "formatting": "openai"},
            "formatting 'openai'; expected 'alpaca' or 'sharegpt'",
        ),
        ("mine", {"file_name": "a.json", "columns": ["a"]}, "'columns' must be an object of names"),
        ("mine", {"file_name": "absent.json"}, "no such file"),
    ],
    ids=["none named", "near miss", "on a hub", "preferences", "unknown form", "bad columns", "file missing"],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, name: str | None, entry: Any, complaint: str) -> None:
    folder(tmp_path, mine=entry)
    with pytest.raises(DataError, match=complaint) as caught:
        read(tmp_path / "dataset_info.json", dataset=name)
    assert "fix:" in str(caught.value)


def test_a_data_set_cannot_be_named_in_another_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no dataset_info\.json here, in which to look for 'x'"):
        read(jsonl(tmp_path / "a.jsonl", [{"text": "a", "label": "b"}]), dataset="x")
    with pytest.raises(DataError, match="not valid JSON"):
        read(text(tmp_path / "dataset_info.json", "{"), dataset="x")
