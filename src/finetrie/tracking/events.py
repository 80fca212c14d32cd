"""The append-only log of a run: what happened, when, one JSON object a line."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from finetrie.errors import DataError, OutputError
from finetrie.files import Notice, plain

SYNC_SECONDS = 1.0
"""At most this much is lost in a power cut. A killed process loses nothing: what it wrote is with the kernel."""


def _to_stderr(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class EventLog:
    """An open `events.jsonl`. Each line holds "event", "time" (ISO 8601, UTC) and the values given to `append`.

    A line is written whole. A line that a crash cut short is removed when the log is opened again, and an event
    "repaired" says how many bytes that were. `append` never raises for a disk that is full or gone: the first failure
    becomes one notice, and once writing works again an event "lost" says how many events are missing.

    Raises:
        OutputError: the file cannot be opened, before anything has begun.
    """

    def __init__(self, path: Path, *, notice: Notice = _to_stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._notice, self._clock = notice, clock
        self._lock = threading.Lock()
        self._lost = 0
        self._synced = clock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: int | None = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644
            )
            cut = _cut_unfinished_line(self._file)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot write: {error.strerror or error}",
                fix="free some space or choose another folder (--out)",
            ) from error
        if cut:
            self.append("repaired", bytes=cut)

    def append(self, event: str, /, **values: Any) -> None:
        """Add one line. Values JSON cannot hold are written as their `repr`; NaN and infinities as null."""
        if reserved := {"event", "time"} & values.keys():
            raise ValueError(f"an event's own fields cannot be given as values: {', '.join(sorted(reserved))}")
        with self._lock:
            if self._file is None:
                raise ValueError(f"{self.path} is closed")
            try:
                if self._lost:
                    _write_whole(self._file, _line("lost", {"count": self._lost}))
                    self._lost = 0
                _write_whole(self._file, _line(event, values))
                self._sync(always=event != "step")
            except OSError as error:
                if not self._lost:
                    self._notice(
                        f"{self.path}: cannot write: {error.strerror or error}; the run goes on without its log"
                    )
                self._lost += 1

    def close(self) -> None:
        """Flush to disk and close; closing twice is fine."""
        with self._lock:
            if self._file is not None:
                with suppress(OSError):
                    os.fsync(self._file)
                os.close(self._file)
                self._file = None

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync(self, *, always: bool) -> None:
        assert self._file is not None
        now = self._clock()
        if always or now - self._synced >= SYNC_SECONDS:
            os.fsync(self._file)
            self._synced = now


def read_events(path: Path) -> list[dict[str, Any]]:
    """All events of a log, oldest first; [] where there is no log.

    A last line without its end is what a crash leaves, and is skipped if it is not a whole object.

    Raises:
        DataError: another line is not a JSON object; names the line.
    """
    if not path.exists():
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    events = []
    for number, line in enumerate(lines, start=1):
        event = _parse(line)
        if event is None:
            raise DataError(path, number, "not an event", fix="remove the line; the log is not edited by hand")
        events.append(event)
    if (last := _parse(rest)) is not None:
        events.append(last)
    return events


def series(events: Iterable[dict[str, Any]], event: str, value: str) -> list[tuple[int, float]]:
    """`(step, value)` pairs of one kind of event, by step, as a curve needs them.

    A resumed run repeats the steps since its last checkpoint: the later record of a step is the one that counts.
    Events without the value, or with null (it was not finite), are left out.
    """
    points = {e["step"]: e[value] for e in events if e["event"] == event and e.get(value) is not None and "step" in e}
    return sorted(points.items())


def _line(event: str, values: dict[str, Any]) -> bytes:
    record = plain({"event": event, "time": _now(), **values})
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=repr)
    return (text + "\n").encode("utf-8", "backslashreplace")  # a lone surrogate becomes \udxxx, which JSON reads back


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:  # also UnicodeDecodeError
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _write_whole(file: int, line: bytes) -> None:
    """Write all of `line` or nothing, so that a disk that fills up in its middle leaves no half line."""
    start = os.fstat(file).st_size
    written = 0
    try:
        while written < len(line):
            written += os.write(file, line[written:])
    except OSError:
        if written:
            os.ftruncate(file, start)
        raise


def _cut_unfinished_line(file: int) -> int:
    """Remove what follows the last line end, or end the line if it is whole; returns the bytes removed."""
    size = end = os.fstat(file).st_size
    tail = b""
    while end and b"\n" not in tail:
        begin = max(0, end - 65536)
        os.lseek(file, begin, os.SEEK_SET)
        tail = os.read(file, end - begin) + tail
        end = begin
    rest = tail[tail.rfind(b"\n") + 1 :]
    if not rest:
        return 0
    if _parse(rest) is not None:
        os.write(file, b"\n")
        return 0
    os.ftruncate(file, size - len(rest))
    return len(rest)
