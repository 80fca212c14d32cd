"""What a user does: look at a file, run, read the scores, predict, and find every promise kept on disk."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import FAST, Cli, write_jsonl

OUTCOMES = ("correct", "wrong", "out_of_label_set", "unparsable", "failed")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Path:
    """The folder of a finished classification: train.jsonl, run.toml and the run directory `run`."""
    folder = tmp_path_factory.mktemp("classified")
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([folder / "train.jsonl"], model=str(base), out=folder / "run.toml")
    finetrie.run(folder / "run.toml", overrides=FAST[1::2], out=folder / "run")
    return folder


@pytest.fixture
def classified(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run directory that a test may change."""
    return Path(shutil.copytree(finished / "run", tmp_path / "run"))


def test_the_command_line_does_it_in_two_lines(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli
) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    looked = cli("init", tmp_path / "train.jsonl", "--model", base, "--out", tmp_path / "run.toml")
    assert (looked.code, looked.out.strip()) == (0, str(tmp_path / "run.toml"))
    assert "classification: text 'text', target 'label'" in looked.err
    done = cli("run", tmp_path / "run.toml", *FAST, "--out", tmp_path / "run")
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "run")), done.err
    assert "accuracy" in done.err


@pytest.mark.parametrize("small", [True, False])
def test_init_sets_large_steps_for_a_very_small_model_only(
    small: bool, tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli
) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows)
    model = base if small else "Qwen/Qwen2.5-1.5B-Instruct"
    done = cli("init", tmp_path / "train.jsonl", "--model", model, "--out", tmp_path / "run.toml")
    assert ("very small model" in done.err) is small
    settings = finetrie.load_run(tmp_path / "run.toml").training
    assert settings.learning_rate == (2e-3 if small else 1e-4)


def test_a_run_leaves_every_file_of_the_contract(classified: Path) -> None:
    names = ["run.toml", "manifest.json", "events.jsonl", "predictions.jsonl", "metrics.json", "report.html"]
    names += [f"data/{name}" for name in ("train.jsonl", "dev.jsonl", "test.jsonl", "rejected.jsonl", "card.json")]
    names += ["adapter/adapter_model.safetensors", "adapter/prompt.json"]
    assert [name for name in names if not (classified / name).exists()] == []


def test_the_ledger_closes_and_agrees_with_the_predictions(classified: Path) -> None:
    metrics = read_json(classified / "metrics.json")
    predictions = list(read_jsonl(classified / "predictions.jsonl"))
    test = list(read_jsonl(classified / "data/test.jsonl"))
    assert [p["id"] for p in predictions] == [row["id"] for row in test]
    assert sum(metrics["outcomes"][name] for name in OUTCOMES) == metrics["n"] == len(test)
    for name in OUTCOMES:
        assert metrics["outcomes"][name] == sum(p["outcome"] == name for p in predictions), name
    assert metrics["accuracy"] == pytest.approx(metrics["outcomes"]["correct"] / metrics["n"])
    assert set(metrics["by_decoding"]) == {"free", "constrained", "argmax"}


def test_no_row_of_the_file_disappears(classified: Path, rows: list[dict[str, Any]]) -> None:
    kept = sum(len(list(read_jsonl(classified / f"data/{part}.jsonl"))) for part in ("train", "dev", "test"))
    assert kept + len(list(read_jsonl(classified / "data/rejected.jsonl"))) == len(rows)


def test_running_again_does_nothing_again(classified: Path, finished: Path, cli: Cli) -> None:
    before = {p: p.stat().st_mtime_ns for p in classified.rglob("*.safetensors")}
    predictions = (classified / "predictions.jsonl").read_bytes()
    done = cli("run", finished / "run.toml", *FAST, "--out", classified)
    assert done.code == 0
    assert before == {p: p.stat().st_mtime_ns for p in classified.rglob("*.safetensors")}
    assert (classified / "predictions.jsonl").read_bytes() == predictions


def test_other_settings_do_not_overwrite_a_run(classified: Path, finished: Path, cli: Cli) -> None:
    done = cli("run", finished / "run.toml", *FAST, "--set", "tuning.rank=2", "--out", classified)
    assert done.code == 2
    assert "tuning.rank" in done.err


