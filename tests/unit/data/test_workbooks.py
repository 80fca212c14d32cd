"""Excel workbooks and Parquet files: rows as other programs write them, and what may be wrong with them."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.data import extras
from finetrie.data.reading import read
from finetrie.errors import DataError
from finetrie.files import write_jsonl
from finetrie.records import Span

openpyxl = pytest.importorskip("openpyxl", reason="the extra 'tables' is not installed")
pyarrow = pytest.importorskip("pyarrow", reason="the extra 'tables' is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'tables' is not installed")


def workbook(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def table(path: Path, **columns: Sequence[Any]) -> Path:
    parquet.write_table(pyarrow.table(dict(columns)), path)
    return path


ROWS = [("text", "label"), ("股市 上涨\n第二行", "财经"), ("  球队🙂夺冠", 1), ("=1+1", "x")]


@pytest.mark.parametrize("name", ["a.xlsx", "renamed.csv"])
def test_a_workbook_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    book = workbook(tmp_path / "a.xlsx", data=ROWS[:3]).rename(tmp_path / name)
    data = read(book)
    assert (data.format, data.kind) == ("excel", "classification")
    assert [(e.origin, e.text, e.target) for e in data] == [
        (f"{name}:2", "股市 上涨\n第二行", "财经"),
        (f"{name}:3", "  球队🙂夺冠", "1"),
    ]


def test_the_first_sheet_with_rows_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    data = read(workbook(tmp_path / "a.xlsx", cover=[], train=ROWS[:2], test=ROWS[:2]))
    assert len(data) == 1
    assert data.notices == ("a.xlsx: read from the first sheet with rows; not read: test",)


def test_blank_rows_are_no_rows_and_count(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.xlsx", data=[ROWS[0], (), (None, " "), ("a", "b"), ("c", None)])
    data = read(book, on_bad_row="reject")
    assert [e.origin for e in data] == ["a.xlsx:4"]
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.xlsx:5", "empty_target")]


def test_a_sheet_of_two_columns_needs_no_header(tmp_path: Path) -> None:
    rows = [(f"第{i}条，讲的是足球。", "体育" if i % 2 else "财经") for i in range(4)]
    data = read(workbook(tmp_path / "a.xlsx", data=rows))
    assert [(e.text, e.target) for e in data] == rows
    assert "no header line" in data.notices[0]


def test_a_title_and_empty_columns_are_no_part_of_the_table(tmp_path: Path) -> None:
    rows = [
        ("标注导出",),
        (),
        (None, "标题", None, "类别"),
        (None, "a", None, "x"),
        (None, "b", None, "y"),
        (None, "c", None, "y"),
    ]
    data = read(workbook(tmp_path / "a.xlsx", data=rows))
    assert [(e.origin, e.text, e.target) for e in data] == [
        ("a.xlsx:4", "a", "x"),
        ("a.xlsx:5", "b", "y"),
        ("a.xlsx:6", "c", "y"),
    ]
    assert data.notices == ("a.xlsx: 1 rows above the table are taken for its title and not read",)
    doubled = workbook(
        tmp_path / "b.xlsx", data=[("标注导出",), ("标题", "类别", "类别"), ("a", "x", "x"), ("b", "y", "y")]
    )
    with pytest.raises(DataError, match=r"b\.xlsx:2: the header names 2 columns '类别'"):
        read(doubled)


def test_a_doubled_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.xlsx:1: the header names 2 columns 'text'(.|\n)*fix: "):
        read(workbook(tmp_path / "a.xlsx", data=[("text", "text", "label"), ("a", "b", "c")]))


def test_cells_that_are_no_text_are_bad_rows_that_can_be_kept(tmp_path: Path) -> None:
    rows = [*ROWS[:2], (2024, "x"), (date(2024, 5, 1), "x"), ("a", 0.5), ("b", "y", "extra"), ("c", date(2024, 1, 2))]
    data = read(workbook(tmp_path / "a.xlsx", data=rows), on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [
        ("a.xlsx:3", "wrong_type"),
        ("a.xlsx:5", "wrong_type"),
        ("a.xlsx:6", "wrong_columns"),
    ]
    assert [e.text for e in data.examples[1:]] == ["2024-05-01", "c"]
    write_jsonl(tmp_path / "rejected.jsonl", data.rejected)


def test_a_damaged_workbook_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", data=ROWS)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"a\.xlsx: this is an Excel workbook that is damaged"):
        read(path)
    with pytest.raises(DataError, match="the workbook has no rows"):
        read(workbook(tmp_path / "b.xlsx", data=[]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_damage_of_any_kind_is_a_clear_error_or_harmless(
    tmp_path: Path, name: str, at: float, byte: int, cut: bool
) -> None:
    path = tmp_path / name
    good = tmp_path / "good"
    if not good.exists():
        workbook(path, data=ROWS) if name == "a.xlsx" else table(path, text=["a", "b"] * 50, label=["x", "y"] * 50)
        good.write_bytes(path.read_bytes())
    content = good.read_bytes()
    place = int(at * len(content))
    path.write_bytes(content[:place] + (b"" if cut else bytes([byte]) + content[place + 1 :]))
    with contextlib.suppress(DataError):  # and nothing else
        read(path, on_bad_row="reject")


def test_parquet_rows_are_read(tmp_path: Path) -> None:
    data = read(table(tmp_path / "a.parquet", text=["a", "股市🙂"], label=[1, 2], id=[7, 8]))
    assert data.format == "parquet"
    assert [(e.id, e.text, e.target, e.origin) for e in data] == [
        ("7", "a", "1", "a.parquet:1"),
        ("8", "股市🙂", "2", "a.parquet:2"),
    ]


def test_parquet_holds_lists_and_structures(tmp_path: Path) -> None:
    entities = [[{"start": 2, "end": 4, "label": "GPE"}], []]
    data = read(table(tmp_path / "a.parquet", text=["他在南京工作", "默契。"], entities=entities))
    assert (data.kind, [e.target for e in data]) == ("ner", [(Span(2, 4, "GPE"),), ()])
    turns = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]]
    assert read(table(tmp_path / "b.parquet", messages=turns)).format == "messages"


def test_parquet_rows_that_cannot_be_used_are_kept_as_json(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", text=["a", None, "c"], label=["x", "y", "x"], day=[date(2024, 1, 1)] * 3)
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.parquet:2", "wrong_type")]
    write_jsonl(tmp_path / "rejected.jsonl", data.rejected)


def test_a_damaged_parquet_file_says_so(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", text=["a"] * 100, label=["x"] * 100)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"a\.parquet: the Parquet file is damaged(.|\n)*fix: copy or export it again"):
        read(path)


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    columns = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["text", "text"])
    parquet.write_table(columns, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="2 columns are named 'text'"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(("name", "library"), [("a.xlsx", "openpyxl"), ("a.parquet", "pyarrow")])
def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    path = tmp_path / name
    workbook(path, data=ROWS) if library == "openpyxl" else table(path, text=["a"], label=["x"])

    def missing(module: str) -> Any:
        raise builtins.ImportError(module)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(
        DataError, match=rf'needs {library}, which is not installed\n  fix: pip install "finetrie\[tables\]"'
    ):
        read(path)
