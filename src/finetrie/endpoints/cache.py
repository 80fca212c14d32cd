"""Every answer that was paid for, on disk before it is used."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from finetrie.endpoints.answer import Answer
from finetrie.errors import OutputError

_APPLICATION = 0x66747269  # "ftri": marks the file as ours
_PATIENCE = 60.0  # seconds to wait for another process that writes
_TABLE = "CREATE TABLE answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID"


class Cache:
    """Request hash → answer, in one SQLite file, or in memory without a path.

    An answer is committed and synced before `put` returns, so a process that is killed, or a machine that loses power,
    pays for no answer twice. Several processes may share the file, but not over a network drive (write-ahead log).
    Requests themselves are not kept, only their hashes; nor is the key, the endpoint's address or the time.

    Raises:
        OutputError: the file cannot be written, or is something else.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path) if path is not None else None
        with self._explained():
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            # One event loop uses it, which may run in another thread than the one that opened it.
            self._database = sqlite3.connect(
                self.path or ":memory:", isolation_level=None, timeout=_PATIENCE, check_same_thread=False
            )
            try:
                self._open()
            except BaseException:
                self._database.close()
                raise

    def get(self, request: str) -> Answer | None:
        with self._explained():
            row = self._database.execute("SELECT answer FROM answers WHERE request = ?", (request,)).fetchone()
        return None if row is None else Answer(**json.loads(row[0]))

    def put(self, request: str, answer: Answer) -> None:
        """Keep an answer; the first answer to a request stays."""
        with self._explained():
            self._database.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (request, json.dumps(asdict(answer))))

    def __len__(self) -> int:
        with self._explained():
            (count,) = self._database.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("BEGIN IMMEDIATE")  # two processes may create the file at once
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (tables,) = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            self._database.execute(_TABLE)
            self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
        elif application != _APPLICATION:
            raise OutputError(f"{self.path}: a database of another program", fix="choose another file for the answers")
        self._database.execute("COMMIT")
        self._database.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise OutputError(
                f"{self.path or 'answers in memory'}: cannot keep answers here: {error}",
                fix="free some space or choose another file for the answers",
            ) from error
