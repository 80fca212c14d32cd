"""Classification scores: laws first, scikit-learn and brute force as the second opinion, then the hard cases."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support

from finetrie.evaluation import LedgerError, evaluate_classification, majority_accuracy
from finetrie.evaluation.classification import ConfusionTable
from finetrie.files import plain
from finetrie.records import Outcome, Prediction

LABELS = ("体育", "财经", "科技", "娱乐")


def predictions(answers: list[str | None], **more: Any) -> list[Prediction]:
    return [Prediction(str(i), answer or "??", answer, **more) for i, answer in enumerate(answers)]


def evaluate(gold: list[str], answers: list[str | None], **more: Any) -> dict[str, Any]:
    return evaluate_classification(gold, predictions(answers), **{"labels": LABELS, "resamples": 200, **more})


some_gold = st.sampled_from((*LABELS, "军事"))
some_answer = st.sampled_from((*LABELS, "不知道", None))
some_rows = st.lists(st.tuples(some_gold, some_answer), max_size=40)


@given(some_rows)
def test_every_row_is_counted_exactly_once(rows: list[tuple[str, str | None]]) -> None:
    metrics = evaluate([g for g, _ in rows], [a for _, a in rows])
    table = metrics["confusion"]
    assert sum(metrics["outcomes"].values()) == len(rows) == metrics["n"]
    assert np.sum(table["matrix"]) + sum(table["other"]) + sum(table["unseen"]) + table["unseen_other"] == len(rows)
    assert sum(row["support"] for row in metrics["per_label"].values()) + sum(metrics["unseen_gold"].values()) == len(
        rows
    )


@given(some_rows)
def test_scores_agree_with_scikit_learn_on_the_labels_that_occur(rows: list[tuple[str, str | None]]) -> None:
    gold, answers = [g for g, _ in rows], [a for _, a in rows]
    metrics = evaluate(gold, answers)
    occurring = [label for label in LABELS if label in gold or label in answers]
    assert metrics["macro_labels"]["absent"] == [label for label in LABELS if label not in occurring]
    if not occurring:
        assert metrics["macro"] == {"precision": None, "recall": None, "f1": None}
        return
    said = [a or "" for a in answers]
    p, r, f, support = precision_recall_fscore_support(gold, said, labels=occurring, zero_division=0)
    for i, label in enumerate(occurring):
        mine = metrics["per_label"][label]
        expected = {"precision": p[i], "recall": r[i], "f1": f[i], "support": support[i]}
        assert mine == pytest.approx(expected)
    assert metrics["macro"] == pytest.approx({"precision": p.mean(), "recall": r.mean(), "f1": f.mean()})
    assert metrics["accuracy"] == pytest.approx(np.mean([g == a and g in LABELS for g, a in rows]))


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=30))
def test_a_perfect_model_scores_one_on_any_test_set(gold: list[str]) -> None:
    metrics = evaluate(gold, list(gold))
    assert metrics["accuracy"] == metrics["macro"]["f1"] == 1.0
    assert metrics["macro_f1_ci"] == [1.0, 1.0]
    assert metrics["accuracy_ci"][0] < 1.0, "twenty right rows are not certainty"


@given(some_rows, st.randoms())
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, str | None]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    a, b = (evaluate([g for g, _ in r], [p for _, p in r]) for r in (rows, shuffled))
    assert [a[k] for k in ("accuracy", "macro", "macro_f1_ci", "confusion")] == [
        b[k] for k in ("accuracy", "macro", "macro_f1_ci", "confusion")
    ]


@given(some_rows)
def test_metrics_are_json_without_nan(rows: list[tuple[str, str | None]]) -> None:
    metrics = evaluate([g for g, _ in rows], [a for _, a in rows], decoding="free", seconds=2.0)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == plain(metrics)


def test_metrics_hold_the_keys_that_scripts_rely_on() -> None:
    metrics = evaluate(["体育"], ["体育"], decoding="free", seconds=0.5)
    assert {
        "task", "n", "accuracy", "accuracy_ci", "macro", "macro_f1_ci", "per_label", "confusion", "out_of_label_set",
        "unparsable", "failed_requests", "calibration", "decoding", "seconds", "rows_per_second",
    } <= set(metrics)  # fmt: skip
    assert set(metrics["macro"]) == {"precision", "recall", "f1"}
    assert set(metrics["out_of_label_set"]) == {"count", "examples"}
    assert {"ece", "brier"} <= set(metrics["calibration"])
    assert (metrics["task"], metrics["decoding"], metrics["rows_per_second"]) == ("classification", "free", 2.0)


def test_an_empty_test_set_has_no_scores_and_no_crash() -> None:
    metrics = evaluate([], [])
    assert (metrics["n"], metrics["accuracy"], metrics["accuracy_ci"], metrics["macro_f1_ci"]) == (0, None, None, None)
    assert metrics["by_decoding"] == {}


def test_the_interval_of_macro_f1_is_that_of_drawing_rows_one_by_one() -> None:
    draw = np.random.default_rng(1)
    gold = draw.choice((*LABELS, "军事"), size=150, p=[0.4, 0.2, 0.1, 0.05, 0.25]).tolist()
    answers = [g if draw.random() < 0.7 and g in LABELS else str(draw.choice((*LABELS, "不知道"))) for g in gold]
    low, high = evaluate(gold, list(answers), resamples=4000)["macro_f1_ci"]

    def macro_f1(rows: Any) -> float:
        g, a = np.array(gold)[rows], np.array(answers)[rows]
        return float(f1_score(g, a, labels=[x for x in LABELS if x in g or x in a], average="macro", zero_division=0))

    drawn = [macro_f1(draw.integers(len(gold), size=len(gold))) for _ in range(1000)]
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_intervals_widen_with_the_level_and_repeat_with_the_seed() -> None:
    gold, answers = ["体育", "财经"] * 30, ["体育", "体育", "财经", "财经", "体育", "财经"] * 10
    at95, again, at80 = (evaluate(gold, list(answers), confidence=level, resamples=2000) for level in (0.95, 0.95, 0.8))
    assert at95["macro_f1_ci"] == again["macro_f1_ci"] != evaluate(gold, list(answers), seed=1)["macro_f1_ci"]
    for name in ("accuracy_ci", "macro_f1_ci"):
        assert at95[name][0] < at80[name][0] < at80[name][1] < at95[name][1]


def test_an_answer_outside_the_label_set_is_an_error_with_an_example_and_never_a_label() -> None:
    metrics = evaluate(["体育", "财经", "财经"], ["体育", "天气", "天气"])
    assert metrics["outcomes"] == {"correct": 1, "wrong": 0, "out_of_label_set": 2, "unparsable": 0, "failed": 0}
    assert metrics["out_of_label_set"] == {"count": 2, "examples": [{"answer": "天气", "count": 2, "id": "1"}]}
    assert "天气" not in metrics["per_label"]
    assert metrics["per_label"]["财经"]["recall"] == 0.0
    assert metrics["confusion"]["other"] == [0, 2, 0, 0]


def test_a_gold_label_that_training_never_saw_cannot_be_answered_and_is_listed() -> None:
    metrics = evaluate(["军事", "军事", "体育"], ["体育", "军事", "体育"])
    assert metrics["unseen_gold"] == {"军事": 2}
    assert metrics["outcomes"] == {"correct": 1, "wrong": 1, "out_of_label_set": 1, "unparsable": 0, "failed": 0}
    assert metrics["per_label"]["体育"]["precision"] == 0.5
    assert (metrics["confusion"]["unseen"], metrics["confusion"]["unseen_other"]) == ([1, 0, 0, 0], 1)


def test_failed_and_unreadable_rows_stay_what_they_are() -> None:
    rows = [
        Prediction("a", "", None, Outcome.FAILED),
        Prediction("b", "体育", "体育", Outcome.FAILED),
        Prediction("c", "{", None),
        Prediction("d", "天气", None, Outcome.OUT_OF_LABEL_SET),
        Prediction("e", "体育", "体育", Outcome.WRONG),
    ]
    metrics = evaluate_classification(["体育"] * 5, rows, labels=LABELS, resamples=100)
    assert metrics["outcomes"] == {"correct": 1, "wrong": 0, "out_of_label_set": 1, "unparsable": 1, "failed": 2}
    assert (metrics["unparsable"], metrics["failed_requests"]) == (1, 2)
    assert (metrics["confusion"]["matrix"][0], metrics["confusion"]["other"]) == ([1, 0, 0, 0], [4, 0, 0, 0])
    assert metrics["out_of_label_set"]["examples"] == [{"answer": "天气", "count": 1, "id": "d"}]


def test_a_label_that_the_row_did_not_offer_stays_out_of_the_label_set() -> None:
    metrics = evaluate_classification(
        ["体育"], [Prediction("a", "财经", "财经", Outcome.OUT_OF_LABEL_SET)], labels=LABELS, resamples=100
    )
    assert metrics["outcomes"]["out_of_label_set"] == 1
    assert (metrics["confusion"]["other"], metrics["per_label"]["财经"]["precision"]) == ([1, 0, 0, 0], None)


def test_a_lost_prediction_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(LedgerError, match="1 predictions for 2 gold rows") as error:
        evaluate(["体育", "财经"], ["体育"])
    assert "outcome=Outcome.FAILED" in str(error.value)


def test_decodings_of_the_same_rows_are_scored_side_by_side() -> None:
    def row(name: str, free: str, constrained: str, argmax: str) -> Prediction:
        decodings = {"free": free, "constrained": constrained, "argmax": argmax}
        return Prediction(name, free, free or None, details={"decodings": decodings})

    rows = [row("a", "体育", "体育", "体育"), row("b", "天气", "财经", "体育"), row("c", "", "财经", "财经")]
    metrics = evaluate_classification(["体育", "财经", "财经"], rows, labels=LABELS, decoding="free", resamples=100)
    assert list(metrics["by_decoding"]) == ["free", "constrained", "argmax"]
    assert [d["accuracy"] for d in metrics["by_decoding"].values()] == pytest.approx([1 / 3, 1, 2 / 3])
    free = metrics["by_decoding"]["free"]
    assert (free["accuracy"], free["out_of_label_set"], free["unparsable"]) == (metrics["accuracy"], 1, 1)
    assert free["macro_f1"] == metrics["macro"]["f1"]


def test_the_majority_class_is_the_score_to_beat() -> None:
    assert majority_accuracy(["a", "b", "b", "c"]) == ("b", 0.5)
    assert majority_accuracy([]) == (None, None)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 2))
def test_two_hundred_labels_and_many_rows_are_scored_in_seconds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = [f"l{i}" for i in range(200)]
    gold = draw.choice(labels, size=3000).tolist()
    answers = np.where(draw.random(3000) < 0.8, gold, draw.choice(labels, size=3000)).tolist()
    low, high = ConfusionTable.of(gold, answers, labels=labels).macro_f1_interval(
        confidence=0.95, resamples=300, seed=0
    ) or (0, 0)
    assert low < f1_score(gold, answers, average="macro") < high
