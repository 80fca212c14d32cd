"""Paths that lead to no rows at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from finetrie.data.reading import read
from finetrie.errors import DataError
from tests.unit.data.writing import LABELLED, jsonl, text


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "the file is empty", id="only a mark"),
        pytest.param(b"\n \r\n\n", "only blank lines", id="blank"),
        pytest.param(
            b"PK\x03\x04rest",
            "an Excel workbook that is damaged.* not yet a supported format(.|\n)*export it as CSV",
            id="xlsx",
        ),
        pytest.param(b"PAR1rest", "the Parquet file is damaged|a Parquet file needs pyarrow", id="parquet"),
        pytest.param(gzip.compress(b"x" * 100), "a gzip archive(.|\n)*gunzip", id="gzip"),
        pytest.param(b"\x80\x04K\x01.", "a Python pickle, which is never loaded", id="pickle"),
        pytest.param(bytes(range(256)) * 4 + b"\0" * 2000, "binary file", id="binary"),
    ],
)
@pytest.mark.parametrize("name", ["train.jsonl", "train.csv"])
def test_a_file_without_rows_is_named_for_what_it_is(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "fix:" in str(caught.value)


def test_a_header_alone_is_no_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read(text(tmp_path / "a.csv", "text,label\n"))


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    jsonl(tmp_path / "train.jsonl", LABELLED)
    with pytest.raises(DataError, match=r"tran\.jsonl: no such file, did you mean 'train.jsonl'"):
        read(tmp_path / "tran.jsonl")
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "nowhere" / "train.jsonl")


def test_a_folder_lists_the_data_files_in_it(tmp_path: Path) -> None:
    jsonl(tmp_path / "train.jsonl", LABELLED)
    with pytest.raises(DataError, match=r"this is a folder, expected a file; it holds train\.jsonl"):
        read(tmp_path)


def test_a_format_that_the_file_is_not_in_says_so(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "text,label\na,b\n")
    with pytest.raises(
        DataError, match=r"this looks like CSV; data\.format = 'jsonl' expects JSON lines or a JSON array"
    ):
        read(path, format="jsonl")
    with pytest.raises(DataError, match=r"not in the ccf format"):
        read(jsonl(tmp_path / "a.jsonl", LABELLED), format="ccf")
