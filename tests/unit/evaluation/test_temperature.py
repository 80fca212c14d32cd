"""A temperature makes confidence mean what it says, and changes no answer."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.evaluation.temperature import HIGHEST, fit_temperature, temperature_report, tempered

Rows = list[dict[str, float]]


def overconfident(rows: int, *, planted: float, seed: int = 0) -> tuple[list[str], Rows]:
    """Labels drawn from known distributions, and a model that raises these to the power `planted`."""
    draw = np.random.default_rng(seed)
    true = draw.dirichlet([0.8, 0.8, 0.8], size=rows)
    gold = ["abc"[int(draw.choice(3, p=p))] for p in true]
    said = true**planted / (true**planted).sum(axis=1, keepdims=True)
    return gold, [dict(zip("abc", row, strict=True)) for row in said.tolist()]


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_the_planted_temperature_is_found(planted: float) -> None:
    found = fit_temperature(*overconfident(4000, planted=planted))
    assert found is not None
    assert found.value == pytest.approx(planted, rel=0.08)
    assert found.nll_after <= found.nll_before
    assert not found.at_limit


def test_no_other_temperature_explains_the_rows_better() -> None:
    gold, rows = overconfident(300, planted=2.0)
    found = fit_temperature(gold, rows)
    assert found is not None

    def plain(temperature: float) -> float:
        return -sum(log(tempered(row, temperature)[truth]) for truth, row in zip(gold, rows, strict=True)) / len(gold)

    assert found.nll_before == pytest.approx(plain(1.0))
    assert found.nll_after == pytest.approx(plain(found.value))
    assert found.nll_after <= min(plain(t) for t in np.geomspace(0.1, 10, 60)) + 1e-9


def test_calibration_of_other_rows_gets_better() -> None:
    found = fit_temperature(*overconfident(2000, planted=3.0))
    assert found is not None
    report = temperature_report(found, *overconfident(2000, planted=3.0, seed=1))
    assert report["ece"]["after"] < 0.05 < report["ece"]["before"]
    assert report["brier"]["after"] < report["brier"]["before"]


weights = st.lists(st.floats(0, 1), min_size=1, max_size=4).filter(lambda w: sum(w) > 0.01)


@given(weights, st.floats(0.05, 20))
def test_the_order_of_labels_stays_and_the_sum_is_one(parts: list[float], temperature: float) -> None:
    row = {str(i): w / sum(parts) for i, w in enumerate(parts)}
    after = tempered(row, temperature)
    assert sum(after.values()) == pytest.approx(1)
    assert after.keys() == row.keys()
    assert after[max(row, key=row.__getitem__)] == max(after.values())
    assert tempered(row, 1.0) == pytest.approx(row)
    assert all(after[label] == 0 for label, p in row.items() if p == 0)


def test_rows_that_no_temperature_can_help_do_not_count() -> None:
    found = fit_temperature(["a", "z", "a"], [{"a": 0.6, "b": 0.4}, {"a": 1.0}, None])
    assert found is not None
    assert found.rows == 1
    assert fit_temperature(["z"], [{"a": 1.0}]) is None
    assert fit_temperature([], []) is None


def test_a_gold_label_at_probability_zero_is_a_finite_loss() -> None:
    found = fit_temperature(["a", "b"], [{"a": 0.0, "b": 1.0}, {"a": 0.3, "b": 0.7}])
    assert found is not None
    assert np.isfinite(found.nll_before)


def test_dev_rows_that_are_all_wrong_say_that_the_limit_was_reached() -> None:
    found = fit_temperature(["a"] * 5, [{"a": 0.1, "b": 0.9}] * 5)
    assert found is not None
    assert found.at_limit
    assert found.value == pytest.approx(HIGHEST, rel=0.01)
