"""A real vLLM, where one is installed, answers a tuned adapter as the local engine does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.data.sample import sample_path
from finetrie.files import read_jsonl
from tests.conftest import tiny_model

VLLM = os.environ.get("FINETRIE_VLLM", "")
SCRIPT = Path(__file__).parents[2] / "scripts" / "vllm_agreement.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VLLM, reason="needs vLLM: set FINETRIE_VLLM to the Python of its environment"),
]


def test_vllm_and_the_local_engine_agree_row_by_row(tmp_path: Path, byte_tokenizer: Any) -> None:
    model = tiny_model("qwen2", hidden_size=128, head_dim=64, max_position_embeddings=2048)
    model.save_pretrained(tmp_path / "base")
    byte_tokenizer.save_pretrained(tmp_path / "base")
    rows = [
        row for row in read_jsonl(sample_path("train")) if row["label"] in ("体育", "财经") and len(row["text"]) < 50
    ]
    train = tmp_path / "train.jsonl"
    train.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[:60]), encoding="utf-8")
    finetrie.init([train], model=str(tmp_path / "base"), out=tmp_path / "run.toml")
    run = finetrie.train(tmp_path / "run.toml", overrides=["model.max_tokens=512"], out=tmp_path / "news").path
    command = [sys.executable, str(SCRIPT), str(run), "--vllm", VLLM, "--rows", "10", "--out", str(tmp_path / "a.json")]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert (found["route"], found["logprobs"], found["choice"]) == ("completions", True, True)
    assert found["rows"] == found["same_free"] == found["same_constrained"] == found["same_argmax"] == 10
    assert found["largest_difference_of_probabilities"] < 1e-2
