"""`finetrie curve`: a grid from the command line, killed, failing in part, and on Ray; always the same curve.json."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.data.sample import sample_path
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import Cli, kill_when, write_jsonl

SETTINGS = """
[model]
base = "{base}"
max_tokens = 512
[training]
epochs = 2
batch_size = 8
save_every = 2
[evaluation]
resamples = 100
[curve]
sizes = [10, 20]
seeds = 2
baselines = ["majority", "tfidf", "zero_shot"]
cpus = 1
"""
CELLS = 1 + 2 * 2 * 3
RESULTS = ("curve.json", "curve.csv")


@pytest.fixture
def run_file(tmp_path: Path, rows: list[dict[str, Any]], base: Path) -> Path:
    return _study(tmp_path, rows, base)


def _study(folder: Path, rows: list[dict[str, Any]], base: Path) -> Path:
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    path = folder / "run.toml"
    path.write_text('[data]\ntrain = "train.jsonl"\ntest_fraction = 0.2\n' + SETTINGS.format(base=base), "utf-8")
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Path:
    """The folder of a grid that nothing went wrong with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return finetrie.curve(_study(folder, rows, base), out=folder / "run").path


def _command(run_file: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "finetrie.cli.main", "curve", str(run_file), "--out", str(out), *more]


def _steps(log: Path) -> int:
    return log.read_bytes().count(b'"event": "step"') if log.exists() else 0


def _equal(one: Path, other: Path) -> None:
    for name in RESULTS:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_grid_is_a_run_directory_a_cell_and_one_curve(undisturbed: Path) -> None:
    curve = read_json(undisturbed / "curve.json")
    assert [cell["status"] for cell in curve["cells"]] == ["done"] * CELLS
    test = (undisturbed.parent / "data/test.jsonl").read_bytes()
    prompts = set()
    for cell in curve["cells"]:
        folder = undisturbed / cell["name"]
        gold = [row["id"] for row in read_jsonl(folder / "predictions.jsonl")]
        assert gold == [json.loads(line)["id"] for line in test.splitlines()], "the test rows are the same for all"
        assert {"run.toml", "manifest.json", "metrics.json"} <= {path.name for path in folder.iterdir()}
        if cell["role"] == "tuned":
            assert sum(1 for _ in read_jsonl(folder / "data/train.jsonl")) == cell["size"] == cell["rows"]
            assert not (folder / "checkpoints").exists()
            prompts.add(read_json(folder / "prompt.json")["hash"])
    assert prompts == {read_json(undisturbed.parent / "prompt.json")["hash"]}, "prompts do not depend on the size"
    by_name = {line["name"]: line for line in curve["series"]}
    assert list(by_name) == ["zero-shot", "lora", "majority", "tfidf"]
    assert [point["size"] for point in by_name["lora"]["points"]] == [10, 20]
    assert [point["size"] for point in by_name["zero-shot"]["points"]] == [None]
    assert "can_say" in by_name["lora"]["fit"]["macro_f1"]
    assert {test["metric"] for test in curve["comparisons"]} == {"macro_f1", "accuracy"}
    costs = {cell["name"] for cell in read_json(undisturbed / "costs.json")["cells"]}
    assert costs == {cell["name"] for cell in curve["cells"]}


def test_a_cell_repeats_alone_from_its_own_run_file(undisturbed: Path, tmp_path: Path) -> None:
    cell = next(cell for cell in read_json(undisturbed / "curve.json")["cells"] if cell["role"] == "tuned")
    again = finetrie.run(undisturbed / cell["name"] / "run.toml", out=tmp_path / "again")
    weights = "adapter/adapter_model.safetensors"
    assert (again.path / weights).read_bytes() == (undisturbed / cell["name"] / weights).read_bytes()
    assert again.metrics["macro"]["f1"] == cell["scores"]["macro_f1"]
    words = finetrie.curve(undisturbed / "tfidf-n20-seed1/run.toml", out=tmp_path / "words").curve["cells"]
    scores = read_json(undisturbed / "tfidf-n20-seed1/metrics.json")
    assert [cell["scores"]["macro_f1"] for cell in words] == [scores["macro"]["f1"]]


