from __future__ import annotations

from pathlib import Path

import pytest

from finetrie.data.encoding import find_encoding
from finetrie.data.reading import read
from finetrie.errors import DataError
from tests.unit.data.writing import LABELLED, jsonl, text


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_same_rows_come_out_of_every_encoding(tmp_path: Path, encoding: str, found: str, end: str) -> None:
    data = read(jsonl(tmp_path / "train.jsonl", LABELLED, encoding=encoding, end=end))
    assert data.encoding == found
    assert [(e.text, e.target) for e in data] == [(row["text"], row["label"]) for row in LABELLED]
    assert [e.origin for e in data] == [f"train.jsonl:{i}" for i in range(1, 9)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "json"])
def test_tables_and_arrays_know_encodings_too(tmp_path: Path, encoding: str, suffix: str) -> None:
    table = "text,label\n股市上涨了很多,财经\n球队又夺冠了,体育\n"
    array = '[{"text": "股市上涨了很多", "label": "财经"},\n{"text": "球队又夺冠了", "label": "体育"}]'
    content = {"csv": table, "tsv": table.replace(",", "\t"), "json": array}[suffix]
    data = read(text(tmp_path / f"a.{suffix}", content, encoding=encoding))
    assert [(e.text, e.target) for e in data] == [("股市上涨了很多", "财经"), ("球队又夺冠了", "体育")]


def test_a_guessed_encoding_comes_with_a_notice(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", LABELLED, encoding="gb18030"))
    assert any("GB18030" in notice for notice in data.notices)
    assert not read(jsonl(tmp_path / "b.jsonl", LABELLED)).notices


def test_latin_1_is_not_taken_for_chinese(tmp_path: Path) -> None:
    path = text(
        tmp_path / "a.csv", "text,label\nUn été à Besançon déjà passé,société\nFrère aîné,été\n", encoding="latin-1"
    )
    with pytest.raises(DataError, match=r"a\.csv:2: the encoding is not UTF-8(.|\n)*data.encoding"):
        read(path)
    assert [e.target for e in read(path, encoding="latin-1")] == ["société", "été"]


def test_valid_gb18030_that_reads_as_gibberish_is_not_taken_for_chinese(tmp_path: Path) -> None:
    """Each accent and the letter after it make a valid GB18030 pair, but no usual Chinese character."""
    content = "text,label\nUn garçon de Besançon,forêts\nUne façade en béton,maçons\n"
    content.encode("latin-1").decode("gb18030")
    with pytest.raises(DataError, match="the encoding is not UTF-8, UTF-16 or GB18030"):
        read(text(tmp_path / "a.csv", content, encoding="latin-1"))


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv", "tsv", "txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_mark_is_never_part_of_the_first_row(tmp_path: Path, suffix: str, encoding: str) -> None:
    row = '{"text": "球队又夺冠了", "label": "体育"}'
    content = {
        "jsonl": row,
        "json": f"[{row}]",
        "csv": "text,label\n球队又夺冠了,体育",
        "tsv": "text\tlabel\n球队又夺冠了\t体育",
    }
    path = text(tmp_path / f"a.{suffix}", "\ufeff" + content.get(suffix, "球队又夺冠了") + "\n", encoding=encoding)
    assert [e.text for e in read(path, labelled=False)] == ["球队又夺冠了"]


def test_one_damaged_line_is_one_bad_row_and_not_another_encoding(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", LABELLED * 3)
    lines = path.read_bytes().split(b"\n")
    lines[4] = lines[4].replace("股票".encode(), b"\xff\xfe\xff")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match=r"a\.jsonl:5: byte 0xff .* is not utf-8"):
        read(path)
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:5", "bad_encoding")]
    assert len(data) == 23
    data.rejected[0].row.encode("utf-8")  # can be written to rejected.jsonl


def test_a_file_cut_inside_a_character_loses_one_row_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", LABELLED[:2])
    content = path.read_bytes()
    path.write_bytes(
        content[: content.rindex("财经".encode() if LABELLED[1]["label"] == "财经" else "体育".encode()) + 2]
    )
    data = read(path, on_bad_row="reject")
    assert len(data) == 1
    assert [r.origin for r in data.rejected] == ["a.jsonl:2"]


@pytest.mark.parametrize(
    ("written", "asked", "complaint"),
    [
        pytest.param("gb18030", "utf-8", r"not valid utf-8, which data\.encoding names", id="GB18030 as UTF-8"),
        pytest.param("utf-8", "gb18030", r"the file is UTF-8|not valid gb18030", id="UTF-8 as GB18030"),
        pytest.param("utf-8", "big5", r"the file is UTF-8|not valid big5", id="UTF-8 as Big5"),
        pytest.param("utf-8", "utf-16", "not valid utf-16", id="UTF-8 as UTF-16"),
        pytest.param("utf-8", "gb1830", r"no encoding 'gb1830', did you mean 'gb18030'", id="misspelt"),
        pytest.param("utf-8", "base64", "no encoding 'base64'", id="not a text encoding"),
    ],
)
def test_a_wrong_encoding_name_gets_a_clear_error(tmp_path: Path, written: str, asked: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read(jsonl(tmp_path / "a.jsonl", LABELLED, encoding=written), encoding=asked)
    assert "fix:" in str(caught.value)


def test_an_encoding_named_without_its_mark_still_reads_a_marked_file(tmp_path: Path) -> None:
    assert find_encoding(jsonl(tmp_path / "a.jsonl", LABELLED, encoding="utf-8-sig"), "utf8").name == "utf-8-sig"
    assert len(read(jsonl(tmp_path / "b.jsonl", LABELLED, encoding="utf-16"), encoding="utf-16-le")) == 8
