"""The command line from file to report, on a model of a few thousand weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finetrie.cli.main import main
from finetrie.data.sample import sample_path
from finetrie.files import read_jsonl
from tests.conftest import tiny_model


@dataclass(frozen=True)
class Done:
    """What a command left on its two streams, and its exit status."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run `finetrie ARGS` in this process: as a user's shell would, but without importing torch each time."""

    def run(*arguments: Any) -> Done:
        monkeypatch.setattr(sys, "argv", ["finetrie", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Any) -> Path:
    """A base model folder: Qwen2 architecture, two layers, one token a byte."""
    folder = tmp_path_factory.mktemp("base")
    tiny_model("qwen2", max_position_embeddings=2048).save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """Forty labelled rows of three classes."""
    chosen: list[dict[str, Any]] = []
    for label in ("体育", "财经", "科技"):
        found = [row for row in read_jsonl(sample_path("train")) if row["label"] == label and len(row["text"]) < 60]
        chosen += found[:14]
    return chosen


def write_jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


FAST = (
    "--set",
    "model.max_tokens=512",
    "--set",
    "training.epochs=1",
    "--set",
    "training.batch_size=8",
    "--set",
    "evaluation.resamples=100",
)


def kill_when(command: list[str], reached: Callable[[], bool]) -> None:
    """Start the command and kill it as soon as `reached`; it must not have ended by itself before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        while not reached():
            if process.poll() is not None:
                assert process.stderr is not None
                pytest.fail(f"ended before it was killed: {process.stderr.read().decode()}")
            time.sleep(0.002)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
