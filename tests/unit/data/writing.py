"""Files for tests, written as other programs write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from finetrie.records import Example

LABELLED = [
    {"text": f"第{i}条新闻讲的是{'足球' if i % 2 else '股票'}", "label": "体育" if i % 2 else "财经"} for i in range(8)
]


def jsonl(path: Path, rows: Iterable[Any], *, encoding: str = "utf-8", end: str = "\n") -> Path:
    """One JSON value a line; a row that is a `str` is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    return path


def text(path: Path, content: str, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def examples(labels: Sequence[str], *, file: str = "train.jsonl", prefix: str = "text") -> list[Example]:
    """One example a label, all texts different."""
    return [
        Example(id=f"{file}:{i}", text=f"{prefix} number {i}", target=label, origin=f"{file}:{i}")
        for i, label in enumerate(labels, start=1)
    ]
