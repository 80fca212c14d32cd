"""What `model.base` means, and what is said when it means nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from finetrie.errors import ModelError
from finetrie.models import sources
from finetrie.models.sources import Source, local_folder, parse_source


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("hf:Qwen/Qwen2.5-0.5B", Source("huggingface", "Qwen/Qwen2.5-0.5B", "main")),
        ("ms:Qwen/Qwen2.5-0.5B", Source("modelscope", "Qwen/Qwen2.5-0.5B", "main")),
        ("Qwen/Qwen2.5-0.5B", Source("huggingface", "Qwen/Qwen2.5-0.5B", "main")),
    ],
)
def test_prefix_names_the_hub(base: str, expected: Source) -> None:
    assert parse_source(base, revision="main") == expected


def test_embedded_base_is_a_folder_of_the_package() -> None:
    assert parse_source("finetrie/tiny") == Source("embedded", str(Path(sources.__file__).parent / "tiny"))


def test_folder_wins_over_a_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Qwen" / "Qwen2.5-0.5B").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse_source("Qwen/Qwen2.5-0.5B").kind == "folder"


def test_mistyped_folder_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "qwen2-tiny").mkdir()
    with pytest.raises(ModelError, match=r"no such folder, did you mean '.*qwen2-tiny'"):
        parse_source(str(tmp_path / "qwen2-tniy"))


@pytest.mark.parametrize("base", ["finetrie/tny", "Qwen2.5-0.5B", "hf:Qwen2.5", "ms:a/b/c", "./nowhere", ""])
def test_what_is_neither_folder_nor_hub_name_is_refused(base: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"model\.base"):
        parse_source(base)


def test_file_instead_of_folder_says_which_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match=f"use {tmp_path}"):
        parse_source(str(tmp_path / "model.safetensors"))


def test_offline_says_what_was_tried_and_how_to_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        local_folder(parse_source("Qwen/Qwen2.5-0.5B-Instruct"))
    message = str(caught.value)
    for part in ("not in the local cache", "hf download Qwen/Qwen2.5-0.5B-Instruct", "ms:Qwen/", "finetrie/tiny"):
        assert part in message


def test_offline_message_names_the_folder_that_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "qwen2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="did you mean 'models/qwen2'"):
        local_folder(parse_source("models/qwn2"))


@pytest.mark.parametrize(
    ("error", "said"),
    [("GatedRepoError", "accepted its licence"), ("RevisionNotFoundError", "not this revision"),
     ("RepositoryNotFoundError", "has no such model")],
)  # fmt: skip
def test_each_refusal_of_the_hub_has_its_own_message(monkeypatch: pytest.MonkeyPatch, error: str, said: str) -> None:
    refusal = type(error, (Exception,), {})

    def refuse(*args: Any, **kwargs: Any) -> str:
        raise refusal("401")

    monkeypatch.setattr(sources, "_huggingface", refuse)
    with pytest.raises(ModelError, match=said):
        local_folder(parse_source("owner/name"))


def _save_files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_whole_copy_in_the_cache_is_used_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _save_files(tmp_path / "cached", "config.json", "tokenizer.json", "model.safetensors")
    asked: list[bool] = []

    def fetch(source: Source, patterns: list[str], *, local_only: bool) -> str:
        asked.append(local_only)
        return str(folder)

    monkeypatch.setattr(sources, "_huggingface", fetch)
    assert local_folder(parse_source("owner/name")) == folder
    assert asked == [True]


def test_cached_copy_without_weights_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _save_files(tmp_path / "cached", "config.json", "tokenizer.json")
    asked: list[bool] = []

    def fetch(source: Source, patterns: list[str], *, local_only: bool) -> str:
        asked.append(local_only)
        return str(folder)

    monkeypatch.setattr(sources, "_huggingface", fetch)
    local_folder(parse_source("owner/name"), weights=False)
    assert asked == [True]
    local_folder(parse_source("owner/name"))
    assert asked == [True, True, False]


def test_a_real_hub_cache_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "a" * 40
    repo = tmp_path / "models--owner--name"
    snapshot = _save_files(repo / "snapshots" / commit, "config.json", "tokenizer.json", "model.safetensors")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert local_folder(parse_source("owner/name")).resolve() == snapshot.resolve()


def test_modelscope_is_asked_with_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _save_files(tmp_path / "ms", "config.json", "tokenizer.json", "model.safetensors")
    calls: list[dict[str, Any]] = []
    fake = ModuleType("modelscope")
    fake.__spec__ = json.__spec__  # find_spec reads it
    fake.snapshot_download = lambda name, **settings: calls.append({"name": name, **settings}) or str(folder)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modelscope", fake)
    assert local_folder(parse_source("ms:owner/name", revision="v1")) == folder
    assert (calls[0]["name"], calls[0]["revision"], calls[0]["local_files_only"]) == ("owner/name", "v1", True)
    assert "*.safetensors" in calls[0]["allow_patterns"]


def test_modelscope_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(ModelError, match=r"finetrie\[modelscope\]"):
        local_folder(parse_source("ms:owner/name"))
