"""`kill -9` in the middle of `finetrie run`, twice, and the same command again: the same weights and answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import kill_when, write_jsonl

SETTINGS = [
    "model.max_tokens=512",
    "training.epochs=3",
    "training.batch_size=8",
    "training.save_every=2",
    "evaluation.resamples=100",
]


def _command(run_file: Path, out: Path) -> list[str]:
    overrides = [part for setting in SETTINGS for part in ("--set", setting)]
    return [sys.executable, "-m", "finetrie.cli.main", "run", str(run_file), "--out", str(out), *overrides]


def _answers(run: Path) -> list[Any]:
    rows = list(read_jsonl(run / "predictions.jsonl"))
    for row in rows:
        row.pop("seconds")
    return rows


@pytest.mark.slow
def test_a_killed_run_continues_to_the_same_bits(tmp_path: Path, rows: list[dict[str, Any]], base: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([tmp_path / "train.jsonl"], model=str(base), out=tmp_path / "run.toml")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    command = _command(tmp_path / "run.toml", broken)

    log = broken / "events.jsonl"
    kill_when(command, lambda: log.exists() and log.read_bytes().count(b'"event": "step"') >= 3)
    kill_when(command, lambda: log.exists() and log.read_bytes().count(b'"event": "step"') >= 8)
    assert not (broken / "metrics.json").exists()
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(_command(tmp_path / "run.toml", whole), check=True, capture_output=True)

    weights = "adapter/adapter_model.safetensors"
    assert (broken / weights).read_bytes() == (whole / weights).read_bytes()
    assert _answers(broken) == _answers(whole)
    scores = [read_json(run / "metrics.json") for run in (whole, broken)]
    for score in scores:
        del score["seconds"], score["rows_per_second"]
        for baseline in score["baselines"].values():
            del baseline["seconds"]
    assert scores[0] == scores[1]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["train.jsonl", "rejected.jsonl", "card.json"])
def test_a_killed_preparation_leaves_whole_files_and_ends_the_same(
    file: str, tmp_path: Path, rows: list[dict[str, Any]], base: Path
) -> None:
    many = [
        {"text": f"{row['text']} 第{n}期，热线13800138000", "label": row["label"]} for n in range(40) for row in rows
    ]
    write_jsonl(tmp_path / "train.jsonl", [*many, *many[:50]])
    (tmp_path / "run.toml").write_text(
        f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base}"\n'
        '[prepare]\nclean = ["nfkc"]\npersonal_data = ["all"]\ncopies = "exact"\n',
        encoding="utf-8",
    )

    def command(out: Path) -> list[str]:
        return [sys.executable, "-m", "finetrie.cli.main", "prepare", str(tmp_path / "run.toml"), "--out", str(out)]

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    kill_when(command(broken), lambda: (broken / "data" / file).exists())
    for left in broken.glob("data/*.jsonl"):
        list(read_jsonl(left))  # every file that is there is a whole one
    for out in (broken, whole):
        subprocess.run(command(out), check=True, capture_output=True)
    names = sorted(path.name for path in (whole / "data").iterdir())
    assert sorted(path.name for path in (broken / "data").iterdir()) == names
    for name in (*names, "../prompt.json"):
        assert (broken / "data" / name).read_bytes() == (whole / "data" / name).read_bytes(), name
    assert len(list(read_jsonl(whole / "data/rejected.jsonl"))) == 50
