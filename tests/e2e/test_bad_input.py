"""Every mistake a user is likely to make: exit status 2, one clear message, no traceback, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import FAST, Cli, write_jsonl

Make = Callable[[Path, list[dict[str, Any]]], Any]


def _labelled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"text": row["text"], "label": row["label"]} for row in rows]


def _empty(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(b"")


def _one_class(path: Path, rows: list[dict[str, Any]]) -> None:
    write_jsonl(path, [{**row, "label": "体育"} for row in _labelled(rows)])


def _truncated(path: Path, rows: list[dict[str, Any]]) -> None:
    write_jsonl(path, _labelled(rows))
    path.write_bytes(path.read_bytes()[:-20])


def _half_labelled(path: Path, rows: list[dict[str, Any]]) -> None:
    write_jsonl(path, [row if i % 2 else {"text": row["text"]} for i, row in enumerate(_labelled(rows))])


def _wrong_offsets(path: Path, rows: list[dict[str, Any]]) -> None:
    entity = {"start_idx": 1, "end_idx": 3, "entity_text": "不在这里", "entity_label": "PER", "entity_names": []}
    write_jsonl(path, [{"text": row["text"], "entities": [entity], "data_source": "x"} for row in rows])


def _unlike_utf8(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(bytes(range(128, 256)) * 20)


@pytest.mark.parametrize(
    ("make", "settings", "expected"),
    [
        pytest.param(_empty, {}, ["train.jsonl", "empty"], id="empty file"),
        pytest.param(_one_class, {}, ["体育", "two labels"], id="one class"),
        pytest.param(_truncated, {}, ["train.jsonl:42", "ends in the middle"], id="truncated JSON"),
        pytest.param(_half_labelled, {}, ["train.jsonl:1", "label", "21"], id="label missing in half the rows"),
        pytest.param(_wrong_offsets, {"task.kind": "ner"}, ["train.jsonl:1", "不在这里"], id="wrong offsets"),
        pytest.param(_unlike_utf8, {}, ["train.jsonl"], id="not a text file"),
        pytest.param(None, {"data.target": "lable"}, ["lable", "did you mean 'label'"], id="unknown column"),
        pytest.param(None, {"data.test": "tset.jsonl"}, ["tset.jsonl", "no such file"], id="missing file"),
        pytest.param(None, {"training.epoch": "1"}, ["training.epoch", "did you mean 'epochs'"], id="unknown setting"),
        pytest.param(None, {"training.epochs": '"two"'}, ["training.epochs", "number"], id="wrong type"),
        pytest.param(None, {"tuning.method": "lroa"}, ["tuning", "lora"], id="unknown method"),
        pytest.param(None, {"tuning.targets": '["q_prjo"]'}, ["q_prjo", "q_proj"], id="unknown target module"),
        pytest.param(None, {"model.max_tokens": "20"}, ["max_tokens", "20"], id="no room for the instruction"),
        pytest.param(None, {"model.base": "./no-such-model"}, ["no-such-model"], id="no such model folder"),
        pytest.param(None, {"task.wording": "fudan"}, ["fudan_news"], id="unknown wording"),
        pytest.param(None, {"data.format": "jsnol"}, ["jsonl"], id="unknown format"),
        pytest.param(None, {"task.labels": '["体育", "财经"]'}, ["科技"], id="a label that is not listed"),
    ],
)
def test_a_mistake_is_explained(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    base: Path,
    cli: Cli,
    make: Make | None,
    settings: dict[str, str],
    expected: list[str],
) -> None:
    data = tmp_path / "train.jsonl"
    if make is None:
        write_jsonl(data, _labelled(rows))
    else:
        make(data, rows)
    (tmp_path / "run.toml").write_text(
        f'[data]\ntrain = "train.jsonl"\n[model]\nbase = {json.dumps(str(base))}\nmax_tokens = 512\n', encoding="utf-8"
    )
    overrides = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = cli("run", tmp_path / "run.toml", "--out", tmp_path / "run", *overrides)
    assert done.code == 2, done.err
    assert done.out == ""
    assert "error: " in done.err
    assert "Traceback" not in done.err
    for words in expected:
        assert words in done.err, done.err
    assert not list(tmp_path.glob("run/adapter*"))
    assert settings.get("tuning.targets") or not (tmp_path / "run").exists(), "a run that never began leaves no folder"


def test_a_model_folder_without_tokenizer_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli
) -> None:
    shutil.copytree(base, tmp_path / "model", ignore=shutil.ignore_patterns("token*", "chat*"))
    write_jsonl(tmp_path / "train.jsonl", _labelled(rows))
    (tmp_path / "run.toml").write_text('[data]\ntrain = "train.jsonl"\n[model]\nbase = "model"\n', encoding="utf-8")
    done = cli("run", tmp_path / "run.toml", "--out", tmp_path / "run")
    assert done.code == 2
    assert "tokenizer" in done.err


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    write_jsonl(tmp_path / "train.jsonl", _labelled(rows))
    (tmp_path / "run.toml").write_text(f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base}"\n', encoding="utf-8")
    done = cli("run", tmp_path / "run.toml", "--out", locked / "run")
    assert done.code == 2
    assert "cannot write" in done.err


def test_an_output_path_below_a_file_is_named(tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli) -> None:
    (tmp_path / "file").write_text("x")
    write_jsonl(tmp_path / "train.jsonl", _labelled(rows))
    (tmp_path / "run.toml").write_text(f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base}"\n', encoding="utf-8")
    done = cli("run", tmp_path / "run.toml", "--out", tmp_path / "file" / "run")
    assert done.code == 2
    assert "file" in done.err


def test_a_full_disk_is_named_and_nothing_half_written_stays(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path
) -> None:
    """No file of the process may grow beyond 24 kB, which is how a disk that fills up looks to a program."""
    resource = pytest.importorskip("resource")
    limit = (24_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    write_jsonl(tmp_path / "train.jsonl", _labelled(rows))
    (tmp_path / "run.toml").write_text(f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base}"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "finetrie.cli.main", "run", tmp_path / "run.toml", "--out", tmp_path / "run", *FAST],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").glob("**/*.safetensors"))
    assert not list((tmp_path / "run").glob("**/*.tmp"))


def test_bad_rows_can_be_set_aside_instead(tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli) -> None:
    write_jsonl(tmp_path / "train.jsonl", [*_labelled(rows), {"text": "没有标签"}, {"label": "体育"}, 7])
    (tmp_path / "run.toml").write_text(f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base}"\n', encoding="utf-8")
    arguments = ("--set", "data.on_bad_row=reject", "--out", tmp_path / "run", *FAST)
    done = cli("prepare", tmp_path / "run.toml", *arguments)
    assert done.code == 0, done.err
    lines = (tmp_path / "run/data/rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["origin"] for line in lines] == [f"train.jsonl:{n}" for n in (43, 44, 45)]


def test_a_directory_that_is_no_run_is_named(tmp_path: Path, cli: Cli) -> None:
    for command in ("evaluate", "report"):
        done = cli(command, tmp_path)
        assert done.code == 2
        assert "run directory" in done.err


@pytest.mark.parametrize("command", ["report", "evaluate", "predict", "curve"])
def test_a_mistyped_run_directory_is_no_missing_run_file(tmp_path: Path, cli: Cli, command: str) -> None:
    (tmp_path / "runs" / "news").mkdir(parents=True)
    rest = [tmp_path / "new.txt"] if command == "predict" else []
    done = cli(command, tmp_path / "runs" / "nwes", *rest)
    assert done.code == 2, done.err
    assert done.out == ""
    assert "no such run directory or run file, did you mean 'news'" in done.err
    assert "finetrie run RUN.toml prints a run directory" in done.err


def test_a_missing_run_file_is_still_called_one(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", tmp_path / "run.toml")
    assert done.code == 2
    assert "run.toml: no such file" in done.err
    assert "finetrie init DATA" in done.err
