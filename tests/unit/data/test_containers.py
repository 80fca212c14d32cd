"""How rows are found in a file: lines, arrays, tables, plain text; and what stands in their way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.data import jsons
from finetrie.data.reading import iter_rows, read
from finetrie.data.source import open_source, records
from finetrie.errors import DataError
from finetrie.files import write_jsonl
from finetrie.records import Rejection
from tests.unit.data.writing import LABELLED, jsonl, text

texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\u2028\u2029\x85\x0b\x0c\x1c\r\n\t\"'\\,，。\ufeff中🙂"),
    ),
    min_size=1,
).filter(str.strip)
each_file = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@each_file
@given(rows=st.lists(st.tuples(texts, st.sampled_from(["体育", "财经", "a b"])), min_size=1, max_size=12))
def test_any_text_survives_json_lines(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [{"text": t, "label": y} for t, y in rows])
    data = read(path, kind="classification")
    assert [(e.text, e.target) for e in data] == rows
    assert [e.origin for e in data] == [f"a.jsonl:{i}" for i in range(1, len(rows) + 1)]


@each_file
@given(
    rows=st.lists(st.fixed_dictionaries({"text": texts, "label": st.just("x")}), max_size=12),
    indent=st.sampled_from([None, 2]),
)
def test_any_text_survives_a_json_array_whatever_the_block(tmp_path: Path, rows: list[Any], indent: int | None) -> None:
    path = text(tmp_path / "a.json", json.dumps(rows, ensure_ascii=False, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsons, "BLOCK", 7)  # rows straddle blocks
        assert [record.value for record in records(open_source(path))] == rows


@each_file
@given(
    rows=st.lists(
        st.tuples(texts.filter(lambda t: "\0" not in t), st.sampled_from(["体育", 'so "so"'])), min_size=1, max_size=12
    )
)
def test_any_text_survives_csv_as_the_csv_module_writes_it(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    import csv

    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), *rows])
    data = read(tmp_path / "a.csv", kind="classification")
    assert [(e.text, e.target) for e in data] == rows


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl", [{"text": "one\u2028two\x85three\x0cfour", "label": "a"}, {"text": "next", "label": "b"}]
    )
    assert [e.text for e in read(path)] == ["one\u2028two\x85three\x0cfour", "next"]


def test_a_carriage_return_alone_ends_no_line(tmp_path: Path) -> None:
    path = text(tmp_path / "a.jsonl", '{"text": "a",\r"label": "x"}\n{"text": "b", "label": "y"}\n')
    assert [e.origin for e in read(path)] == ["a.jsonl:1", "a.jsonl:2"]


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path) -> None:
    path = text(tmp_path / "a.jsonl", '\n{"text": "a", "label": "x"}\r\n  \r\n\r\n{"text": "b", "label": "y"}\n\n')
    assert [e.origin for e in read(path)] == ["a.jsonl:2", "a.jsonl:5"]


def test_array_rows_know_their_lines(tmp_path: Path) -> None:
    path = text(tmp_path / "a.json", json.dumps(LABELLED[:3], ensure_ascii=False, indent=1))
    assert [e.origin for e in read(path)] == ["a.json:2", "a.json:6", "a.json:10"]


def test_an_array_in_a_file_called_jsonl_is_read_as_an_array(tmp_path: Path) -> None:
    assert len(read(text(tmp_path / "a.jsonl", json.dumps(LABELLED)))) == 8


@pytest.mark.parametrize(
    ("content", "rule", "complaint"),
    [
        pytest.param('[@,\n{"text": "b"', "truncated", "the file ends in the middle of a row", id="cut in a row"),
        pytest.param(
            '[@,\n@, {"text": "b', "truncated", "the file ends in the middle of a row: Unterm", id="cut in a string"
        ),
        pytest.param("[@\n", "truncated", r"expected , or \], got the end of the file", id="cut between rows"),
        pytest.param("[@\n@]", "bad_json", r"expected , or \], got '\{'", id="missing comma"),
        pytest.param("[@]\n[]", "bad_json", r"'\[' after the end", id="two arrays"),
        pytest.param('[@,\n{"text": "b", }, @]', "bad_json", "not valid JSON", id="trailing comma"),
        pytest.param('[@,\n{"text" "b"}, @]' + " " * 99, "bad_json", "not valid JSON: Expecting ':'", id="no colon"),
    ],
)
def test_a_broken_array_says_where_and_the_rows_before_are_saved(
    tmp_path: Path, content: str, rule: str, complaint: str
) -> None:
    path = text(tmp_path / "a.json", content.replace("@", '{"text": "a", "label": "x"}'))
    with pytest.raises(DataError, match=rf"a\.json:2: {complaint}(.|\n)*the rows after it cannot be read(.|\n)*fix: "):
        read(path)
    data = read(path, on_bad_row="reject")
    assert {e.text for e in data} == {"a"}
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.json:2", rule)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param('[{"text": "a", }]', r"a\.json:1: not valid JSON", id="no row before the fault"),
        pytest.param("[]", "no rows", id="empty array"),
        pytest.param('{\n "text": "a",\n "label": "b"\n}\n', r"goes on over several lines", id="one pretty object"),
    ],
)
def test_a_file_without_a_row_to_save_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read(text(tmp_path / "a.json", content), on_bad_row="reject")
    assert "fix:" in str(caught.value)


def test_a_fault_in_an_array_is_found_without_reading_the_rest(tmp_path: Path) -> None:
    path = text(tmp_path / "a.json", '[{"text" "a"},' + " " * 10_000_000)
    read_to: list[int] = []
    with path.open(encoding="utf-8") as stream:
        window = jsons._Window(stream)
        window.expect("[")
        with pytest.raises(jsons._BrokenOff):
            window.value()
        read_to.append(stream.tell())
    assert read_to[0] < 3 * jsons.BLOCK


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        pytest.param('{"text": "a", "label": "x"', "bad_json", id="missing brace"),
        pytest.param('["a", "x"]', "not_an_object", id="array"),
        pytest.param('"a"', "not_an_object", id="string"),
        pytest.param("null", "not_an_object", id="null"),
        pytest.param('{"text": "a\0b", "label": "x"}', "bad_json", id="NUL byte"),
        pytest.param('{"text": "\\ud83d", "label": "x"}', "bad_unicode", id="half a surrogate pair"),
        pytest.param('{"text": "a", "label": ' + "9" * 5000 + "}", "bad_json", id="endless number"),
        pytest.param("[" * 100_000, "bad_json", id="endless nesting"),
    ],
)
def test_a_line_that_is_no_row_is_named_with_its_number(tmp_path: Path, line: str, rule: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [LABELLED[0], line, LABELLED[1]])
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:2", rule)]
    assert len(data) == 2
    write_jsonl(tmp_path / "rejected.jsonl", data.rejected)  # whatever stood there can be written
    with pytest.raises(DataError, match=r"a\.jsonl:2: "):
        read(path)


def test_a_surrogate_pair_written_as_escapes_is_one_character(tmp_path: Path) -> None:
    assert read(text(tmp_path / "a.jsonl", '{"text": "\\ud83d\\ude00", "label": "x"}\n')).examples[0].text == "😀"


def test_a_cut_last_line_is_called_truncated(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", LABELLED)
    path.write_bytes(path.read_bytes()[:-20])
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:8", "truncated")]


def test_a_line_of_fifty_megabytes_is_a_row(tmp_path: Path) -> None:
    path = text(
        tmp_path / "a.jsonl", '{"text": "' + "x" * 50_000_000 + '", "label": "a"}\n{"text": "b", "label": "b"}\n'
    )
    assert [len(e.text) for e in read(path)] == [50_000_000, 1]


def test_a_long_csv_cell_is_a_row(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "text,label\n" + "x" * 1_000_000 + ",a\ny,b\n")
    assert [len(e.text) for e in read(path)] == [1_000_000, 1]


def test_quoted_line_breaks_keep_csv_line_numbers_right(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", 'text,label\r\n"one\r\ntwo",x\r\n\r\n"three, four",y\r\nfive\r\n"six ""6""",x\r\n')
    data = read(path, on_bad_row="reject")
    assert [(e.origin, e.text) for e in data] == [
        ("a.csv:2", "one\r\ntwo"),
        ("a.csv:5", "three, four"),
        ("a.csv:7", 'six "6"'),
    ]
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.csv:6", "wrong_columns")]


