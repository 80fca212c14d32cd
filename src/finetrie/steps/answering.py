"""Answers of many rows, written as they come: a crash costs one chunk, and the next call goes on after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from finetrie.files import json_line, read_jsonl
from finetrie.records import Example, Prediction
from finetrie.steps.progress import Bar
from finetrie.steps.store import prediction_row

CHUNK = 512
"""Rows answered between two looks at the disk: what a crash can cost."""


def answer_rest(
    rows: list[dict[str, Any]],
    partial: Path,
    examples: Sequence[Example],
    ask: Callable[[Sequence[Example]], Sequence[Prediction]],
    bar: Bar,
) -> float:
    """Extend `rows`, which an interrupted call left, to all examples; returns the seconds all of them took."""
    seconds: float = sum(row.pop("chunk_seconds", 0.0) for row in rows)
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as stream:
        remaining = iter(examples[len(rows) :])
        while chunk := list(islice(remaining, CHUNK)):
            started = perf_counter()
            answered = ask(chunk)
            taken = perf_counter() - started
            seconds += taken
            new = [prediction_row(p, e.text) for p, e in zip(answered, chunk, strict=True)]
            stream.write(json_line({**new[0], "chunk_seconds": taken}) + b"".join(map(json_line, new[1:])))
            stream.flush()
            rows += new
            bar.advance(len(chunk), note=f"{len(chunk) / taken:.1f} rows/s")
    return seconds


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """What an interrupted call left; a line cut off by the crash is removed from the file."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as stream:
            stream.truncate(len(whole))
    return list(read_jsonl(path))
