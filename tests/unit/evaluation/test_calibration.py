"""Calibration: a model that knows what it knows scores zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from finetrie.evaluation import calibration

some_row = st.tuples(st.sampled_from("abcd"), st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.booleans())


def distribution(weights: list[float]) -> dict[str, float]:
    return {label: w / sum(weights) for label, w in zip("abc", weights, strict=True)}


@given(st.lists(some_row, max_size=30))
def test_both_scores_stay_in_range_and_bins_hold_every_row(rows: list[tuple[str, list[float], bool]]) -> None:
    given_rows: list[Mapping[str, float] | None] = [distribution(w) if known else None for _, w, known in rows]
    result = calibration([g for g, _, _ in rows], given_rows)
    known = sum(row is not None for row in given_rows)
    assert result["rows"] == known == sum(b["count"] for b in result["bins"])
    if known:
        assert 0 <= result["ece"] <= 1
        assert 0 <= result["brier"] <= 2
    for b in result["bins"]:
        assert b["low"] - 1e-9 <= b["confidence"] <= b["high"] + 1e-9


def test_certain_and_right_is_zero_certain_and_wrong_is_the_worst() -> None:
    right = calibration(["a", "b"], [{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}])
    wrong = calibration(["b", "a"], [{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}])
    assert (right["ece"], right["brier"]) == (0.0, 0.0)
    assert (wrong["ece"], wrong["brier"]) == (1.0, 2.0)


def test_ece_is_the_row_weighted_gap_between_confidence_and_accuracy() -> None:
    rows = [{"a": 0.8, "b": 0.2}] * 10 + [{"a": 0.6, "b": 0.4}] * 5
    gold = ["a"] * 6 + ["b"] * 4 + ["a"] * 5
    result = calibration(gold, rows)
    assert result["ece"] == pytest.approx((10 * abs(0.6 - 0.8) + 5 * abs(1.0 - 0.6)) / 15)
    assert [(b["low"], b["count"]) for b in result["bins"]] == [(0.5, 5), (0.7, 10)]


def test_brier_agrees_with_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    weights = draw.dirichlet([1, 1, 1], size=40)
    gold = draw.choice(list("abc"), size=40)
    mine = calibration(gold.tolist(), [dict(zip("abc", row, strict=True)) for row in weights.tolist()])["brier"]
    assert mine == pytest.approx(brier_score_loss(gold, weights, labels=list("abc"), scale_by_half=False))


def test_a_gold_label_without_a_probability_counts_as_probability_zero() -> None:
    assert calibration(["z"], [{"a": 1.0}])["brier"] == 2.0


def test_without_probabilities_there_is_nothing_to_calibrate() -> None:
    result = calibration(["a", "b"], [None, {}])
    assert (result["ece"], result["brier"], result["rows"], result["bins"]) == (None, None, 0, [])