def test_finished_cells_are_not_done_again_and_more_can_be_asked_for(cli: Cli, run_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = cli("curve", run_file, "--out", out, "--sizes", "10", "--seeds", "1", "--baselines", "majority")
    assert first.code == 0, first.err
    assert first.out.strip() == str(out / "curve")
    marks = {path: path.read_bytes() for path in out.glob("curve/*/cell.json")}
    assert len(marks) == 2
    plan = cli("curve", run_file, "--out", out, "--dry-run", "--json", "--baselines", "majority")
    states = {cell["name"]: cell["state"] for cell in json.loads(plan.out)["cells"]}
    assert [name for name, state in states.items() if state == "done"] == sorted(path.parent.name for path in marks)
    assert json.loads(plan.out)["estimate"] == "taken from finished cells"
    more = cli("curve", run_file, "--out", out, "--sizes", "10,20,10", "--seeds", "1", "--baselines", "majority,tfidf")
    assert more.code == 0, more.err
    assert {path: path.read_bytes() for path in marks} == marks
    assert read_json(out / "curve/curve.json")["settings"]["sizes"] == [10, 20]
    assert len(list(out.glob("curve/*/cell.json"))) == 6


def test_a_dry_run_leaves_nothing_behind(cli: Cli, run_file: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    plan = cli("curve", run_file, "--out", tmp_path / "run", "--dry-run")
    assert plan.code == 0, plan.err
    assert f"{CELLS} cells" in plan.out
    assert "measured on 3 training steps" in plan.out
    assert "finetrie-plan-" not in plan.err, "the folder of the trial is gone"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["--sizes", "10,9000"], "sizes 9000: there are only", id="more than there is"),
        pytest.param(["--sizes", "2"], "a row of every label takes at least 3 rows", id="fewer than labels"),
        pytest.param(["--sizes", "ten"], "input should be a number of rows, or 'all'", id="no number"),
        pytest.param(["--baselines", "tfdf"], "did you mean 'tfidf'", id="unknown baseline"),
        pytest.param(["--baselines", "dictionary"], "cannot do classification", id="a baseline for another task"),
        pytest.param(["--methods", "lor"], "did you mean 'lora'", id="unknown method"),
        pytest.param(["--methods", "none", "--baselines", "none"], "neither a method nor a baseline", id="nothing"),
        pytest.param(["--budget", "minutes"], "curve.budget", id="unknown budget"),
    ],
)
def test_what_cannot_be_is_told_before_anything_begins(
    cli: Cli, run_file: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    done = cli("curve", run_file, "--out", tmp_path / "run", *options)
    assert done.code == 2
    assert told in done.err
    assert not list(tmp_path.glob("run/curve/*/manifest.json"))


def test_the_same_steps_for_every_size(cli: Cli, run_file: Path, tmp_path: Path) -> None:
    done = cli(
        *("curve", run_file, "--out", tmp_path / "run", "--budget", "both"),
        *("--baselines", "none", "--seeds", "1", "--sizes", "10,all"),
    )
    assert done.code == 0, done.err
    cells = read_json(tmp_path / "run/curve/curve.json")["cells"]
    rows = max(cell["size"] for cell in cells)
    largest = 2 * -(-rows // 8)
    assert [(cell["size"], cell["budget"], cell["cost"]["steps"]) for cell in cells] == [
        (10, "epochs", 4),
        (10, "steps", largest),
        (rows, "epochs", largest),
        (rows, "steps", largest),
    ]


@pytest.mark.slow
def test_a_failed_cell_is_recorded_and_the_others_go_on(cli: Cli, run_file: Path, tmp_path: Path) -> None:
    wild = '["lora", {name = "wild", training = {learning_rate = 1e30}}]'
    arguments = ("curve", run_file, "--out", tmp_path / "run", "--set", f"curve.methods={wild}")
    done = cli(*arguments, "--sizes", "10", "--baselines", "majority")
    assert done.code == 1, done.err
    curve = read_json(tmp_path / "run/curve/curve.json")
    states = {cell["name"]: cell["status"] for cell in curve["cells"]}
    assert {state for name, state in states.items() if name.startswith("wild")} == {"failed"}
    assert {state for name, state in states.items() if not name.startswith("wild")} == {"done"}
    failed = next(cell for cell in curve["cells"] if cell["status"] == "failed")
    assert failed["error"]["message"]
    assert f"{failed['name']} failed and the others go on" in done.err
    again = cli(*arguments, "--sizes", "10", "--baselines", "majority")
    assert again.code == 1
    assert read_json(tmp_path / "run/curve/curve.json") == curve


@pytest.mark.slow
def test_a_grid_killed_twice_ends_in_the_same_bytes(run_file: Path, tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "run"
    command = _command(run_file, out)
    kill_when(command, lambda: _steps(next(out.glob("curve/lora-*-n10-seed0/events.jsonl"), out / "none")) >= 2)
    kill_when(command, lambda: _steps(next(out.glob("curve/lora-*-n20-seed0/events.jsonl"), out / "none")) >= 3)
    assert not (out / "curve/curve.json").exists()
    subprocess.run(command, check=True, capture_output=True)
    _equal(out / "curve", undisturbed)


@pytest.mark.slow
def test_serial_and_ray_give_the_same_bytes(run_file: Path, tmp_path: Path, undisturbed: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    subprocess.run(_command(run_file, tmp_path / "run", "--on", "ray"), check=True, capture_output=True, timeout=500)
    _equal(tmp_path / "run/curve", undisturbed)


@pytest.mark.slow
def test_a_killed_ray_worker_loses_nothing(run_file: Path, tmp_path: Path, undisturbed: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    out, killed = tmp_path / "run", False
    process = subprocess.Popen(
        _command(run_file, out, "--on", "ray"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    while process.poll() is None:
        cell = next(out.glob("curve/lora-*-n20-seed0/events.jsonl"), out / "none").parent
        if not killed and _steps(cell / "events.jsonl") >= 3 and not (cell / "metrics.json").exists():
            os.kill(int((cell / ".lock").read_text()), signal.SIGKILL)  # the worker that holds the cell
            killed = True
        time.sleep(0.002)
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.returncode == 0, said
    assert killed
    assert "was lost" in said
    _equal(out / "curve", undisturbed)


def test_without_ray_the_way_to_install_it_is_told(
    cli: Cli, run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = cli("curve", run_file, "--out", tmp_path / "run", "--on", "ray", "--baselines", "majority")
    assert done.code == 2
    assert 'pip install "finetrie[ray]"' in done.err


@pytest.mark.slow
def test_entities_with_two_models_from_a_run_directory(cli: Cli, tmp_path: Path, base: Path) -> None:
    rows = [row for row in read_jsonl(sample_path("train")) if len(row["text"]) < 60 and row["language"] == "zh"][:60]
    write_jsonl(tmp_path / "train.jsonl", [{"text": row["text"], "entities": row["entities"]} for row in rows])
    other = shutil.copytree(base, tmp_path / "other")
    (tmp_path / "run.toml").write_text(
        '[data]\ntrain = "train.jsonl"\n[task]\nkind = "ner"\n'
        f'[model]\nbase = "{base}"\nmax_tokens = 768\n[training]\nepochs = 0.2\n'
        "[evaluation]\nresamples = 100\nmax_new_tokens = 8\n",
        encoding="utf-8",
    )
    out = tmp_path / "run"
    assert cli("prepare", tmp_path / "run.toml", "--out", out).code == 0
    (tmp_path / "train.jsonl").unlink()  # a prepared run directory has all that its cells need
    options = ("--sizes", "20,all", "--seeds", "1", "--baselines", "dictionary")
    done = cli("curve", out, *options, "--models", f"{base},{other}")
    assert done.code == 0, done.err
    curve = read_json(out / "curve/curve.json")
    assert curve["scores"] == ["entity_f1", "macro_f1"]
    assert [line["name"] for line in curve["series"]] == ["lora · base0", "lora · other", "dictionary"]
    assert len(curve["cells"]) == 6
    for name in ("base0", "other"):  # the same rows and weights give the same answers, under both names
        assert curve["data"]["prompt_hash"][name] == curve["data"]["prompt_hash"]["other"]
    scores = [[point["scores"]["entity_f1"]["mean"] for point in line["points"]] for line in curve["series"]]
    assert scores[0] == scores[1]
    assert scores[2][1] is not None
