"""The directory of a run: what its files are called, and that one command writes it at a time."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetrie.errors import CheckpointError, OutputError
from finetrie.files import Notice


class Locked(OutputError):
    """Another command is writing this run."""


_held: set[tuple[Path, int]] = set()  # (locked folder, thread), so that a step may call a step of the same run


@dataclass(frozen=True)
class RunDir:
    """Names of a run's files; nothing is created or read until something asks for it."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """An existing run.

        Raises:
            CheckpointError: the folder holds no run.
        """
        run = cls(path)
        if not run.run_file.is_file():
            found = "no such folder" if not path.is_dir() else "not a run directory: it holds no run.toml"
            raise CheckpointError(f"{path}: {found}", fix="give the folder that finetrie run printed")
        return run

    @property
    def run_file(self) -> Path:
        """The resolved settings; the same run again needs nothing else."""
        return self.path / "run.toml"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def train(self) -> Path:
        return self.data / "train.jsonl"

    @property
    def dev(self) -> Path:
        return self.data / "dev.jsonl"

    @property
    def test(self) -> Path:
        return self.data / "test.jsonl"

    @property
    def rejected(self) -> Path:
        """Rows that were removed, each with its rule and reason."""
        return self.data / "rejected.jsonl"

    @property
    def shortened(self) -> Path:
        """Rows whose text did not fit the token budget, each with what was kept."""
        return self.data / "shortened.jsonl"

    @property
    def changes(self) -> Path:
        """What cleaning, policy, masking and decisions changed in the rows that stay."""
        return self.data / "changes.jsonl"

    @property
    def review(self) -> Path:
        """What a person has to decide: the same text with two labels. Edited, it is `prepare.decisions`."""
        return self.data / "review.jsonl"

    @property
    def flagged(self) -> Path:
        """What the policy asks a person to look at."""
        return self.data / "flagged.jsonl"

    @property
    def card(self) -> Path:
        return self.data / "card.json"

    @property
    def prompt(self) -> Path:
        """The frozen task and token budget: what every step builds its prompts from."""
        return self.path / "prompt.json"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        """The weights of a full tuning, in place of `adapter`."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.jsonl"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def swanlab(self) -> Path:
        return self.path / "swanlab"

    @contextmanager
    def lock(self, *, notice: Notice | None = None) -> Iterator[None]:
        """Keep other commands from writing this run while the block runs; creates the folder.

        The lock belongs to the open file, so the system releases it when the process ends, however it ends. The same
        thread may take it again inside. Where the file system has no locks the block runs unguarded, with a notice.

        Raises:
            Locked: another command holds the lock (names its process).
            OutputError: the folder cannot be written.
        """
        key = (self.path.resolve(), threading.get_ident())
        if key in _held:
            yield
            return
        file = self._open_lock_file()
        try:
            self._take(file, notice)
            _held.add(key)
            try:
                yield
            finally:
                _held.discard(key)
        finally:
            os.close(file)

    def _open_lock_file(self) -> int:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot write: {error.strerror or error}", fix="choose another folder (--out)"
            ) from error

    def _take(self, file: int, notice: Notice | None) -> None:
        try:
            _lock_file(file)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise Locked(
                    f"{self.path}: another finetrie command is writing this run (process {_owner(file)})",
                    fix="wait for it to end, or choose another folder (--out)",
                ) from None
            if notice is not None:
                notice(f"{self.path}: this file system has no locks; do not run two commands on this run at once")
            return
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())  # at position 0: nothing was read from this descriptor


def _owner(file: int) -> str:
    """The process the lock file names; for a message only, never to decide."""
    try:
        return os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
    except (AttributeError, OSError):  # Windows: no pread, and a locked file cannot be read
        return "unknown"


if sys.platform == "win32":
    import msvcrt

    def _lock_file(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock_file(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
