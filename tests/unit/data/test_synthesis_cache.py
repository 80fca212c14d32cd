"""Answers that were paid for are kept, and nothing else is."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from finetrie.data.synthesis import Cache
from finetrie.endpoints.answer import Answer
from finetrie.errors import OutputError

ANSWER = Answer("体育 🏀\ud83d", None, "stop", 30, 5, "large-2026", "llm.test")


@pytest.mark.parametrize("name", [None, "answers.sqlite", "new folder/答案.sqlite"])
def test_an_answer_comes_back_as_it_was(tmp_path: Path, name: str | None) -> None:
    with Cache(tmp_path / name if name else None) as cache:
        assert cache.get("a") is None
        cache.put("a", ANSWER)
        assert (cache.get("a"), cache.get("b"), len(cache)) == (ANSWER, None, 1)


def test_an_answer_outlives_a_process_that_never_closed_its_cache(tmp_path: Path) -> None:
    with Cache(tmp_path / "a.sqlite") as first:
        first.put("a", ANSWER)
        with Cache(tmp_path / "a.sqlite") as second:
            assert second.get("a") == ANSWER


def test_the_first_answer_stays(tmp_path: Path) -> None:
    with Cache(tmp_path / "a.sqlite") as cache:
        cache.put("a", ANSWER)
        cache.put("a", replace(ANSWER, text="财经"))
        assert cache.get("a") == ANSWER


def test_a_commit_is_on_disk(tmp_path: Path) -> None:
    with Cache(tmp_path / "a.sqlite") as cache:
        assert cache._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cache._database.execute("PRAGMA synchronous").fetchone() == (2,)
        cache.put("a", ANSWER)
        assert not cache._database.in_transaction


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes of mine, which are long enough to be taken for a header of a database " * 9)
    before = path.read_bytes()
    with pytest.raises(
        OutputError, match=r"notes\.txt: cannot keep answers here: file is not a database(.|\n)*another file"
    ):
        Cache(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE answers (question, answer)")
    other.close()
    with pytest.raises(OutputError, match="a database of another program"):
        Cache(path)


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot keep answers here"):
        Cache(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot keep answers here"):
        Cache(tmp_path / "file" / "a.sqlite")