def test_another_file_can_be_scored(classified: Path, cli: Cli, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    other = write_jsonl(
        tmp_path / "other.jsonl",
        [{"text": row["text"], "label": row["label"]} for row in rows[::7]]
        + [{"text": "新的一类。", "label": "没见过"}],
    )
    done = cli("evaluate", classified, "--data", other, "--json")
    assert done.code == 0, done.err
    [folder] = [line.removeprefix("results: ") for line in done.err.splitlines() if line.startswith("results: ")]
    assert read_json(Path(folder) / "metrics.json") == json.loads(done.out), "what compare is given"
    metrics = json.loads(done.out)
    assert metrics["n"] == len(rows[::7]) + 1
    assert metrics["unseen_gold"] == {"没见过": 1}
    assert sum(metrics["outcomes"].values()) == metrics["n"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_prediction_gives_the_rows_back_with_answers(
    classified: Path, cli: Cli, rows: list[dict[str, Any]], tmp_path: Path, suffix: str
) -> None:
    asked = [{"text": row["text"], "source": f"s{i}"} for i, row in enumerate(rows[:5])]
    path = tmp_path / f"unlabelled{suffix}"
    if suffix == ".jsonl":
        write_jsonl(path, [*asked, {"text": "", "source": "empty"}])
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["text", "source"])
            writer.writeheader()
            writer.writerows([*asked, {"text": "", "source": "empty"}])
    done = cli("predict", classified, path)
    assert done.code == 0, done.err
    target = Path(done.out.strip())
    if suffix == ".jsonl":
        answered = list(read_jsonl(target))
    else:
        with target.open(newline="", encoding="utf-8") as stream:
            answered = list(csv.DictReader(stream))
    labels = {"体育", "财经", "科技"}
    assert [row["source"] for row in answered] == [f"s{i}" for i in range(5)] + ["empty"]
    assert all(row["prediction"] in labels for row in answered[:5])
    assert all(0 < float(row["probability"]) <= 1 for row in answered[:5])
    assert not answered[5]["prediction"]
    assert answered[5]["prediction_error"]


def test_a_served_prompt_is_byte_for_byte_a_trained_prompt(classified: Path) -> None:
    """The prompt's hash is stored with the weights; a changed instruction is refused."""
    assert read_json(classified / "adapter/prompt.json") == read_json(classified / "prompt.json")


def test_weights_refuse_a_changed_prompt(classified: Path, cli: Cli) -> None:
    path = classified / "adapter/prompt.json"
    frozen = read_json(path)
    frozen["task"]["instruction"] = "别的说法"
    path.write_text(json.dumps(frozen, ensure_ascii=False), encoding="utf-8")
    (classified / "metrics.json").unlink()
    manifest = read_json(classified / "manifest.json")
    del manifest["stages"]["evaluate"]
    (classified / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    done = cli("evaluate", classified)
    assert done.code == 2
    assert "prompts come out differently" in done.err


def test_entities_from_file_to_report(tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": r["text"], "entities": r["entities"]} for r in rows])
    assert cli("init", tmp_path / "train.jsonl", "--model", base, "--out", tmp_path / "run.toml").code == 0
    short = ("--set", "evaluation.max_new_tokens=12")
    done = cli("run", tmp_path / "run.toml", *FAST, *short, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    metrics = read_json(tmp_path / "run/metrics.json")
    assert metrics["task"] == "ner"
    assert sum(metrics["outcomes"].values()) == metrics["n"]
    assert (tmp_path / "run/report.html").stat().st_size > 10_000


def test_free_answers_from_file_to_report(tmp_path: Path, rows: list[dict[str, Any]], base: Path, cli: Cli) -> None:
    data = [{"instruction": "接着写。", "input": r["text"][:20], "output": r["text"][20:26]} for r in rows]
    write_jsonl(tmp_path / "train.jsonl", data)
    arguments = ("--set", "task.kind=instruction", "--set", f"model.base={base}", "--set", "data.format=alpaca")
    (tmp_path / "run.toml").write_text('[data]\ntrain = "train.jsonl"\n', encoding="utf-8")
    done = cli("run", tmp_path / "run.toml", *FAST, *arguments, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    metrics = read_json(tmp_path / "run/metrics.json")
    assert metrics["task"] == "instruction"
    assert sum(metrics["outcomes"].values()) == metrics["n"]


def test_dev_rows_teach_how_far_probabilities_can_be_trusted(classified: Path) -> None:
    calibration = read_json(classified / "metrics.json")["calibration"]
    dev = list(read_jsonl(classified / "data/dev.jsonl"))
    asked = list(read_jsonl(classified / "dev_predictions.jsonl"))
    assert [row["id"] for row in asked] == [row["id"] for row in dev]
    assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in asked)
    assert calibration["temperature"]["dev_rows"] == calibration["abstain"]["dev_rows"] == len(dev)
    assert calibration["temperature"]["ece"]["before"] == calibration["ece"]
    assert [target["target"] for target in calibration["abstain"]["targets"]] == [0.9, 0.95, 0.99]
    assert calibration["abstain"]["curve"][-1]["coverage"] == 1


def test_dev_rows_are_not_asked_twice_by_the_same_weights(classified: Path, cli: Cli) -> None:
    before = (classified / "dev_predictions.jsonl").stat().st_mtime_ns
    manifest = read_json(classified / "manifest.json")
    del manifest["stages"]["evaluate"]
    (classified / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    scores = read_json(classified / "metrics.json")["calibration"]
    assert cli("evaluate", classified).code == 0
    assert (classified / "dev_predictions.jsonl").stat().st_mtime_ns == before
    assert read_json(classified / "metrics.json")["calibration"]["temperature"] == scores["temperature"]
