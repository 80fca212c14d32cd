"""Baselines beside a run: the same rows, nothing done twice, and a failure that costs nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

import finetrie
from finetrie import steps
from finetrie.baselines import BASELINES
from finetrie.baselines.majority import Majority
from finetrie.errors import CheckpointError, ConfigError
from finetrie.files import read_json, read_jsonl, write_json
from finetrie.steps import answering, baselining
from finetrie.steps.preparing import load_part
from finetrie.steps.workspace import Workspace, open_workspace
from tests.e2e.conftest import FAST, Cli, write_jsonl


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Path:
    """A prepared classification: run.toml, and its run directory `run`."""
    folder = tmp_path_factory.mktemp("prepared")
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([folder / "train.jsonl"], model=str(base), out=folder / "run.toml")
    finetrie.prepare(folder / "run.toml", overrides=FAST[1::2], out=folder / "run")
    return folder


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    """A copy of the prepared run that a test may change."""
    return open_workspace(Path(copytree(prepared / "run", tmp_path / "run")), create=False)


@pytest.fixture
def broken() -> Iterator[str]:
    """A baseline that a plug-in got wrong."""

    @BASELINES.register("broken")
    class Broken(Majority):
        """Always fails."""

        def fit(self, *rows: Any, **settings: Any) -> Any:
            raise RuntimeError("out of luck")

    yield "broken"
    del BASELINES._items["broken"]


def test_a_baseline_is_scored_on_the_same_rows_with_the_same_measures(workspace: Workspace, tmp_path: Path) -> None:
    result = steps.baseline(workspace, "tfidf", out=tmp_path / "tfidf")
    test = load_part(workspace, "test")
    lines = list(read_jsonl(tmp_path / "tfidf/predictions.jsonl"))
    assert [line["id"] for line in lines] == [row.id for row in test]
    assert result.metrics["n"] == len(test) == sum(result.metrics["outcomes"].values())
    assert result.metrics["accuracy"] == sum(line["outcome"] == "correct" for line in lines) / len(test)
    assert result.metrics["baseline"]["train_rows"] == len(load_part(workspace, "train"))
    manifest = read_json(tmp_path / "tfidf/manifest.json")
    assert set(manifest["stages"]) == {"fit", "evaluate"}
    assert manifest["packages"]["scikit-learn"]


def test_what_is_finished_is_not_done_again(workspace: Workspace, tmp_path: Path, monkeypatch: Any) -> None:
    first = steps.baseline(workspace, "majority", out=tmp_path / "out")
    monkeypatch.setattr(Majority, "fit", None)
    assert steps.baseline(workspace, "majority", out=tmp_path / "out").metrics == first.metrics


def test_a_folder_of_something_else_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    train = load_part(workspace, "train")
    steps.baseline(workspace, "majority", out=tmp_path / "out", train=train[:9])
    with pytest.raises(CheckpointError, match="its rows or settings have changed"):
        steps.baseline(workspace, "majority", out=tmp_path / "out")
    with pytest.raises(CheckpointError, match="holds another baseline"):
        steps.baseline(workspace, "tfidf", out=tmp_path / "out", train=train[:9])


def test_a_baseline_for_another_task_is_refused_with_those_that_can(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dictionary cannot do classification(.|\n)*tfidf"):
        steps.baseline(workspace, "dictionary", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_killed_baseline_goes_on_after_its_last_answers(
    workspace: Workspace, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(answering, "CHUNK", 3)
    whole = steps.baseline(workspace, "few_shot", out=tmp_path / "whole")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from finetrie import steps\n"
        "from finetrie.steps import answering\n"
        "from finetrie.steps.workspace import open_workspace\n"
        "answering.CHUNK = 3\n"
        "class Bar:\n"
        "    def advance(self, count=1, *, note=''):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "class Deadly:\n"
        "    def notice(self, message): pass\n"
        "    def bar(self, name, total, *, done=0):\n"
        "        from contextlib import nullcontext\n"
        "        return nullcontext(Bar())\n"
        "run = open_workspace(Path(sys.argv[1]), create=False)\n"
        "steps.baseline(run, 'few_shot', out=Path(sys.argv[2]), progress=Deadly())\n"
    )
    killed = tmp_path / "killed"
    for done in (3, 6):
        command = [sys.executable, "-c", program, str(workspace.path), str(killed)]
        assert subprocess.run(command, check=False, env=os.environ).returncode == -signal.SIGKILL
        assert len(list(read_jsonl(killed / ".predictions.jsonl.partial"))) == done
    again = steps.baseline(workspace, "few_shot", out=killed)

    def without_time(metrics: Any) -> Any:
        told = {**metrics["baseline"], "fit_seconds": None}
        return {**metrics, "seconds": None, "rows_per_second": None, "baseline": told}

    assert without_time(again.metrics) == without_time(whole.metrics)
    assert len(list(read_jsonl(killed / "predictions.jsonl"))) == again.metrics["n"]
    assert not list(killed.glob(".*.partial"))


def test_zero_shot_asks_the_model_before_tuning(workspace: Workspace, tmp_path: Path) -> None:
    metrics = steps.baseline(workspace, "zero_shot", out=tmp_path / "out").metrics
    assert set(metrics["by_decoding"]) == {"free", "constrained", "argmax"}
    assert metrics["baseline"]["facts"]["prompt_hash"] == read_json(workspace.files.prompt)["hash"]


@pytest.fixture(scope="module")
def tuned(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its default baselines."""
    folder = tmp_path_factory.mktemp("tuned") / "run"
    finetrie.run(prepared / "run.toml", overrides=FAST[1::2], out=folder)
    return folder


