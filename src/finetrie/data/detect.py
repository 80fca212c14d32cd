"""A look at a file before anything is written: what it is, what is in it, and the run file it asks for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrie.data.card import count_entities, lengths
from finetrie.data.labels import count_labels
from finetrie.data.language import language
from finetrie.data.reading import Dataset, read
from finetrie.errors import DataError

_ROLES = {  # words in file names, as data sets use them
    "train": ("train", "training", "trn", "训练", "训练集"),
    "dev": ("dev", "valid", "validation", "val", "eval", "验证", "验证集", "开发集"),
    "test": ("test", "testing", "tst", "测试", "测试集"),
}
_WORDS = re.compile(r"[a-z]+|[0-9]+|训练集?|验证集?|开发集|测试集?|[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Detected:
    """What a data file turned out to be."""

    path: Path
    format: str
    encoding: str
    kind: str
    text: str  # the columns
    target: str | None
    options: str | None
    rows: int  # usable ones
    rejected: dict[str, int]  # rule → rows that cannot be used
    labels: dict[str, int]  # classification: label → rows; ner: label → entities; instruction: empty
    length: dict[str, float] | None  # characters a text: min, quantiles, max, mean
    language: str  # "zh" or "en"
    notices: tuple[str, ...]
    siblings: dict[str, Path]  # role → file beside this one that looks like its other part: {"test": .../test.jsonl}


def inspect(
    path: Path | str,
    *,
    format: str = "auto",
    encoding: str = "auto",
    kind: str | None = None,
    text: str | None = None,
    target: str | None = None,
    options: str | None = None,
) -> Detected:
    """Read a labelled file whole and say what it is. Bad rows are counted, not raised.

    Raises:
        DataError: the file cannot be read at all, its columns are not found, or no row is usable.
    """
    path = Path(path)
    data = read(
        path,
        format=format,
        encoding=encoding,
        kind=kind,
        text=text,
        target=target,
        options=options,
        on_bad_row="reject",
    )
    return describe(path, data)


def describe(path: Path, data: Dataset) -> Detected:
    """The facts of a data set that has been read."""
    rejected: dict[str, int] = {}
    for rejection in data.rejected:
        rejected[rejection.rule] = rejected.get(rejection.rule, 0) + 1
    ner = data.kind == "ner"
    return Detected(
        path=path,
        format=data.format,
        encoding=data.encoding,
        kind=data.kind,
        text=data.text,
        target=data.target,
        options=data.options,
        rows=len(data),
        rejected=rejected,
        labels=count_entities(data) if ner else count_labels(data, kind=data.kind),
        length=lengths(example.text for example in data),
        language=language(example.text for example in data),
        notices=data.notices,
        siblings=siblings(path),
    )


def role_of(path: Path) -> str | None:
    """ "train", "dev" or "test" where a word of the file's name says so (`cnews.train.txt`, `测试集.csv`)."""
    words = _WORDS.findall(Path(path.name.rpartition("#")[2]).stem.lower())
    return next((role for role, names in _ROLES.items() for word in words if word in names), None)


def siblings(path: Path) -> dict[str, Path]:
    """The other parts beside a training file: names that differ from its name in the word for the role only."""
    if role_of(path) != "train" or not path.parent.is_dir():
        return {}
    found: dict[str, Path] = {}
    for other in sorted(path.parent.iterdir()):
        role = role_of(other)
        if role in ("dev", "test") and other.suffix == path.suffix and other.is_file() and _rest(other) == _rest(path):
            found.setdefault(role, other)
    return found


def _rest(path: Path) -> list[str]:
    """The words of a file's name without those for a role."""
    role_words = {word for names in _ROLES.values() for word in names}
    return [word for word in _WORDS.findall(path.stem.lower()) if word not in role_words]


def choose_files(paths: Sequence[Path | str]) -> dict[str, Path]:
    """Role → file, from names; a single file without a role is the training file, and its siblings join it.

    Raises:
        DataError: two files claim one role, or the roles of several files cannot be told.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise ValueError("name at least one data file")
    if len(files) == 1:
        return {"train": files[0], **siblings(files[0])}
    roles: dict[str, Path] = {}
    unknown = [file for file in files if role_of(file) is None]
    for file in files:
        role = role_of(file) or ("train" if len(unknown) == 1 else None)
        if role is None:
            raise DataError(
                file,
                None,
                "its name does not say whether it is for training, dev or test",
                fix="call the files train, dev and test, or name them in the run file: data.train, data.dev, data.test",
            )
        if role in roles:
            raise DataError(
                file, None, f"a second {role} file beside {roles[role]}", fix=f"name one {role} file, or join them"
            )
        roles[role] = file
    if "train" not in roles:
        raise DataError(
            files[0], None, f"only {' and '.join(roles)} data given; expected a training file", fix="add it"
        )
    return roles


def run_values(
    paths: Sequence[Path | str], *, detected: Detected | None = None, relative_to: Path | None = None, **asked: Any
) -> dict[str, dict[str, Any]]:
    """The `[data]` and `[task]` tables of a run file for these files, with the settings that matter only.

    Args:
        paths: one or more data files; names decide which is which (`choose_files`).
        detected: the training file, when it has been inspected already.
        relative_to: the run file's folder; paths are written relative to it.
        asked: settings of `inspect` that the user gave.

    Raises:
        DataError: a file cannot be read, or the files are not of one kind.
    """
    roles = choose_files(paths)
    train = detected or inspect(roles["train"], **asked)
    data: dict[str, Any] = {
        role: _shown(roles[role], relative_to) for role in ("train", "dev", "test") if role in roles
    }
    others = [inspect(roles[role], **asked) for role in ("dev", "test") if role in roles]
    for other in others:
        if other.kind != train.kind:
            raise DataError(
                other.path,
                None,
                f"{other.kind} rows, but {train.path} holds {train.kind} rows",
                fix="name matching files",
            )
    same_form = all(other.format == train.format for other in others)
    data["format"] = train.format if same_form else "auto"
    if all(other.text == train.text for other in others):
        data["text"] = train.text
    if train.target and all(other.target == train.target for other in others):
        data["target"] = train.target
    if train.options and train.format != "fudan":  # the fudan format knows its own
        data["options"] = train.options
    encodings = {train.encoding, *(other.encoding for other in others)}
    if encodings == {"gb18030"}:  # the one encoding that is a guess
        data["encoding"] = "gb18030"
    return {"data": data, "task": {"kind": train.kind}}


def _shown(path: Path, relative_to: Path | None) -> str:
    if relative_to is None:
        return str(path)
    try:
        return Path(os.path.relpath(path.resolve(), relative_to.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path.resolve())
