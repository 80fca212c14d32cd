"""An interrupted `finetrie predict` goes on after the last answered row, and gives the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.steps import predicting
from tests.e2e.conftest import FAST, Cli, write_jsonl


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_broken_prediction_continues(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    base: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([tmp_path / "train.jsonl"], model=str(base), out=tmp_path / "run.toml")
    run = finetrie.train(tmp_path / "run.toml", overrides=FAST[1::2], out=tmp_path / "run").path
    asked = tmp_path / f"asked{suffix}"
    texts = [row["text"] for row in rows[:11]]
    if suffix == ".csv":
        asked.write_text("text\n" + "".join(f'"{text}"\n' for text in texts), encoding="utf-8")
    else:
        write_jsonl(asked, [{"text": text} for text in texts])
    monkeypatch.setattr(predicting, "CHUNK", 3)
    whole = Path(cli("predict", run, asked, "--out", tmp_path / f"whole{suffix}").out.strip()).read_bytes()

    answers = predicting._answers
    calls = []

    def breaks(*arguments: Any, **keywords: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return answers(*arguments, **keywords)

    monkeypatch.setattr(predicting, "_answers", breaks)
    broken = cli("predict", run, asked, "--out", tmp_path / f"broken{suffix}")
    assert broken.code == 130
    assert "goes on" in broken.err
    assert not (tmp_path / f"broken{suffix}").exists()
    monkeypatch.setattr(predicting, "_answers", answers)
    calls.clear()
    done = cli("predict", run, asked, "--out", tmp_path / f"broken{suffix}")
    assert done.code == 0, done.err
    assert (tmp_path / f"broken{suffix}").read_bytes() == whole
    assert not list(tmp_path.glob(".*partial")), "nothing half-written stays"
