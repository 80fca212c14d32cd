"""LLaMA-Factory's dataset_info.json: which file a name stands for, and how its columns are called there.

One of its data sets is named `FOLDER#NAME`, wherever a data file can be named; `FOLDER` alone where it has only one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrie.data.formats.reasoning import NAMES
from finetrie.data.rows import Record
from finetrie.errors import DataError, suggest
from finetrie.files import file_hash, text_hash

FILE = "dataset_info.json"

_ALPACA = {"prompt": "instruction", "query": "input", "response": "output", "history": "history", "system": "system"}
_UNREAD = ("tools", "images", "videos", "audios", "kto_tag")
_ELSEWHERE = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set of a dataset_info.json: its file, and the names in it for what we read."""

    file: Path
    formatting: str  # "alpaca" or "sharegpt"
    columns: Mapping[str, str]
    tags: Mapping[str, str]
    notices: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Of what is read: the bytes of the file, and the names under which."""
        names = [self.formatting, dict(self.columns), dict(self.tags)]
        return text_hash(file_hash(self.file) + json.dumps(names, sort_keys=True, ensure_ascii=False))

    def renamed(self, record: Record) -> Record:
        """The record with the columns and speakers that the alpaca or sharegpt form has."""
        row = record.value
        if record.bad is not None or not isinstance(row, dict):
            return record
        if self.formatting == "alpaca":
            default = {"prompt": "instruction", "query": "input", "response": "output"}
            names = {part: self.columns.get(part, default.get(part)) for part in _ALPACA}
            new = {_ALPACA[part]: row[name] for part, name in names.items() if name in row}
            return Record(record.line, {k: v for k, v in (new | _reasoning(row)).items() if v is not None})
        column, system = self.columns.get("messages", "conversations"), self.columns.get("system")
        if column not in row:
            return record
        turns = row[column]
        renamed: dict[str, Any] = _reasoning(row) | {
            "conversations": [self._turn(turn) for turn in turns] if isinstance(turns, list) else turns
        }
        if system is not None and row.get(system):
            renamed["system"] = row[system]
        return Record(record.line, renamed)

    def _turn(self, turn: Any) -> Any:
        who, what = self.tags.get("role_tag", "from"), self.tags.get("content_tag", "value")
        if not isinstance(turn, dict) or who not in turn or what not in turn:
            return turn
        speakers = {
            self.tags.get("user_tag", "human"): "human",
            self.tags.get("assistant_tag", "gpt"): "gpt",
            self.tags.get("system_tag", "system"): "system",
        }
        speaker = turn[who]
        return {"from": speakers.get(speaker, speaker) if isinstance(speaker, str) else speaker, "value": turn[what]}


def _reasoning(row: Mapping[str, Any]) -> dict[str, Any]:
    """Its chain of thought, for which dataset_info.json has no name."""
    return {name: row[name] for name in NAMES if name in row}


def dataset_entry(path: Path) -> Entry | None:
    """The data set that `FOLDER#NAME` names, or the only one of a folder; None for any other path.

    The file dataset_info.json itself may stand in place of its folder.

    Raises:
        DataError: no data set of that name, or several and none named; the rows lie on a hub, are preferences, or are
            missing.
    """
    file, name = _listing(path)
    if file is None:
        return None
    entries = _entries(file)
    if name is None and len(entries) != 1:
        raise DataError(
            file,
            None,
            f"this lists {len(entries)} data sets; which one? ({', '.join(entries) or 'none'})",
            fix=f"name one of them: {path}#{next(iter(entries), 'NAME')}",
        )
    name = next(iter(entries)) if name is None else name
    if name not in entries:
        raise DataError(
            file,
            None,
            f"no data set {name!r}{suggest(name, entries)} (there are: {', '.join(entries) or 'none'})",
            fix="name one of them",
        )
    return _entry(file, name, entries[name])


def content_hash(path: Path) -> str:
    """SHA-256 of what a data file, or a data set of a folder, holds and how it is read; equal for equal rows.

    Raises:
        OSError: there is no such file.
        DataError: what `dataset_entry` raises.
    """
    entry = dataset_entry(path)
    return file_hash(path) if entry is None else entry.hash


def _listing(path: Path) -> tuple[Path | None, str | None]:
    """The dataset_info.json that a path is about, and the name it asks for there."""
    folder, mark, name = path.name.rpartition("#")
    if path.exists() or not mark or not (place := path.parent / folder).exists():
        return _listed_in(path), None
    file = _listed_in(place)
    if file is None:
        raise DataError(
            place, None, f"no {FILE} here, in which to look for {name!r}", fix=f"name {FILE} or the folder it lies in"
        )
    return file, name


def _listed_in(path: Path) -> Path | None:
    """The dataset_info.json of a folder, or the file itself; None for any other path."""
    file = path / FILE if path.is_dir() else path
    return file if file.name == FILE and file.is_file() else None


def _entries(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise DataError(file, None, f"not valid JSON: {error}", fix="correct the file") from None
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        raise DataError(file, None, "expected an object of data sets, each an object", fix="correct the file")
    return value


def _entry(file: Path, name: str, described: Mapping[str, Any]) -> Entry:
    where = f"{name!r}: "
    if described.get("ranking"):
        raise DataError(file, None, where + "preference data (ranking), which is not supported", fix="name another one")
    formatting = described.get("formatting", "alpaca")
    if formatting not in ("alpaca", "sharegpt"):
        raise DataError(
            file, None, where + f"formatting {formatting!r}; expected 'alpaca' or 'sharegpt'", fix="correct the entry"
        )
    if "file_name" not in described:
        place = next((f"{key} {described[key]!r}" for key in _ELSEWHERE if key in described), "no file_name")
        raise DataError(
            file,
            None,
            where + f"its rows are remote, not in this folder ({place})",
            fix="download them, and name the file in the entry's file_name",
        )
    columns, tags = (_texts(file, where, described, key) for key in ("columns", "tags"))
    notices = [f"{file.name}: {name}: {part} ({columns[part]!r}) are not read" for part in _UNREAD if columns.get(part)]
    if described.get("num_samples"):
        notices.append(f"{file.name}: {name}: num_samples is not applied, all rows are read")
    return Entry(_data_file(file, where, str(described["file_name"])), formatting, columns, tags, tuple(notices))


def _texts(file: Path, where: str, described: Mapping[str, Any], key: str) -> dict[str, str]:
    value = described.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        raise DataError(file, None, where + f"{key!r} must be an object of names", fix="correct the entry")
    return value


def _data_file(file: Path, where: str, name: str) -> Path:
    """The file an entry names, beside dataset_info.json; of a folder, the one file in it."""
    path = file.parent / name
    if not path.is_dir():
        return path
    inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    if len(inside) != 1:
        listed = ", ".join(entry.name for entry in inside[:8]) or "none"
        raise DataError(
            file,
            None,
            where + f"{name} is a folder of {len(inside)} files ({listed})",
            fix="name one file in file_name",
        )
    return inside[0]
