"""The README's commands and code run as they stand there, on data of the kind they name."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.sample import sample_path
from finetrie.files import read_jsonl
from tests.e2e.conftest import Cli, write_jsonl

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")


def _blocks(readme: str, language: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _commands(readme: str) -> list[list[str]]:
    lines = [line for block in _blocks(readme, "bash") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two files that the README speaks of."""
    rows: list[Any] = list(read_jsonl(sample_path("train")))[:120]
    write_jsonl(tmp_path / "reviews.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["text"], *([row["text"]] for row in rows[:3])])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("readme", READMES)
def test_every_command_of_the_readme_works(readme: str, cli: Cli, elsewhere: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    ran = 0
    for program, *arguments in _commands(readme):
        if program == "make":
            assert arguments[0] in targets
        else:
            assert program == "finetrie"
            done = cli(*arguments)
            assert done.code == 0, done.err
            ran += 1
    assert ran >= 3
    assert (elsewhere / "runs/reviews/report.html").exists()
    with (elsewhere / "new.predicted.csv").open(newline="", encoding="utf-8") as stream:
        assert all(row["prediction"] for row in csv.DictReader(stream))


@pytest.mark.parametrize("readme", READMES)
def test_the_python_of_the_readme_works(readme: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = _blocks(readme, "python")
    exec(compile(code, readme, "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_readmes_give_the_same_commands() -> None:
    assert _commands(READMES[0]) == _commands(READMES[1])


@pytest.mark.parametrize("readme", READMES)
def test_links_of_the_readme_lead_somewhere(readme: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / readme).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
