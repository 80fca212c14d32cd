"""`finetrie compare`: results on the same rows side by side, which is better, and which rows flipped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.errors import CheckpointError, ConfigError, DataError, UnknownName
from finetrie.evaluation.measuring import judged, measure
from finetrie.files import read_json, read_jsonl, write_json, write_jsonl
from finetrie.records import Example, Prediction, Span
from finetrie.steps.progress import Quiet
from finetrie.steps.store import prediction_row
from finetrie.tasks.base import Task
from finetrie.tasks.classification import Classification
from finetrie.tasks.instruction import Instruction
from finetrie.tasks.ner import Ner
from tests.e2e.conftest import Cli

LABELS = ("体育", "财经", "科技")
GOLD = [LABELS[i % 3] for i in range(60)]
BETTER = [gold if i % 10 else LABELS[(i + 1) % 3] for i, gold in enumerate(GOLD)]  # 54 right
WORSE = [gold if i % 3 or i < 6 else LABELS[(i + 1) % 3] for i, gold in enumerate(GOLD)]  # 42 right


def result(folder: Path, task: Task[Any], examples: Sequence[Example], answers: Sequence[Any]) -> Path:
    """A folder as an evaluation leaves it."""
    said = [
        Prediction(e.id, str(a), None if a == "?" else a, details={"decodings": {"free": str(a)}})
        for e, a in zip(examples, answers, strict=True)
    ]
    predictions = judged(task, examples, said)
    write_jsonl(
        folder / "predictions.jsonl", [prediction_row(p, e.text) for p, e in zip(predictions, examples, strict=True)]
    )
    write_json(folder / "metrics.json", measure(task, examples, predictions, resamples=200, decoding="free"))
    return folder


def classified(
    folder: Path, answers: Sequence[str], *, gold: Sequence[str] = GOLD, labels: Sequence[str] = LABELS
) -> Path:
    examples = [Example(f"test.jsonl:{i}", f"第{i}条新闻", truth, f"test.jsonl:{i}") for i, truth in enumerate(gold)]
    return result(folder, Classification(tuple(labels)), examples, answers)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return classified(tmp_path / "lora", WORSE), classified(tmp_path / "full", BETTER)


def test_the_table_says_which_is_better_and_what_flipped(cli: Cli, two: tuple[Path, Path]) -> None:
    done = cli("compare", *two)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "classification, 60 rows, 95 % intervals"
    [worse, better] = [line.split() for line in lines if " lora " in line or " full " in line]
    assert worse[:3] == ["A", "lora", "70.0"]
    assert better[:3] == ["B", "full", "90.0"]
    [accuracy] = [line for line in lines if "accuracy" in line and "→" in line]
    assert "+20.0" in accuracy
    assert accuracy.rstrip().endswith("B is better")
    assert "A → B: 17 rows wrong → right, 5 right → wrong; 37 right in both, 1 in neither" in done.out
    assert "test.jsonl:6: gold 体育, A 财经, B 体育  第6条新闻" in done.out


def test_everything_in_the_table_is_in_the_json_and_all_flips_too(cli: Cli, two: tuple[Path, Path]) -> None:
    done = cli("compare", *two, "--json")
    found = json.loads(done.out)
    [pair] = found["pairs"]
    assert [test["metric"] for test in pair["tests"]] == ["accuracy", "macro_f1"]
    assert [test["test"] for test in pair["tests"]] == ["exact McNemar", "approximate randomisation"]
    assert (len(pair["wrong_to_right"]), len(pair["right_to_wrong"])) == (17, 5)
    assert pair["both_right"] + pair["both_wrong"] + 22 == found["rows"] == 60
    assert pair["wrong_to_right"][0] == {
        "id": "test.jsonl:6",
        "text": "第6条新闻",
        "gold": "体育",
        "a": "财经",
        "b": "体育",
    }


def test_scores_and_intervals_are_those_of_metrics_json(two: tuple[Path, Path]) -> None:
    comparison = finetrie.compare(*two, resamples=200)
    for compared, folder in zip(comparison.results, two, strict=True):
        metrics = read_json(folder / "metrics.json")
        assert compared.scores["accuracy"].value == metrics["accuracy"]
        assert compared.scores["accuracy"].interval == pytest.approx(metrics["accuracy_ci"])
        assert compared.scores["macro_f1"].value == pytest.approx(metrics["macro"]["f1"])
        assert compared.scores["macro_f1"].interval == pytest.approx(metrics["macro_f1_ci"])


def test_flipped_rows_can_be_kept_in_a_file(cli: Cli, two: tuple[Path, Path], tmp_path: Path) -> None:
    done = cli("compare", *two, "--metric", "accuracy", "--out", tmp_path / "flips.jsonl")
    assert done.code == 0, done.err
    assert "macro" not in done.out
    rows = list(read_jsonl(tmp_path / "flips.jsonl"))
    assert len(rows) == 22
    assert {(row["from"], row["to"]) for row in rows} == {("lora", "full")}
    assert {row["change"] for row in rows} == {"wrong_to_right", "right_to_wrong"}


def test_more_results_are_compared_in_every_pair_and_corrected_together(two: tuple[Path, Path], tmp_path: Path) -> None:
    third = classified(tmp_path / "tfidf", GOLD[:50] + ["体育"] * 10)
    comparison = finetrie.compare(*two, third, metrics=["accuracy"])
    assert [(pair.a, pair.b) for pair in comparison.pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    tests = [pair.tests[0] for pair in comparison.pairs]
    smallest = min(tests, key=lambda test: test.p or 0)
    assert smallest.p_holm == pytest.approx(3 * (smallest.p or 0))
    assert all((test.p_holm or 0) >= (test.p or 0) for test in tests)


def test_rows_in_another_order_are_matched_by_their_id(two: tuple[Path, Path], tmp_path: Path) -> None:
    rows = list(read_jsonl(two[1] / "predictions.jsonl"))
    write_jsonl(tmp_path / "turned/predictions.jsonl", rows[::-1])
    write_json(tmp_path / "turned/metrics.json", read_json(two[1] / "metrics.json"))
    straight, turned = finetrie.compare(*two), finetrie.compare(two[0], tmp_path / "turned")
    assert straight.pairs == turned.pairs


def test_results_on_other_rows_are_refused_with_their_names(cli: Cli, two: tuple[Path, Path], tmp_path: Path) -> None:
    shorter = classified(tmp_path / "shorter", WORSE[:50], gold=GOLD[:50])
    relabelled = classified(tmp_path / "relabelled", WORSE, gold=["科技", *GOLD[1:]])
    done = cli("compare", two[0], shorter)
    assert done.code == 2
    assert "not the same rows" in done.err
    assert "10 only in" in done.err
    assert "test.jsonl:50, test.jsonl:51" in done.err
    assert "finetrie evaluate RUN --data FILE" in done.err
    with pytest.raises(DataError, match=r"1 with another gold target \(test.jsonl:0\)"):
        finetrie.compare(two[0], relabelled)


def test_what_cannot_be_compared_says_what_to_do(cli: Cli, two: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        finetrie.compare(two[0], tmp_path / "nowhere")
    (tmp_path / "unevaluated").mkdir()
    with pytest.raises(
        CheckpointError, match=r"holds no predictions.jsonl and no metrics.json\n  fix: evaluate it first"
    ):
        finetrie.compare(two[0], tmp_path / "unevaluated")
    with pytest.raises(UnknownName, match="did you mean 'accuracy'"):
        finetrie.compare(*two, metrics=["acuracy"])
    with pytest.raises(ConfigError, match="expected two or more"):
        finetrie.compare(two[0])
    write_json(two[1] / "metrics.json", {**read_json(two[1] / "metrics.json"), "n": 7})
    with pytest.raises(DataError, match=r"60 rows, 0 of them without an outcome, and metrics.json is about 7"):
        finetrie.compare(*two)
    (two[1] / "predictions.jsonl").write_text('{"id": "x"}\n', encoding="utf-8")
    assert cli("compare", *two).code == 2


def test_results_of_two_tasks_are_not_compared(two: tuple[Path, Path], tmp_path: Path) -> None:
    other = result(tmp_path / "free", Instruction(), [Example("1", "问", "答", "t:1")], ["答"])
    with pytest.raises(DataError, match="not the same task"):
        finetrie.compare(two[0], other)


def test_a_label_that_only_one_result_knows_counts_for_both(two: tuple[Path, Path], tmp_path: Path) -> None:
    wider = classified(tmp_path / "wider", ["房产", *BETTER[1:]], labels=(*LABELS, "房产"))
    progress = Quiet()
    comparison = finetrie.compare(two[1], wider, progress=progress)
    assert "different label sets" in progress.notices[0]
    assert comparison.results[1].scores["macro_f1"].value == pytest.approx(
        read_json(wider / "metrics.json")["macro"]["f1"]
    )


def test_unreadable_answers_are_wrong_and_shown_as_they_were_said(two: tuple[Path, Path], tmp_path: Path) -> None:
    silent = classified(tmp_path / "silent", ["?", *WORSE[1:]])
    [pair] = finetrie.compare(two[0], silent).pairs
    assert [(flip.a, flip.b) for flip in pair.right_to_wrong] == [("体育", "?")]


def test_entities_are_compared_by_document(cli: Cli, tmp_path: Path) -> None:
    texts = [f"张三{i}去北京" for i in range(10, 40)]
    gold = [(Span(0, 4, "PER"), Span(5, 7, "LOC")) for _ in texts]
    examples = [Example(str(i), t, g, str(i)) for i, (t, g) in enumerate(zip(texts, gold, strict=True))]
    task = Ner(("PER", "LOC"))
    good = result(tmp_path / "good", task, examples, gold)
    half = result(tmp_path / "half", task, examples, [g[:1] for g in gold[:20]] + gold[20:])
    done = cli("compare", half, good)
    assert done.code == 0, done.err
    assert "exact rows" in done.out
    assert "B is better" in done.out
    assert "gold 张三10/PER 北京/LOC, A 张三10/PER, B 张三10/PER 北京/LOC" in done.out
    scores = finetrie.compare(half, good).results[0].scores
    assert scores["entity_f1"].value == pytest.approx(read_json(half / "metrics.json")["micro"]["f1"])


def test_free_answers_are_compared_row_by_row(tmp_path: Path) -> None:
    examples = [Example(str(i), f"问题{i}", f"答案是{i}", str(i)) for i in range(30)]
    right = result(tmp_path / "right", Instruction(), examples, [e.target for e in examples])
    vague = result(tmp_path / "vague", Instruction(), examples, ["答案是零" for _ in examples])
    [pair] = finetrie.compare(vague, right).pairs
    assert {test.metric: (test.difference or 0) > 0 and (test.p_holm or 1) < 0.01 for test in pair.tests} == {
        "exact_match": True,
        "char_f1": True,
        "rouge_l": True,
    }


def test_folders_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    one, two = (classified(tmp_path / name / "cell", answers) for name, answers in (("a", WORSE), ("b", BETTER)))
    assert [compared.name for compared in finetrie.compare(one, two).results] == ["a/cell", "b/cell"]
