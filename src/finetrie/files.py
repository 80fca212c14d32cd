"""Writing that never leaves half a file, and reading it back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from finetrie.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new version of `path`; it takes the old one's place only when the block succeeds.

    Raises:
        OutputError: the folder is not writable or the disk is full; the old version is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot write: {error.strerror or error}", fix="free some space or choose another folder (--out)"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Fill a new version of the folder `path`; it takes the old one's place only when the block succeeds.

    Every file is on disk before the rename, so a folder under its final name is a whole one. Replacing an existing
    folder takes two renames: a crash between them leaves the old version under `.NAME.old`, and nothing under NAME.

    Raises:
        OutputError: the place is not writable or the disk is full; the old version is untouched.
    """
    new, old = (path.with_name(f".{path.name}.{kind}") for kind in ("new", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        yield new
        for file in sorted(new.rglob("*"), reverse=True):
            _sync(file)
        _sync(new)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
        os.replace(new, path)
        _sync(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot write: {error.strerror or error}", fix="free some space or choose another folder (--out)"
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sync(path: Path) -> None:
    """Ask the system to put a file, or a folder's list of names, on disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder, and writes its entries itself
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as stream:
        stream.write(text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Indented UTF-8 JSON; NaN becomes null, so that every reader can read it."""
    write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """One JSON value a line; returns the number of lines."""
    count = 0
    with replacing(path) as stream:
        for row in rows:
            stream.write(json_line(row))
            count += 1
    return count


def json_line(row: Any) -> bytes:
    return (json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_jsonl(path: Path) -> Iterator[Any]:
    """Values of a file that `write_jsonl` made. Lines end at LF only: texts may hold U+2028."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: records become objects, NaN and infinities null."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    return value


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def text_hash(*parts: str) -> str:
    """SHA-256 over `parts`, in hexadecimal; the borders between parts count."""
    digest = sha256()
    for part in parts:
        encoded = part.encode("utf-8")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


Notice = Callable[[str], None]
"""Where warnings for the user go: a function of one message."""
