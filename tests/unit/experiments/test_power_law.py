"""The law of a learning curve: planted numbers are found, bounds hold, and no optimiser finds a better fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from finetrie.experiments.power_law import fit_power_laws

SIZES = np.array([100.0, 200.0, 500.0, 1000.0, 2000.0])


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [
        pytest.param(0.1, 3.0, 0.5, id="levels off at 10 %"),
        pytest.param(0.0, 0.9, 0.08, id="falls slowly for ever"),
        pytest.param(0.3, 40.0, 1.0, id="soon at its floor"),
    ],
)
def test_planted_numbers_are_found(a: float, b: float, c: float) -> None:
    found = fit_power_laws(SIZES, a + b * SIZES**-c, np.full(5, 1e-4))
    assert (found.a[0], found.b[0], found.c[0]) == (
        pytest.approx(a, abs=1e-3),
        pytest.approx(b, rel=1e-2),
        pytest.approx(c, rel=1e-2),
    )
    assert found.error(4000.0)[0] == pytest.approx(a + b * 4000.0**-c, abs=1e-4)


errors = st.lists(st.floats(0.01, 0.99), min_size=5, max_size=5).map(np.array)


@given(errors, st.lists(st.floats(1e-6, 1e-2), min_size=5, max_size=5).map(np.array))
def test_bounds_hold_whatever_the_points(found: np.ndarray, variances: np.ndarray) -> None:
    law = fit_power_laws(SIZES, found, variances)
    assert 0 <= law.a[0] < 1
    assert law.b[0] >= 0
    assert 0 < law.c[0] <= 2
    curve = law.error(np.geomspace(100, 8000, 20))[0]
    assert (np.diff(curve) <= 1e-12).all(), "more rows never make it worse"
    level = np.average(found, weights=1 / variances)
    flat = float(((found - level) ** 2 / variances).sum())
    assert law.misfit[0] <= flat * (1 + 1e-9) + 1e-9, "never worse than a flat line"


@pytest.mark.parametrize("seed", range(5))
def test_no_general_optimiser_finds_a_better_fit(seed: int) -> None:
    draw = np.random.default_rng(seed)
    sd = np.array([0.02, 0.015, 0.01, 0.01, 0.005])
    points = 0.15 + 2.5 * SIZES**-0.45 + draw.normal(size=5) * sd
    misfits = []
    for c in (0.05, 0.2, 0.5, 1.0, 1.8):
        start = [0.1, 0.2, c]
        solved = least_squares(
            lambda p: (p[0] + p[1] * (SIZES / 500) ** -p[2] - points) / sd, start, bounds=([0, 0, 0.01], [1, np.inf, 2])
        )
        misfits.append(2 * solved.cost)
    assert fit_power_laws(SIZES, points, sd**2).misfit[0] <= min(misfits) * (1 + 1e-4)


def test_many_curves_at_once_are_the_same_curves_one_by_one() -> None:
    draw = np.random.default_rng(0)
    table = 0.2 + 2 * SIZES**-0.5 + draw.normal(size=(20, 5)) * 0.01
    variances = np.array([4.0, 3.0, 2.0, 1.0, 1.0]) * 1e-4
    together = fit_power_laws(SIZES, table, variances)
    for i, curve in enumerate(table):
        alone = fit_power_laws(SIZES, curve, variances)
        assert together.misfit[i] == pytest.approx(alone.misfit[0], rel=1e-2, abs=1e-3)
        assert together.error(4000.0)[i] == pytest.approx(alone.error(4000.0)[0], abs=2e-3)


def test_rows_for_an_error_are_where_the_curve_reaches_it() -> None:
    law = fit_power_laws(SIZES, np.stack([0.1 + 3 * SIZES**-0.5, np.full(5, 0.4)]), np.full(5, 1e-4))
    rows = law.rows_for(0.15)
    assert law.error(float(rows[0]))[0] == pytest.approx(0.15)
    assert rows[1] == np.inf
    assert law.rows_for(0.01).tolist() == [np.inf, np.inf]
