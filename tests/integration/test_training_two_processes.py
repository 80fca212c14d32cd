"""The loss is normalised over all processes: two of them make the same steps as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from finetrie.models.weights import read_tensors

ROOT = Path(__file__).parents[2]
PROGRAM = ["-m", "tests.integration.train_on_two"]


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(tmp_path: Path) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for command in ([*PROGRAM, str(tmp_path / "one")], [*launcher, *PROGRAM, str(tmp_path / "two")]):
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, capture_output=True)
    alone = read_tensors(tmp_path / "one-0.safetensors")
    for rank in (0, 1):
        together = read_tensors(tmp_path / f"two-{rank}.safetensors")
        for name, weight in alone.items():
            torch.testing.assert_close(together[name], weight, rtol=1e-5, atol=1e-5)
