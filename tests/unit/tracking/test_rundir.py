from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from finetrie.errors import CheckpointError, OutputError
from finetrie.tracking.rundir import RunDir

HOLD = (
    "import sys; from pathlib import Path; from finetrie.tracking.rundir import RunDir\n"
    "with RunDir(Path(sys.argv[1])).lock():\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def hold_elsewhere(path: Path) -> subprocess.Popen[bytes]:
    """Another process that holds the lock of `path` until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def test_file_names_are_the_documented_ones() -> None:
    run = RunDir(Path("r"))
    names = {
        "run_file": "run.toml",
        "manifest": "manifest.json",
        "train": "data/train.jsonl",
        "dev": "data/dev.jsonl",
        "test": "data/test.jsonl",
        "rejected": "data/rejected.jsonl",
        "shortened": "data/shortened.jsonl",
        "card": "data/card.json",
        "adapter": "adapter",
        "model": "model",
        "checkpoints": "checkpoints",
        "events": "events.jsonl",
        "predictions": "predictions.jsonl",
        "metrics": "metrics.json",
        "report": "report.html",
    }
    assert {name: getattr(run, name).relative_to("r").as_posix() for name in names} == names


def test_naming_files_creates_nothing(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    assert run.train.name == "train.jsonl"
    assert not run.path.exists()


def test_only_a_folder_with_a_run_file_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        RunDir.open(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"not a run directory: it holds no run\.toml"):
        RunDir.open(tmp_path)
    (tmp_path / "run.toml").write_text("")
    assert RunDir.open(tmp_path) == RunDir(tmp_path)


def test_a_second_command_is_told_which_process_is_writing(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path)
    try:
        with pytest.raises(OutputError, match=rf"another finetrie command .* \(process {process.pid}\)"):
            RunDir(tmp_path).lock().__enter__()
    finally:
        end(process)
    with RunDir(tmp_path).lock():
        pass


def test_a_killed_command_leaves_no_lock(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path)
    process.kill()
    end(process)
    with RunDir(tmp_path).lock():
        pass


def test_a_step_may_call_a_step_of_the_same_run_but_another_thread_may_not(tmp_path: Path) -> None:
    refused: list[str] = []

    def try_lock() -> None:
        try:
            with RunDir(tmp_path).lock():
                pass
        except OutputError as error:
            refused.append(str(error))

    with RunDir(tmp_path).lock():
        with RunDir(tmp_path / "." / "").lock():
            pass
        thread = threading.Thread(target=try_lock)
        thread.start()
        thread.join()
    assert len(refused) == 1
    try_lock()
    assert len(refused) == 1


def test_the_lock_is_released_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunDir(tmp_path).lock():
        _ = 1 / 0
    end(hold_elsewhere(tmp_path))


def test_a_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write(.|\n)*--out"), RunDir(tmp_path / "file" / "run").lock():
        pass


def test_a_file_system_without_locks_costs_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(file: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("finetrie.tracking.rundir._lock_file", unsupported)
    notices: list[str] = []
    with RunDir(tmp_path).lock(notice=notices.append):
        pass
    assert len(notices) == 1
    assert "no locks" in notices[0]
