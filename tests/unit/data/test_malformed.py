"""Every form in every container, with the damage that files have: named with file, line and remedy, good rows saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Shape, Writable
from finetrie.data.reading import read
from finetrie.data.writing import write_rows
from finetrie.errors import DataError
from finetrie.files import read_jsonl
from finetrie.records import Example, Span
from finetrie.steps.converting import convert
from tests.unit.data.writing import jsonl

ROWS = 30
SUFFIXES = {"jsonl": ".jsonl", "json": ".json", "csv": ".csv", "tsv": ".tsv", "xlsx": ".xlsx", "parquet": ".parquet"}
LABELS = ("体育", "财经")
EVERY_FORM = [(name, container) for name in FORMATS.names() for container in getattr(FORMATS.get(name), "writes", ())]
LINES = [(name, container) for name, container in EVERY_FORM if container not in ("xlsx", "parquet")]
TABLES = [(name, container) for name, container in EVERY_FORM if container in ("csv", "tsv", "xlsx")]


def _examples(kind: str) -> list[Example]:
    if kind == "ner":
        return [Example(str(i), f"他在南京工作了{i}年", (Span(2, 4, "GPE"),), "") for i in range(ROWS)]
    if kind == "classification":
        return [Example(str(i), f"第{i}条新闻，讲的是球赛", LABELS[i % 2], "", options=LABELS) for i in range(ROWS)]
    return [Example(str(i), f"第{i}个问题是什么？", f"这是第{i}个问题的回答。" * 5, "") for i in range(ROWS)]


def _file(folder: Path, name: str, container: str) -> tuple[Path, str]:
    """A good file of `ROWS` rows, and its kind."""
    if container in ("xlsx", "parquet"):
        pytest.importorskip({"xlsx": "openpyxl", "parquet": "pyarrow"}[container], reason="needs the extra 'tables'")
    form: Any = FORMATS.get(name)
    assert isinstance(form, Writable)
    kind = "instruction" if form.asks else "classification" if "classification" in form.kinds else "ner"
    shape = Shape(kind, ("GPE",) if kind == "ner" else LABELS, options=kind == "classification")
    path = folder / f"a{SUFFIXES.get(container, '.bio')}"
    rows = (row for example in _examples(kind) for row in form.rows(example, shape))
    write_rows(path, rows, container=container, header=form.header(shape))
    return path, kind


def _is_named_and_the_rest_is_saved(path: Path, name: str, kind: str, *, saved: int, rule: str | None = None) -> None:
    """One bad row: reading stops at it with its line and what to do; `convert` saves the others and lists it."""
    with pytest.raises(DataError) as caught:
        read(path, format=name, kind=kind)
    assert re.search(rf"{re.escape(path.name)}:\d+: ", str(caught.value)), caught.value
    assert "fix: " in str(caught.value)
    result = convert(path, path.with_name("saved.jsonl"), format=name, kind=kind, on_bad_row="reject")
    assert result.examples == saved
    (rejected,) = read_jsonl(path.with_name("saved.rejected.jsonl"))
    assert rejected["origin"].startswith(f"{path.name}:")
    assert rule is None or rejected["rule"] == rule
    assert len(read(path.with_name("saved.jsonl"), kind=kind)) == saved


@pytest.mark.parametrize(("name", "container"), LINES)
def test_a_cut_file_loses_its_last_row_only(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    whole = path.read_text(encoding="utf-8")
    cut = whole.rindex("年") if container == "conll" else whole.index("29")  # in the first cell of the last row
    path.write_text(whole[: cut + 1], encoding="utf-8")
    _is_named_and_the_rest_is_saved(path, name, kind, saved=ROWS - 1)


@pytest.mark.parametrize("container", ["xlsx", "parquet"])
def test_a_cut_container_of_which_nothing_can_be_read_says_what_to_do(tmp_path: Path, container: str) -> None:
    path, _ = _file(tmp_path, {"xlsx": "excel"}.get(container, container), container)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match=rf"{path.name}: .*damaged(.|\n)*fix: .*export"):
        read(path, on_bad_row="reject")


@pytest.mark.parametrize(("name", "container"), LINES)
def test_a_row_in_another_encoding_is_the_only_one_lost(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    content = path.read_bytes()
    mark = ("工作了7年" if container != "conll" else "7").encode() if kind == "ner" else "第7".encode()
    at = content.index(mark)
    path.write_bytes(content[:at] + b"\xff" + content[at + len(mark) :])
    _is_named_and_the_rest_is_saved(path, name, kind, saved=ROWS - 1, rule="bad_encoding")


@pytest.mark.parametrize(("name", "container"), list(dict(LINES).items()))
def test_a_whole_file_in_gb18030_is_read_and_in_latin_1_refused(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    content = path.read_text(encoding="utf-8")
    path.write_bytes(content.encode("gb18030"))
    assert len(read(path, format=name, kind=kind)) == ROWS
    path.write_bytes(re.sub("[\u4e00-\u9fff]", "ä", content).encode("latin-1", "replace"))
    with pytest.raises(DataError, match=rf"{path.name}:\d+: the encoding is not(.|\n)*fix: "):
        read(path, format=name, kind=kind, on_bad_row="reject")


@pytest.mark.parametrize(("name", "container"), TABLES)
def test_a_header_that_comes_again_is_the_only_row_lost(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    if container == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.load_workbook(path)
        book.active.append([cell.value for cell in book.active[1]])
        book.save(path)
    else:
        with path.open("ab") as stream:
            stream.write(path.read_bytes().partition(b"\n")[0] + b"\n")
    _is_named_and_the_rest_is_saved(path, name, kind, saved=ROWS, rule="repeated_header")


@pytest.mark.parametrize(("name", "container"), TABLES)
def test_a_column_named_twice_is_refused(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    if container == "xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.load_workbook(path)
        book.active.cell(1, book.active.max_column + 1, book.active["A1"].value)
        book.save(path)
    else:
        mark = {"csv": b",", "tsv": b"\t"}[container]
        head, end, rest = path.read_bytes().partition(b"\r\n")
        path.write_bytes(head + mark + head.split(mark)[0] + end + rest)
    with pytest.raises(DataError, match=rf"{path.name}:1: the header names 2 columns(.|\n)*fix: give each"):
        read(path, format=name, kind=kind, on_bad_row="reject")


@pytest.mark.parametrize("spoilt", [7, None, ["x"], {"x": 1}, True], ids=str)
@pytest.mark.parametrize("name", [name for name, container in LINES if container == "jsonl"])
def test_a_value_of_another_type_is_the_only_row_lost(tmp_path: Path, name: str, spoilt: Any) -> None:
    """Everything that carries the text, in one row, is of another type."""
    path, kind = _file(tmp_path, name, "jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[4] = {key: spoilt if key not in ("id", "history", "system") else value for key, value in rows[4].items()}
    _is_named_and_the_rest_is_saved(jsonl(path, rows), name, kind, saved=ROWS - 1)


def _entities(name: str, content: str, *spans: tuple[int, int]) -> dict[str, Any]:
    """A row of a form, as its programs write it, with entities at these places."""
    words = [content[start:end] for start, end in spans]
    values = [{"start": a, "end": b, "text": w, "labels": ["GPE"]} for (a, b), w in zip(spans, words, strict=True)]
    result = [{"type": "labels", "value": value} for value in values]
    return {
        "ccf": {
            "text": content,
            "entities": [
                {"start_idx": a, "end_idx": b, "entity_text": w, "entity_label": "GPE"}
                for (a, b), w in zip(spans, words, strict=True)
            ],
        },
        "cluener": {
            "text": content,
            "label": {"GPE": {w: [[a, b - 1]] for (a, b), w in zip(spans, words, strict=True)}},
        },
        "doccano": {"text": content, "label": [[a, b, "GPE"] for a, b in spans]},
        "label_studio": {"data": {"text": content}, "annotations": [{"result": result}]},
        "uie": {"content": content, "result_list": [{**v, "labels": None} for v in values], "prompt": "GPE"},
        "jsonl": {"text": content, "entities": [{"start": a, "end": b, "label": "GPE"} for a, b in spans]},
    }[name]


MARKED = ["ccf", "cluener", "doccano", "label_studio", "uie", "jsonl"]


def _marked(name: str) -> list[dict[str, Any]]:
    return [_entities(name, f"他在南京工作了{i}年", (2, 4)) for i in range(ROWS - 1)]


@pytest.mark.parametrize("name", MARKED)
def test_offsets_past_the_end_cost_their_row_only(tmp_path: Path, name: str) -> None:
    bad = _entities(name, "他在南京工作", (2, 4), (4, 99))
    path = jsonl(tmp_path / "a.jsonl", [*_marked(name)[:9], bad, *_marked(name)[9:]])
    _is_named_and_the_rest_is_saved(path, name, "ner", saved=ROWS - 1, rule="bad_offsets")


@pytest.mark.parametrize("name", [name for name in MARKED if name not in ("doccano", "jsonl")])
def test_offsets_that_cover_other_words_than_they_say_cost_their_row_only(tmp_path: Path, name: str) -> None:
    bad = json.loads(
        json.dumps(_entities(name, "他在南京工作", (2, 4)), ensure_ascii=False).replace("南京工作", "在南京工作")
    )
    path = jsonl(tmp_path / "a.jsonl", [*_marked(name), bad])
    _is_named_and_the_rest_is_saved(path, name, "ner", saved=ROWS - 1, rule="bad_offsets")


@pytest.mark.parametrize("name", MARKED)
def test_overlapping_entities_are_all_kept(tmp_path: Path, name: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [*_marked(name), _entities(name, "他在南京工作", (1, 4), (2, 6), (2, 3))])
    data = read(path, format=name)
    assert data.examples[-1].target == (Span(1, 4, "GPE"), Span(2, 3, "GPE"), Span(2, 6, "GPE"))


@pytest.mark.parametrize("name", MARKED)
def test_offsets_behind_an_emoji_are_repaired_with_a_notice(tmp_path: Path, name: str) -> None:
    utf16 = json.loads(json.dumps(_entities(name, "南🙂在南京", (4, 6)), ensure_ascii=False).replace('"京"', '"南京"'))
    if name == "cluener":
        utf16["label"] = {"GPE": {"南京": [[4, 5]]}}
    path = jsonl(tmp_path / "a.jsonl", [*_marked(name), utf16])
    data = read(path, format=name)
    assert data.examples[-1].target == (Span(3, 5, "GPE"),)
    assert any("offsets are UTF-16 code units" in notice for notice in data.notices)
    saved = read(convert(path, tmp_path / "b.json", to="label_studio", format=name).path)
    assert saved.examples[-1].target == (Span(3, 5, "GPE"),)


@pytest.mark.parametrize(("name", "container"), [(n, c) for n, c in LINES if c != "conll"])
def test_a_very_long_line_is_a_row_like_any_other(tmp_path: Path, name: str, container: str) -> None:
    path, kind = _file(tmp_path, name, container)
    content = path.read_text(encoding="utf-8")
    path.write_text(content.replace("工作了7年" if kind == "ner" else "第7", "长" * 2_000_000), encoding="utf-8")
    data = read(path, format=name, kind=kind)
    assert len(data) == ROWS
    assert max(len(e.text) for e in data) > 1_999_999
