"""Every format on its own: recognised by itself, read by its name, refused with a reason."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Asked, Columns, Draft, Row, Unrecognised
from finetrie.data.reading import read
from finetrie.data.rows import BadRow
from finetrie.errors import DataError, UnknownName
from finetrie.records import Example, Span
from tests.unit.data.writing import LABELLED, jsonl, text

NAMES = FORMATS.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_format_reads_its_own_sample(name: str) -> None:
    form = FORMATS.get(name)
    columns = form.columns(form.sample(), Asked())
    assert columns.kind in ("classification", "ner", "instruction")
    for row in form.sample():
        assert form.draft(row, columns, labelled=True).target is not None
        assert form.draft(row, columns, labelled=False).target is None
    assert form.about


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "spoilt", [None, 7, True, 1.5, "", "  ", [], ["x"], {}, {"x": 1}, [[1]], [{"start": 0}], {"a": {"b": 3}}]
)
def test_a_format_raises_nothing_but_bad_rows(name: str, spoilt: Any) -> None:
    form = FORMATS.get(name)
    columns = form.columns(form.sample(), Asked())
    for row in form.sample():
        for column in row:
            for changed in ({**row, column: spoilt}, {k: v for k, v in row.items() if k != column}):
                with contextlib.suppress(BadRow):
                    assert isinstance(form.draft(changed, columns, labelled=True), Draft)


@pytest.mark.parametrize("name", [name for name in NAMES if "jsonl" in FORMATS.get(name).containers])
def test_a_format_is_recognised_by_itself(tmp_path: Path, name: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", FORMATS.get(name).sample())
    assert read(path).format == name
    assert read(path) == read(path, format=name)


def test_a_new_file_or_plug_in_is_all_a_format_needs() -> None:
    assert set(NAMES) >= {"jsonl", "csv", "tsv", "fudan", "ccf", "cluener", "alpaca"}
    with pytest.raises(UnknownName, match="unknown format 'fudam', did you mean 'fudan'"):
        FORMATS.get("fudam")


def test_fudan_rows_bring_their_own_candidates(tmp_path: Path) -> None:
    row = {"text": "球赛", "category": "Politics，Economy, Sports", "output": " Sports "}
    (example,) = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert (example.target, example.options) == ("Sports", ("Politics", "Economy", "Sports"))


def test_a_label_outside_its_own_candidates_is_a_bad_row(tmp_path: Path) -> None:
    good = {"text": "球赛", "category": "Politics, Sports", "output": "Sports"}
    path = jsonl(tmp_path / "a.jsonl", [good, good, {**good, "output": "Sport"}])
    with pytest.raises(DataError, match=r"a\.jsonl:3: the label 'Sport' is not among .* did you mean 'Sports'"):
        read(path)
    assert [r.rule for r in read(path, on_bad_row="reject").rejected] == ["unknown_option"]


def test_named_options_work_in_any_format(tmp_path: Path) -> None:
    row = {"sentence": "a", "label": "x", "choices": ["x", "y"]}
    data = read(jsonl(tmp_path / "a.jsonl", [row]), options="choices")
    assert data.examples[0].options == ("x", "y")
    assert (data.text, data.target, data.options) == ("sentence", "label", "choices")


def test_ccf_entities_become_spans(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", FORMATS.get("ccf").sample()))
    assert data.kind == "ner"
    assert [e.target for e in data] == [(Span(2, 4, "GPE"),), ()]


def test_cluener_ends_are_inclusive(tmp_path: Path) -> None:
    row = {"text": "生生不息CSOL生化狂潮让你填弹狂扫", "label": {"game": {"CSOL": [[4, 7]]}}}
    data = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert (data.format, data.examples[0].target) == ("cluener", (Span(4, 8, "game"),))
    assert not data.notices


@pytest.mark.parametrize(
    "entities",
    [
        [{"start": 2, "end": 4, "label": "GPE"}],
        [{"start_offset": 2, "end_offset": 4, "type": "GPE", "text": "南京"}],
        [{"start": 2, "end": 4, "labels": ["GPE"]}],
        [[2, 4, "GPE"]],
        json.dumps([[2, 4, "GPE"]]),
    ],
    ids=["start/end", "offset/type", "Label Studio's labels", "triples", "JSON in a cell"],
)
def test_entities_may_be_written_in_several_ways(tmp_path: Path, entities: Any) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": "他在南京工作", "marks": entities}])
    assert read(path, target="marks", kind="ner").examples[0].target == (Span(2, 4, "GPE"),)


def test_a_label_column_of_lists_is_entity_data(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [{"text": "他在南京工作", "label": [[2, 4, "GPE"]]}]))
    assert (data.kind, data.target) == ("ner", "label")


def test_several_labels_a_row_are_refused_as_that(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": ["x"]}])
    with pytest.raises(DataError, match="'labels' must be one label, got a list"):
        read(path)


ALPACA = [{"instruction": "分类", "input": f"文本{i}", "output": "甲" if i % 2 else "乙"} for i in range(6)]


def test_alpaca_classification_reads_the_input(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", ALPACA))
    assert (data.format, data.kind) == ("alpaca", "classification")
    assert data.examples[1] == Example("a.jsonl:2", "文本1", "甲", "a.jsonl:2", instruction="分类")


def test_alpaca_instructions_without_input_are_the_text(tmp_path: Path) -> None:
    rows = [*FORMATS.get("alpaca").sample(), {"instruction": "继续", "output": "好", "history": [["你好", "你好！"]]}]
    data = read(jsonl(tmp_path / "a.json", [json.dumps(rows)]))
    assert data.kind == "instruction"
    assert [(e.text, e.instruction) for e in data] == [
        ("你好，世界", "翻译成英文"),
        ("写一句关于春天的诗", None),
        ("继续", None),
    ]
    assert data.examples[2].history == ({"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"})


def test_a_description_is_preferred_to_a_number(tmp_path: Path) -> None:
    rows = [{"label": 100, "label_desc": "news_story", "sentence": "农村依然很重视土葬", "keywords": "民间", "id": 0}]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert (data.text, data.target) == ("sentence", "label_desc")
    assert data.examples[0].id == "0"
    assert read(tmp_path / "a.jsonl", target="label").examples[0].target == "100"


def test_a_description_is_found_for_any_name(tmp_path: Path) -> None:
    rows = [{"text": "a", "category": 3, "category_name": "sports"}]
    assert read(jsonl(tmp_path / "a.jsonl", rows)).target == "category_name"


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"标题": "a", "内容": "b", "类别": "c"}, ("内容", "类别")),
        ({"Text": "a", "Label": "c"}, ("Text", "Label")),
        ({"review": "a", "sentiment": 1}, ("review", "sentiment")),
        ({"remark": "a b", "class": "c", "id": "1"}, ("remark", "class")),
        ({"text": "a", "category": "c", "output": "d"}, ("text", "category")),
    ],
)
def test_columns_are_found_by_their_usual_names(tmp_path: Path, row: Row, columns: tuple[str, str]) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert (data.text, data.target) == columns


def test_columns_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"foo": "a", "bar": "b"}])
    with pytest.raises(
        DataError, match=r'no column is recognisably the text \(columns: foo, bar\)(.|\n)*data.text = "..."'
    ):
        read(path)
    with pytest.raises(DataError, match=r"recognisably the label"):
        read(path, text="foo")


def test_another_kind_of_task_than_the_rows_hold_is_one_clear_error(tmp_path: Path) -> None:
    ccf = jsonl(tmp_path / "ccf.jsonl", FORMATS.get("ccf").sample())
    with pytest.raises(DataError, match=r'ccf rows are ner data, not classification(.|\n)*task.kind = "ner"'):
        read(ccf, kind="classification")
    marked = jsonl(tmp_path / "marked.jsonl", [{"text": "他在南京", "label": [[2, 4, "GPE"]]}])
    with pytest.raises(DataError, match=r"column 'label' holds entities"):
        read(marked, kind="classification")
    with pytest.raises(DataError, match=r"column 'label' holds no entities"):
        read(jsonl(tmp_path / "cls.jsonl", LABELLED), kind="ner", target="label")


def test_columns_for_candidates_instructions_and_turns_are_read_by_their_names(tmp_path: Path) -> None:
    row = {"text": "a", "label": "x", "options": ["x", "y"], "instruction": "which?", "history": [["one", "two"]]}
    data = read(jsonl(tmp_path / "a.jsonl", [row, row, {**row, "label": "z"}]), on_bad_row="reject")
    assert data.options == "options"
    assert (data.examples[0].options, data.examples[0].instruction) == (("x", "y"), "which?")
    assert [turn["content"] for turn in data.examples[0].history] == ["one", "two"]
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:3", "unknown_option")]


def test_columns_of_the_same_names_that_hold_something_else_are_left_alone(tmp_path: Path) -> None:
    row = {"text": "a", "label": "x", "options": "A. one B. two", "instruction": 7, "history": ["clicked", "bought"]}
    data = read(jsonl(tmp_path / "a.jsonl", [row, row]))
    assert data.options is None
    assert (data.examples[0].instruction, data.examples[0].history) == (None, ())


def test_a_format_of_its_own_can_be_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shouting:
        about, containers, rank = "rows that shout", frozenset({"jsonl"}), 1

        def columns(self, rows: Any, asked: Asked) -> Columns:
            if "SAID" not in rows[0]:
                raise Unrecognised("nobody shouts")
            return Columns("classification", "SAID", "HOW")

        def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
            return Draft(row["SAID"], row["HOW"] if labelled else None)

        def sample(self) -> list[Row]:
            return [{"SAID": "HEY", "HOW": "LOUD"}]

    monkeypatch.setitem(FORMATS._items, "shouting", Shouting())
    data = read(jsonl(tmp_path / "a.jsonl", Shouting().sample()))
    assert (data.format, data.examples[0].target) == ("shouting", "LOUD")
    assert read(text(tmp_path / "b.csv", "text,label\na,b\n")).format == "csv"