def test_a_run_says_whether_it_beats_tfidf(tuned: Path, cli: Cli) -> None:
    metrics = read_json(tuned / "metrics.json")
    found = metrics["baselines"]["tfidf"]
    own = read_json(tuned / "baselines/tfidf/metrics.json")
    assert (found["accuracy"], found["accuracy_ci"]) == (own["accuracy"], own["accuracy_ci"])
    assert found["against"]["test"] == "exact McNemar"
    assert found["against"]["difference"] == pytest.approx(metrics["accuracy"] - own["accuracy"])
    words = {"better": "this model is better", "worse": "it is better than this model", "unclear": "do not show which"}
    page = (tuned / "report.html").read_text(encoding="utf-8")
    assert "TF-IDF + logistic regression" in page
    assert words[found["against"]["verdict"]] in page
    done = cli("evaluate", tuned)
    assert "tfidf" in done.out


def test_other_baselines_are_measured_without_another_evaluation(tuned: Path, tmp_path: Path) -> None:
    folder = Path(copytree(tuned, tmp_path / "run"))
    before = (folder / "predictions.jsonl").stat().st_mtime_ns
    changed = (folder / "run.toml").read_text(encoding="utf-8")
    asked = 'baselines = ["majority", {name = "few_shot", k = 2}]'
    (folder / "run.toml").write_text(changed.replace("[evaluation]", f"[evaluation]\n{asked}"), encoding="utf-8")
    metrics = steps.evaluate(folder).metrics
    assert list(metrics["baselines"]) == ["majority", "few_shot-k=2"]
    assert metrics == read_json(folder / "metrics.json")
    assert (folder / "baselines/few_shot-k=2/predictions.jsonl").exists()
    assert (folder / "predictions.jsonl").stat().st_mtime_ns == before


def test_a_finished_comparison_is_not_made_again(tuned: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(baselining, "_summary", None)
    assert set(steps.evaluate(tuned).metrics["baselines"]) == {"tfidf"}


def test_a_model_is_loaded_once_for_all_that_ask_it(workspace: Workspace, tmp_path: Path, monkeypatch: Any) -> None:
    from finetrie.models import loading

    loaded, load = [], loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda *a, **k: loaded.append(a) or load(*a, **k))
    asker = baselining.shared_asker(workspace)
    steps.baseline(workspace, "tfidf", out=tmp_path / "tfidf", asker=asker)
    assert loaded == []
    steps.baseline(workspace, "zero_shot", out=tmp_path / "zero", asker=asker)
    steps.baseline(workspace, {"name": "few_shot", "k": 1}, out=tmp_path / "few", asker=asker)
    assert len(loaded) == 1


def test_no_baselines_are_measured_where_none_are_wanted(prepared: Path, tmp_path: Path) -> None:
    result = finetrie.run(
        prepared / "run.toml", overrides=[*FAST[1::2], "evaluation.baselines=[]"], out=tmp_path / "run"
    )
    assert "baselines" not in result.metrics
    assert not (tmp_path / "run/baselines").exists()


def test_a_baseline_that_fails_is_recorded_and_stops_nothing(tuned: Path, tmp_path: Path, broken: str) -> None:
    folder = Path(copytree(tuned, tmp_path / "run"))
    text = (folder / "run.toml").read_text(encoding="utf-8")
    (folder / "run.toml").write_text(
        text.replace("[evaluation]", f'[evaluation]\nbaselines = ["{broken}", "dictionary", "majority"]'),
        encoding="utf-8",
    )
    progress = steps.progress.Quiet()
    metrics = steps.evaluate(folder, progress=progress).metrics
    assert metrics["baselines"]["broken"] == {"error": "RuntimeError: out of luck"}
    assert "cannot do classification" in metrics["baselines"]["dictionary"]["error"]
    assert "accuracy" in metrics["baselines"]["majority"]
    assert any("broken could not be measured" in notice for notice in progress.notices)
    logged = [event.get("message", "") for event in read_jsonl(folder / "events.jsonl")]
    assert any("broken could not be measured" in message for message in logged)
    page = steps.report(folder).read_text(encoding="utf-8")
    assert "could not be measured" in page


def test_settings_that_change_the_scores_make_baselines_new(tuned: Path, tmp_path: Path) -> None:
    folder = Path(copytree(tuned, tmp_path / "run"))
    text = (folder / "run.toml").read_text(encoding="utf-8")
    (folder / "run.toml").write_text(text.replace("confidence = 0.95", "confidence = 0.5"), encoding="utf-8")
    wide, narrow = (
        m["baselines"]["tfidf"]["accuracy_ci"]
        for m in (read_json(tuned / "metrics.json"), steps.evaluate(folder).metrics)
    )
    assert wide[0] < narrow[0]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("tfidf", "tfidf"),
        ({"name": "few_shot", "k": 8, "choose": "nearest"}, "few_shot-choose=nearest-k=8"),
        ({"name": "encoder", "model": "hf:google-bert/bert-base-chinese"}, "encoder-model=bert-base-chinese"),
        ({"name": "encoder", "model": "/models/my bert/"}, "encoder-model=my_bert"),
    ],
)
def test_a_baseline_is_called_by_its_name_and_settings(asked: Any, name: str) -> None:
    assert baselining.label(asked) == name


def test_the_files_of_older_runs_need_no_baselines(tuned: Path, tmp_path: Path) -> None:
    """A run that was evaluated before there were baselines gets them with the next command."""
    folder = Path(copytree(tuned, tmp_path / "run"))
    metrics, manifest = read_json(folder / "metrics.json"), read_json(folder / "manifest.json")
    del metrics["baselines"], manifest["stages"]["baselines"]
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "manifest.json", manifest)
    assert set(steps.evaluate(folder).metrics["baselines"]) == {"tfidf"}
