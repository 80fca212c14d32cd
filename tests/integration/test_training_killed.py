"""kill -9 at any moment, the same command again: the final weights are those of a run that was never killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.integration.train_and_die"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals")

ATTEMPTS = """
import os, sys
from pathlib import Path
from tests.integration.train_and_die import main

def attempt(folder, method, die_at):
    child = os.fork()  # the imports are paid once
    if child == 0:
        main(folder, method, die_at)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

root, method, alone, chain = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split(), sys.argv[4].split()
attempt(root / "whole", method, "")
print(*(attempt(root / die_at, method, die_at) for die_at in alone))
print(*(attempt(root / die_at, method, "") for die_at in alone))
print(*(attempt(root / "chain", method, die_at) for die_at in chain))
print(attempt(root / "chain", method, ""))
"""


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "random"}


def losses(folder: Path) -> dict[int, set[str]]:
    """Every loss that was ever reported for a step; a repeated step must repeat it to the bit."""
    seen: dict[int, set[str]] = {}
    for line in (folder / "losses.txt").read_text().splitlines():
        step, loss = line.split()
        seen.setdefault(int(step), set()).add(loss)
    return seen


def assert_same_run(folder: Path, whole: Path) -> None:
    assert (folder / "final.safetensors").read_bytes() == (whole / "final.safetensors").read_bytes()
    assert losses(folder) == losses(whole)
    assert sorted(losses(folder)) == list(range(1, 10))


# A run saves after steps 2, 3, 4, 6, 8 and 9, three tensor files each time. The first save changes names on disk 13
# times, the 12th being the rename that makes the checkpoint; the third one removes the first, from the 40th change on.
ALONE = ["step:3", "step:9", "write:2", "write:11", "file:12", "file:13", "file:42"]
CHAIN = ["step:1", "write:2", "file:13", "write:4", "file:12", "file:14", "step:5", "write:5", "write:3"]


@pytest.mark.parametrize(("method", "alone"), [("lora", ALONE), ("full", [])])
def test_killed_at_any_moment_the_run_ends_in_the_same_bits(tmp_path: Path, method: str, alone: list[str]) -> None:
    command = [sys.executable, "-c", ATTEMPTS, str(tmp_path), method, " ".join(alone), " ".join(CHAIN)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    killed, again, chain, last = ([int(code) for code in line.split()] for line in done.stdout.split("\n")[:4])
    assert killed == [-signal.SIGKILL] * len(alone)
    assert again == [0] * len(alone)
    assert chain == [-signal.SIGKILL] * len(CHAIN)
    assert last == [0]
    for folder in [*alone, "chain"]:
        assert_same_run(tmp_path / folder, tmp_path / "whole")


def test_killed_and_started_again_as_a_new_process_the_run_ends_in_the_same_bits(tmp_path: Path) -> None:
    def start(folder: str, *die_at: str) -> int:
        command = [*PROGRAM, str(tmp_path / folder), "lora", *die_at]
        return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False).returncode

    assert start("whole") == 0
    assert start("killed", "write:8") == -signal.SIGKILL
    assert not (tmp_path / "killed" / "final.safetensors").exists()
    assert start("killed") == 0
    assert_same_run(tmp_path / "killed", tmp_path / "whole")
