"""Cells become points: the mean and spread of their seeds, without the cells that failed."""

from __future__ import annotations

from typing import Any

import pytest

from finetrie.experiments.aggregate import intervals_of, scores_of, series
from finetrie.experiments.grid import Cell


def result(f1: float, **changes: Any) -> dict[str, Any]:
    return {
        "rows": 100,
        "dev_rows": 10,
        "scores": {"macro_f1": f1, "accuracy": f1 + 0.1},
        "intervals": {"macro_f1": [f1 - 0.05, f1 + 0.05], "accuracy": None},
        "outcomes": {"correct": 40, "wrong": 10},
        "cost": {"trainable": 1000, "steps": 20},
        **changes,
    }


LORA = [Cell("lora", "tuned", "m", size, seed, "epochs") for size in (100, 500) for seed in (0, 1, 2)]
ZERO = Cell("zero_shot", "baseline", "m")


def test_a_point_has_the_mean_the_spread_and_both_intervals() -> None:
    results = {cell.name: result(0.5 + 0.1 * (cell.seed or 0)) for cell in LORA}
    (line,) = series("classification", LORA, results)
    point = line["points"][0]
    score = point["scores"]["macro_f1"]
    assert score["mean"] == pytest.approx(0.6)
    assert score["sd"] == pytest.approx(0.1)
    assert score["interval_kind"] == "t"
    assert score["interval"] == [pytest.approx(0.6 - 4.303 * 0.1 / 3**0.5, abs=1e-3), pytest.approx(0.848, abs=1e-3)]
    assert score["test_interval"] == [pytest.approx(0.55), pytest.approx(0.65)]
    assert score["values"] == pytest.approx([0.5, 0.6, 0.7])
    assert (point["seeds"], point["missing"], point["cost"]["trainable"]) == ([0, 1, 2], [], 1000)


def test_a_cell_that_failed_is_missing_and_said_so() -> None:
    results = {cell.name: result(0.5) for cell in LORA if (cell.size, cell.seed) != (500, 1)}
    (line,) = series("classification", LORA, results)
    assert [point["missing"] for point in line["points"]] == [[], [1]]
    assert line["points"][1]["scores"]["macro_f1"]["values"] == [0.5, 0.5]


def test_a_curve_of_nothing_but_failures_has_points_without_scores() -> None:
    (line,) = series("classification", LORA, {})
    assert [point["scores"]["macro_f1"]["mean"] for point in line["points"]] == [None, None]
    assert line["fit"]["macro_f1"]["can_say"] is False


def test_what_is_not_trained_is_one_point_without_a_fit() -> None:
    (line,) = series("classification", [ZERO], {ZERO.name: result(0.3, rows=0)})
    assert [point["size"] for point in line["points"]] == [None]
    assert "fit" not in line
    assert line["trains"] is False


def test_models_and_budgets_are_named_where_there_are_several() -> None:
    cells = [Cell("lora", "tuned", model, 10, 0, "epochs") for model in ("a/b", "/x/c")]
    cells.append(Cell("lora", "tuned", "a/b", 10, 0, "steps", 64))
    assert [line["name"] for line in series("classification", cells, {})] == [
        "lora · b",
        "lora · c",
        "lora · b · 64 steps",
    ]


@pytest.mark.parametrize(
    ("metrics", "scores"),
    [
        (
            {"task": "classification", "macro": {"f1": 0.5}, "macro_f1_ci": [0.4, 0.6], "accuracy": 0.7},
            {"macro_f1": 0.5, "accuracy": 0.7},
        ),
        (
            {"task": "ner", "micro": {"f1": 0.5}, "micro_f1_ci": [0.4, 0.6], "macro": {"f1": None}},
            {"entity_f1": 0.5, "macro_f1": None},
        ),
        (
            {"task": "instruction", "char_f1": 0.5, "char_f1_ci": [0.4, 0.6], "exact_match": 0.1},
            {"char_f1": 0.5, "exact_match": 0.1},
        ),
    ],
    ids=["classification", "ner", "instruction"],
)
def test_each_task_has_its_scores(metrics: dict[str, Any], scores: dict[str, float]) -> None:
    assert scores_of(metrics) == scores
    assert list(intervals_of(metrics).values()) == [[0.4, 0.6], None]