def test_a_quote_never_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", 'text,label\r\na,x\r\n"b,y\r\nc,z\r\n"d,\r\n1",x\r\ne,y\r\n')
    with pytest.raises(DataError, match=r"a\.csv:3: not valid CSV(.|\n)*fix: "):
        read(path)
    data = read(path, on_bad_row="reject")
    assert [(e.origin, e.text) for e in data] == [
        ("a.csv:2", "a"),
        ("a.csv:4", "c"),
        ("a.csv:5", "d,\r\n1"),
        ("a.csv:7", "e"),
    ]
    assert [(r.origin, r.row) for r in data.rejected] == [("a.csv:3", '"b,y')]


def test_a_quote_open_to_the_end_is_named_at_its_line(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", 'text,label\na,x\n"b,y\nc,z\n')
    with pytest.raises(DataError, match=r"a\.csv:3: a quotation mark opens a cell and is never closed"):
        read(path)
    data = read(path, on_bad_row="reject")
    assert ([e.text for e in data], [r.rule for r in data.rejected]) == (["a", "c"], ["open_quote"])


def test_a_file_of_open_quotes_is_given_up(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "text,label\n" + "a,b\n" * 600 + '"a,b\n' * 500)
    with pytest.raises(DataError, match=r"a\.csv:\d+: a quotation mark .* as in 100 rows before it"):
        read(path, on_bad_row="reject")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_header_that_comes_again_is_a_bad_row(tmp_path: Path, name: str) -> None:
    content = "text,label\na,x\ntext,label\nb,y\n"
    data = read(text(tmp_path / name, content.replace(",", "\t") if name == "a.tsv" else content), on_bad_row="reject")
    assert [e.text for e in data] == ["a", "b"]
    assert [(r.origin, r.rule) for r in data.rejected] == [(f"{name}:3", "repeated_header")]


def test_a_stray_quote_is_a_bad_row(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", 'text,label\na,x\n"b" c,y\nd,z\n')
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.csv:3", "bad_csv")]
    assert [e.text for e in data] == ["a", "d"]


def test_nul_bytes_make_a_bad_row(tmp_path: Path) -> None:
    data = read(text(tmp_path / "a.csv", "text,label\na,x\nb\0,y\nc,z\n"), on_bad_row="reject")
    assert [r.origin for r in data.rejected] == ["a.csv:3"]
    assert [e.text for e in data] == ["a", "c"]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_spreadsheets_write_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = text(tmp_path / "a.csv", f"text{delimiter}label\nred{delimiter}colour\n")
    assert [(e.text, e.target) for e in read(path)] == [("red", "colour")]


@pytest.mark.parametrize("title", ["标注导出（内部）,,", "标注导出（内部）", "标注导出（内部）\r\n\r\n二〇二四年,,"])
def test_a_title_above_the_table_is_not_read_and_said(tmp_path: Path, title: str) -> None:
    data = read(text(tmp_path / "a.csv", f"{title}\r\n,content,label\r\n0,a,x\r\n1,b,y\r\n2,c,y\r\n"))
    assert [(e.text, e.target) for e in data] == [("a", "x"), ("b", "y"), ("c", "y")]
    assert "above the table are taken for its title" in data.notices[0]
    assert not read(text(tmp_path / "b.csv", "text,\na,x\nb,y\nc,x\n"), target="column 2").notices


def test_an_index_column_without_a_name_does_no_harm(tmp_path: Path) -> None:
    assert [e.target for e in read(text(tmp_path / "a.csv", ",text,label\n0,a,x\n1,b,y\n"))] == ["x", "y"]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv:1: the header names 2 columns 'text'"):
        read(text(tmp_path / "a.csv", "text,text,label\na,b,c\n"))


def test_tab_separated_pairs_need_no_header(tmp_path: Path) -> None:
    lines = "".join(f"{row['text']}\t{row['label']}\n" for row in LABELLED)
    for name in ("train.tsv", "train.txt"):
        data = read(text(tmp_path / name, lines))
        assert [(e.text, e.target) for e in data] == [(row["text"], row["label"]) for row in LABELLED]
        assert data.examples[0].origin == f"{name}:1"
        assert any("no header" in notice for notice in data.notices)


def test_tab_separated_pairs_may_have_the_label_first(tmp_path: Path) -> None:
    lines = "".join(f"{row['label']}\t{row['text']}\n" for row in LABELLED)
    assert [e.target for e in read(text(tmp_path / "cnews.train.txt", lines))] == [row["label"] for row in LABELLED]


def test_a_headline_in_quotation_marks_is_no_quoted_cell(tmp_path: Path) -> None:
    path = text(tmp_path / "a.tsv", 'text\tlabel\n"你好"他说\tx\n他说"再见"\ty\n')
    assert [e.text for e in read(path)] == ['"你好"他说', '他说"再见"']


def test_a_spreadsheets_quoted_cells_are_unquoted_in_tsv(tmp_path: Path) -> None:
    path = text(tmp_path / "a.tsv", 'text\tlabel\n"a\tb ""c"""\tx\nplain\ty\n')
    assert [e.text for e in read(path)] == ['a\tb "c"', "plain"]


def test_unknown_column_names_are_still_a_header(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "remark,polarity\nvery nice,good\nawful,bad\n")
    assert [e.target for e in read(path, text="remark", target="polarity")] == ["good", "bad"]


def test_plain_text_is_for_prediction_only(tmp_path: Path) -> None:
    path = text(tmp_path / "a.txt", "\ufeff第一行\r\n\r\n第二行, with a comma\n")
    assert [(e.text, e.target) for e in read(path, labelled=False)] == [
        ("第一行", None),
        ("第二行, with a comma", None),
    ]
    with pytest.raises(DataError, match="plain text has no labels"):
        read(path)


def test_rows_to_predict_on_stream_with_the_row_as_it_stands(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl",
        [{"n": 1, "text": "a", "x": None}, "broken", {"n": 3, "text": "  "}, {"n": 4, "text": "d"}],
    )
    rows = list(iter_rows(path))
    assert [raw.line for raw in rows] == [1, 2, 3, 4]
    assert [raw.row for raw in rows] == [
        {"n": 1, "text": "a", "x": None},
        "broken",
        {"n": 3, "text": "  "},
        {"n": 4, "text": "d"},
    ]
    assert [raw.result.rule if isinstance(raw.result, Rejection) else raw.result.text for raw in rows] == [
        "a",
        "bad_json",
        "empty_text",
        "d",
    ]


def test_rows_to_predict_on_may_come_from_a_table(tmp_path: Path) -> None:
    (raw,) = iter_rows(text(tmp_path / "a.csv", "id,content\n7,hello\n"))
    assert raw.row == {"id": "7", "content": "hello"}
    assert not isinstance(raw.result, Rejection)
    assert raw.result.text == "hello"
    assert raw.result.target is None


def test_a_stream_is_not_read_ahead_of_need(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": str(i)} for i in range(5000)] + ["broken"])
    stream = iter_rows(path)
    assert next(stream).line == 1
    assert sum(1 for _ in stream) == 5000
