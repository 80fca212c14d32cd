"""Any trained run can serve as the filter of another one's data."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.config import load_run
from finetrie.errors import CheckpointError, ConfigError
from finetrie.files import read_jsonl
from finetrie.steps.cleaning import plan
from finetrie.steps.workspace import open_workspace
from tests.e2e.conftest import FAST, write_jsonl

pytest.importorskip("ahocorasick", reason="word lists need pyahocorasick")


@pytest.fixture(scope="module")
def classifying(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Path:
    """A run of its own, trained on the spot; how well is of no matter."""
    folder = tmp_path_factory.mktemp("classifier")
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([folder / "train.jsonl"], model=str(base), out=folder / "run.toml")
    return finetrie.train(folder / "run.toml", overrides=FAST[1::2], out=folder / "trained").path


def asked(folder: Path, rows: list[dict[str, Any]], base: Path, policy: str) -> Path:
    """A run file whose policy is `policy`."""
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    (folder / "run.toml").write_text(
        f'[data]\ntrain = "train.jsonl"\n[prepare]\npolicy = "policy.toml"\n[model]\nbase = "{base.as_posix()}"\n',
        encoding="utf-8",
    )
    return folder / "run.toml"


def table(run: Path, actions: str, threshold: float = 0.0) -> str:
    return f'[classifier]\nrun = "{run.as_posix()}"\nactions = {{{actions}}}\nthreshold = {threshold}\n'


def test_a_run_drops_and_flags_what_another_run_says_of_its_rows(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, classifying: Path
) -> None:
    said = [answer["prediction"] for answer in finetrie.predict_texts(classifying, [row["text"] for row in rows])]
    (dropped, _), *others = Counter(said).most_common()
    assert others, "the classifier gives one label only, which shows nothing"
    flagged = others[0][0]
    source = asked(tmp_path, rows, base, table(classifying, f'"{dropped}" = "drop", "{flagged}" = "flag"'))
    workspace = finetrie.prepare(source, out=tmp_path / "run")
    rejected = [dict(line) for line in read_jsonl(workspace.files.rejected)]
    expected = [f"train.jsonl:{i}" for i, label in enumerate(said, start=1) if label == dropped]
    assert [line["origin"] for line in rejected if line["rule"] == "policy"] == expected
    assert all(line["reason"].startswith(f"category {dropped!r}: the classifier, ") for line in rejected)
    flags = [dict(line) for line in read_jsonl(workspace.files.flagged)]
    assert [f["origin"] for f in flags] == [f"train.jsonl:{i}" for i, label in enumerate(said, 1) if label == flagged]
    assert {(f["category"], f["action"]) for f in flags} == {(flagged, "flag")}
    assert all(0 < f["score"] <= 1 for f in flags)


def test_the_classifier_is_a_part_of_what_a_run_is(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, classifying: Path
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(classifying, copied)
    source = asked(tmp_path, rows, base, table(copied, '"体育" = "flag"'))
    first = open_workspace(source).path
    assert open_workspace(source).path == first
    weights = next((copied / "adapter").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[::-1])
    assert open_workspace(source).path != first


def test_what_is_no_trained_classification_is_refused(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, classifying: Path
) -> None:
    missing = asked(tmp_path, rows, base, '[classifier]\nrun = "nowhere"\nactions = {a = "drop"}\n')
    with pytest.raises(CheckpointError, match=r"policy\.toml: \[classifier\] run: .*nowhere: no such folder"):
        finetrie.prepare(missing, out=tmp_path / "run")
    near_miss = asked(tmp_path, rows, base, table(classifying, '"体育类" = "drop"'))
    with pytest.raises(ConfigError, match=r"has no label '体育类', did you mean '体育'\?\n  fix: choose from"):
        finetrie.prepare(near_miss, out=tmp_path / "run")
    settings = classifying / "run.toml"
    written = settings.read_text(encoding="utf-8")
    try:
        settings.write_text(written.replace('kind = "classification"', 'kind = "instruction"'), encoding="utf-8")
        with pytest.raises(ConfigError, match="its task is instruction, which gives a text no label"):
            plan(load_run(asked(tmp_path, rows, base, table(classifying, '"体育" = "drop"'))))
    finally:
        settings.write_text(written, encoding="utf-8")
