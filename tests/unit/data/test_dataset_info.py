"""LLaMA-Factory's dataset_info.json: the right file, read under the names it gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie import steps
from finetrie.config import load_run, parse_run
from finetrie.data.reading import read
from finetrie.errors import DataError
from finetrie.steps import workspace as steps_workspace
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
        data = read(f"{path}#qa")
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
    data = read(f"{tmp_path}#chat")
    assert (data.format, data.examples[0].text, data.examples[0].target) == ("sharegpt", "a", "b")
    assert data.examples[0].history == ({"role": "system", "content": "kurz"},)
    assert any("tools ('t') are not read" in notice for notice in data.notices)
    assert any("num_samples is not applied" in notice for notice in data.notices)


def test_plain_alpaca_needs_no_columns(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    jsonl(tmp_path / "part" / "only.jsonl", [{"instruction": "a", "input": "", "output": "b"}])
    folder(tmp_path, plain={"file_name": "part"})
    assert [(e.text, e.target) for e in read(tmp_path)] == [("a", "b")]


@pytest.mark.parametrize(
    ("name", "entry", "complaint"),
    [
        ("mein", {}, "no data set 'mein', did you mean 'mine'"),
        ("mine", {"hf_hub_url": "a/b"}, r"its rows are remote, not in this folder \(hf_hub_url 'a/b'\)"),
        ("mine", {"file_name": "a.json", "ranking": True}, "preference data"),
        (
            "mine",
            {"file_name": "a.json", "formatting": "openai"},
            "formatting 'openai'; expected 'alpaca' or 'sharegpt'",
        ),
        ("mine", {"file_name": "a.json", "columns": ["a"]}, "'columns' must be an object of names"),
        ("mine", {"file_name": "absent.json"}, "no such file"),
    ],
    ids=["near miss", "on a hub", "preferences", "unknown form", "bad columns", "file missing"],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, name: str, entry: Any, complaint: str) -> None:
    folder(tmp_path, mine=entry)
    with pytest.raises(DataError, match=complaint) as caught:
        read(f"{tmp_path}/dataset_info.json#{name}")
    assert "fix:" in str(caught.value)


def test_of_several_data_sets_one_has_to_be_named(tmp_path: Path) -> None:
    folder(tmp_path, one={"file_name": "a.json"}, other={"file_name": "b.json"})
    with pytest.raises(DataError, match=r"this lists 2 data sets; which one\? \(one, other\)\n  fix: .*#one"):
        read(tmp_path)


def test_a_data_set_cannot_be_named_in_another_file(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", [{"text": "a", "label": "b"}])
    for path in (file, tmp_path):
        with pytest.raises(DataError, match=r"no dataset_info\.json here, in which to look for 'x'"):
            read(f"{path}#x")
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nowhere#x")
    text(tmp_path / "dataset_info.json", "{")
    with pytest.raises(DataError, match="not valid JSON"):
        read(f"{tmp_path}#x")


def test_a_file_may_have_the_mark_in_its_name(tmp_path: Path) -> None:
    assert len(read(jsonl(tmp_path / "a#b.jsonl", [{"text": "a", "label": "b"}]))) == 1


def news(path: Path) -> Path:
    """A folder as users of LLaMA-Factory have it: two files with columns of their own names."""
    for name, count in (("train", 40), ("test", 10)):
        label = ("体育", "财经")
        rows = [{"q": "这条新闻属于哪一类？", "x": f"{name} 第{i}条新闻", "y": label[i % 2]} for i in range(count)]
        jsonl(path / f"{name}.jsonl", rows)
    columns = {"prompt": "q", "query": "x", "response": "y"}
    entries = {f"news_{name}": {"file_name": f"{name}.jsonl", "columns": columns} for name in ("train", "test")}
    return folder(path, **entries, hub={"hf_hub_url": "a/b"})


def test_init_writes_a_run_file_that_reads_the_folder(tmp_path: Path) -> None:
    place = news(tmp_path)
    out = steps.init([f"{place}#news_train", f"{place}#news_test"], model="finetrie/tiny", out=tmp_path / "run.toml")
    run = load_run(out)
    assert run.data.train == f"{place.resolve()}#news_train"
    workspace = steps.prepare(run, out=tmp_path / "runs")
    assert workspace.manifest()["stages"]["prepare"]["rows"]["test"] == 10
    assert workspace.files.train.read_text(encoding="utf-8").count("第") > 30


def test_check_takes_a_data_set_of_a_folder(tmp_path: Path) -> None:
    place = news(tmp_path)
    card = steps.check(f"{place}#news_train", against=f"{place}#news_test", out=tmp_path / "card").card
    assert (card["rows"], card["labels"]["counts"]) == (40, {"体育": 20, "财经": 20})


def test_a_run_is_known_by_the_rows_behind_the_name(tmp_path: Path) -> None:
    place = news(tmp_path)
    run = parse_run({"data": {"train": f"{place}#news_train"}})

    def directory() -> str:
        return steps_workspace.open_workspace(run).path.name

    first = directory()
    assert first.startswith("news_train-lora-")
    folder(place, **json.loads((place / "dataset_info.json").read_text()), another={"file_name": "x.json"})
    assert directory() == first, "another entry is another matter"
    jsonl(place / "train.jsonl", [{"q": "?", "x": "别的", "y": "体育"}])
    assert directory() != first
    with pytest.raises(DataError, match=r"a folder without dataset_info\.json"):
        steps_workspace.open_workspace(parse_run({"data": {"train": str(tmp_path.parent)}}))
