"""Where a base model is: the embedded one, a folder, Hugging Face or ModelScope. Ends in a local folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from finetrie.errors import ModelError, suggest
from finetrie.models.tiny import tiny_folder
from finetrie.models.weights import weight_files

EMBEDDED = "finetrie/tiny"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "qwen.tiktoken",
    "tekken.json",
)

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_TEXT_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken"]
_WEIGHT_FILES = ["*.safetensors"]
_IGNORED = ["*/*", "consolidated*"]  # other formats in subfolders; Mistral's second copy of the weights


@dataclass(frozen=True, slots=True)
class Source:
    """What the user's `model.base` means."""

    kind: Literal["embedded", "folder", "huggingface", "modelscope"]
    name: str  # a path, or owner/name on the hub
    revision: str | None = None

    @property
    def remote(self) -> bool:
        return self.kind in ("huggingface", "modelscope")


def parse_source(base: str, *, revision: str | None = None) -> Source:
    """Read `finetrie/tiny`, a folder, `hf:owner/name`, `ms:owner/name` or `owner/name` (Hugging Face).

    A folder that exists wins over a hub name that is written alike. Nothing is downloaded.

    Raises:
        ModelError: there is no such folder and it is not a hub name either.
    """
    if base == EMBEDDED:
        return Source("embedded", str(tiny_folder()))
    for prefix, kind in (("hf:", "huggingface"), ("ms:", "modelscope")):
        if base.startswith(prefix):
            return Source(kind, _hub_name(base, base.removeprefix(prefix)), revision)  # type: ignore[arg-type]
    path = Path(base).expanduser()
    if base and path.is_dir():
        return Source("folder", str(path))
    if path.is_file():
        raise ModelError(f"model.base = {base!r} is a file; expected the folder it is in", fix=f"use {path.parent}")
    if base.startswith("finetrie/"):
        raise ModelError(f"model.base = {base!r}: no such embedded model{suggest(base, [EMBEDDED])}")
    if not _HUB_NAME.fullmatch(base) or base.startswith("."):
        raise ModelError(
            f"model.base = {base!r}: no such folder{_near(path)}; expected a folder, owner/name, hf:owner/name, "
            f"ms:owner/name or {EMBEDDED}",
            fix="check the path; relative ones start at the run file's folder",
        )
    return Source("huggingface", base, revision)


def local_folder(source: Source, *, weights: bool = True) -> Path:
    """A folder on this machine with the model's files; `weights=False` fetches only configuration and tokenizer.

    A copy in the hub's cache is used as it is, without asking the network whether there is a newer one, so a run
    does not change under the user; pin `revision` to say which one you mean.

    Raises:
        ModelError: offline, gated, misspelt, or not downloadable; the message says what was tried.
    """
    if not source.remote:
        folder = Path(source.name)
        if not folder.is_dir():
            raise ModelError(f"{folder}: the embedded model is not part of this installation", fix="reinstall finetrie")
        return folder
    fetch = _huggingface if source.kind == "huggingface" else _modelscope
    patterns = _TEXT_FILES + (_WEIGHT_FILES if weights else [])
    cached = _cached(fetch, source, patterns, weights)
    return cached or _download(fetch, source, patterns)


def has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


Fetch = Callable[..., str]


def _cached(fetch: Fetch, source: Source, patterns: list[str], weights: bool) -> Path | None:
    """The hub's local copy if it is there and whole; an earlier look at the tokenizer leaves one without weights."""
    try:
        folder = Path(fetch(source, patterns, local_only=True))
        if weights:
            weight_files(folder)
    except ModelError:
        if _is_missing_library(source):
            raise
        return None
    except Exception:  # each hub has its own errors for "not in the cache"
        return None
    return folder if (folder / "config.json").is_file() and has_tokenizer(folder) else None


def _download(fetch: Fetch, source: Source, patterns: list[str]) -> Path:
    try:
        return Path(fetch(source, patterns, local_only=False))
    except ModelError:
        raise
    except Exception as error:  # network, permission and name errors of two libraries and of what they are built on
        raise _explain(source, error) from None


def _huggingface(source: Source, patterns: list[str], *, local_only: bool) -> str:
    from huggingface_hub import snapshot_download

    return str(
        snapshot_download(
            source.name,
            revision=source.revision,
            allow_patterns=patterns,
            ignore_patterns=_IGNORED,
            local_files_only=local_only,
        )
    )


def _modelscope(source: Source, patterns: list[str], *, local_only: bool) -> str:
    download: Any = _import_modelscope().snapshot_download
    return str(
        download(
            source.name,
            revision=source.revision,
            allow_patterns=patterns,
            ignore_patterns=_IGNORED,
            local_files_only=local_only,
        )
    )


def _import_modelscope() -> Any:
    try:
        return import_module("modelscope")
    except ImportError:
        raise ModelError(
            "models from ModelScope need a package that is not installed", fix="pip install 'finetrie[modelscope]'"
        ) from None


def _is_missing_library(source: Source) -> bool:
    from importlib.util import find_spec

    return source.kind == "modelscope" and find_spec("modelscope") is None


def _explain(source: Source, error: Exception) -> ModelError:
    hub, other = ("Hugging Face", "ms:") if source.kind == "huggingface" else ("ModelScope", "hf:")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    where = f"{source.name!r}" + (f" at revision {source.revision!r}" if source.revision else "")
    near = _near(Path(source.name))
    where += f" (no such folder{near})" if near else ""
    fix = f"check the spelling, or try {other}{source.name}"
    if kinds & {"GatedRepoError"}:
        found = f"{hub} shows it only to users who accepted its licence"
        fix = f"accept the licence on https://huggingface.co/{source.name}, then run: hf auth login"
    elif kinds & {"RevisionNotFoundError"}:
        found, fix = f"{hub} has the model, but not this revision", "check model.revision"
    elif kinds & {"RepositoryNotFoundError", "NotExistError"}:
        found = f"{hub} has no such model (or it is private and you are not logged in)"
    else:
        found = f"not in the local cache, and {hub} cannot be reached ({_first_line(error)})"
        command = f"hf download {source.name}" if hub == "Hugging Face" else f"modelscope download {source.name}"
        if os.environ.get("HF_HUB_OFFLINE"):
            found += "; HF_HUB_OFFLINE is set"
        fix = (
            f"go online, or where there is a network run `{command}` and give its folder as model.base; "
            f"{other}{source.name} tries the other hub, {EMBEDDED} needs none"
        )
    return ModelError(f"model.base = {where}: {found}", fix=fix)


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:150]}" if text else type(error).__name__


def _hub_name(base: str, name: str) -> str:
    if not _HUB_NAME.fullmatch(name):
        raise ModelError(f"model.base = {base!r}: {name!r} is not a hub name; expected owner/name")
    return name


def _near(path: Path) -> str:
    """The existing neighbour whose name is closest, as a question."""
    try:
        siblings = [str(path.parent / other.name) for other in path.parent.iterdir() if other.is_dir()]
    except OSError:
        return ""
    return suggest(str(path), siblings)
