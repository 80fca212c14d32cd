from __future__ import annotations

from pathlib import Path

import pytest

from finetrie.config import parse_run
from finetrie.data.detect import choose_files, inspect, role_of, run_values, siblings
from finetrie.data.formats import FORMATS
from finetrie.errors import DataError
from tests.unit.data.writing import LABELLED, jsonl, text


def test_a_look_at_a_file_says_what_it_is(tmp_path: Path) -> None:
    jsonl(tmp_path / "test.jsonl", LABELLED)
    seen = inspect(jsonl(tmp_path / "train.jsonl", [*LABELLED, "{"]))
    assert (seen.format, seen.encoding, seen.kind, seen.text, seen.target) == (
        "jsonl",
        "utf-8",
        "classification",
        "text",
        "label",
    )
    assert (seen.rows, seen.rejected, seen.labels) == (8, {"bad_json": 1}, {"体育": 4, "财经": 4})
    assert seen.language == "zh"
    assert seen.length is not None
    assert seen.length["min"] == 10
    assert seen.siblings == {"test": tmp_path / "test.jsonl"}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train.jsonl", "train"),
        ("cnews.train.txt", "train"),
        ("news_validation.csv", "dev"),
        ("dev.json", "dev"),
        ("val2.json", "dev"),
        ("TEST.tsv", "test"),
        ("新闻测试集.csv", "test"),
        ("训练.csv", "train"),
        ("trainers.csv", None),
        ("contest.csv", None),
        ("data.csv", None),
    ],
)
def test_roles_are_told_by_whole_words_of_the_name(name: str, role: str | None) -> None:
    assert role_of(Path(name)) == role


def test_siblings_differ_in_the_role_only(tmp_path: Path) -> None:
    for name in ("a.train.csv", "a.test.csv", "a.val.csv", "0.test.csv", "b.test.csv", "a.test.json", "test.csv"):
        (tmp_path / name).touch()
    assert siblings(tmp_path / "a.train.csv") == {"test": tmp_path / "a.test.csv", "dev": tmp_path / "a.val.csv"}
    assert siblings(tmp_path / "a.test.csv") == {}


def test_files_are_told_apart_by_name(tmp_path: Path) -> None:
    assert choose_files(["b/test.csv", "all.csv"]) == {"test": Path("b/test.csv"), "train": Path("all.csv")}
    assert choose_files(["only.csv"]) == {"train": Path("only.csv")}
    with pytest.raises(DataError, match="its name does not say"):
        choose_files(["a.csv", "b.csv"])
    with pytest.raises(DataError, match="a second train file"):
        choose_files(["train.csv", "train.jsonl"])
    with pytest.raises(DataError, match="only test and dev data given"):
        choose_files(["test.csv", "dev.csv"])


def test_the_run_file_holds_only_what_matters(tmp_path: Path) -> None:
    train = jsonl(tmp_path / "data" / "train.jsonl" if (tmp_path / "data").mkdir() is None else tmp_path, LABELLED)
    jsonl(tmp_path / "data" / "test.jsonl", LABELLED)
    values = run_values([train], relative_to=tmp_path / "runs")
    assert values == {
        "data": {
            "train": "../data/train.jsonl",
            "test": "../data/test.jsonl",
            "format": "jsonl",
            "text": "text",
            "target": "label",
        },
        "task": {"kind": "classification"},
    }
    parse_run(values)  # what is written can be read


@pytest.mark.parametrize("name", [name for name in FORMATS.names() if "jsonl" in FORMATS.get(name).containers])
def test_a_run_file_written_for_a_format_reads_it_again(tmp_path: Path, name: str) -> None:
    from finetrie.data.reading import read

    path = jsonl(tmp_path / "train.jsonl", FORMATS.get(name).sample())
    values = run_values([path])
    data = values["data"]
    assert data["format"] == name
    again = read(
        path,
        format=name,
        text=data["text"],
        target=data["target"],
        options=data.get("options"),
        kind=values["task"]["kind"],
    )
    assert again == read(path)


def test_files_of_two_forms_are_read_by_themselves(tmp_path: Path) -> None:
    train = jsonl(tmp_path / "train.jsonl", LABELLED)
    test = text(tmp_path / "test.csv", "text,label\na,体育\n", encoding="gb18030")
    values = run_values([test, train])
    assert values["data"]["format"] == "auto"
    assert "encoding" not in values["data"]


def test_a_guessed_encoding_is_written_down(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", LABELLED, encoding="gb18030")
    assert run_values([path])["data"]["encoding"] == "gb18030"


def test_files_of_two_kinds_do_not_make_a_run(tmp_path: Path) -> None:
    jsonl(tmp_path / "train.jsonl", LABELLED)
    jsonl(tmp_path / "test.jsonl", FORMATS.get("ccf").sample())
    with pytest.raises(DataError, match=r"test\.jsonl: ner rows, but .* holds classification rows"):
        run_values([tmp_path / "train.jsonl"])
