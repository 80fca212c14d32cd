"""A forecast that keeps its promise, or "cannot say" with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from finetrie.evaluation import wilson
from finetrie.experiments.fitting import CurveFit, Point, fit_curve, variance_of
from finetrie.files import plain

SIZES = (100, 250, 500, 1000, 2000)


def rising(rows: float) -> float:
    """A score with error 0.1 + 3·n^-0.5."""
    return 1 - (0.1 + 3 * rows**-0.5)


def measured(
    score: Callable[[float], float],
    *,
    sizes: Sequence[int] = SIZES,
    seeds: int = 3,
    sd: float = 0.01,
    seed: int = 0,
    variance: float = 0.0,
) -> list[Point]:
    draw = np.random.default_rng(seed)
    return [Point(n, tuple((score(n) + sd * draw.normal(size=seeds)).tolist()), variance) for n in sizes]


def fit(points: Sequence[Point], **settings: object) -> CurveFit:
    return fit_curve(points, **{"resamples": 200, **settings})  # type: ignore[arg-type]


def test_planted_numbers_are_recovered_and_continued() -> None:
    found = fit(measured(rising, sd=0.0005))
    assert found.reason is None
    assert found.law == {
        "a": pytest.approx(0.1, abs=0.01),
        "b": pytest.approx(3, rel=0.1),
        "c": pytest.approx(0.5, rel=0.05),
    }
    assert [f.size for f in found.forecasts] == [3000, 4000, 6000, 8000]
    for forecast in found.forecasts:
        assert forecast.score == pytest.approx(rising(forecast.size), abs=0.005)
        assert forecast.interval[0] <= forecast.score <= forecast.interval[1]
    assert found.held_out is not None
    assert found.held_out.kept
    assert found.held_out.predicted == pytest.approx(rising(2000), abs=0.01)


@pytest.mark.parametrize("seeds", [2, 3])
def test_forecast_intervals_hold_the_truth_as_often_as_they_say(seeds: int) -> None:
    held = []
    for trial in range(60):
        found = fit(measured(rising, seeds=seeds, seed=trial), seed=trial)
        held += [f.interval[0] <= rising(f.size) <= f.interval[1] for f in found.forecasts if f.size == 4000]
    assert len(held) > 45, "most curves that follow the law can be continued"
    assert np.mean(held) >= 0.88, np.mean(held)


def test_on_noise_it_cannot_say() -> None:
    said = [fit(measured(lambda _: 0.6, seed=trial)).reason for trial in range(40)]
    assert sum(reason is None for reason in said) <= 2
    assert "does not rise" in str(said[0])


def test_scores_that_fall_with_more_rows_are_not_continued() -> None:
    found = fit(measured(lambda n: 0.9 - n / 10_000))
    assert "does not rise" in str(found.reason)
    assert found.forecasts == ()


def test_a_jump_is_not_a_law() -> None:
    found = fit(measured(lambda n: 0.6 + 0.15 * (n >= 1000), sd=0.004))
    assert "fits the points poorly" in str(found.reason)
    assert (found.fit_p or 0) < 0.01


def test_a_largest_size_that_the_others_did_not_predict_stops_the_forecast() -> None:
    found = fit(measured(lambda n: rising(n) - 0.05 * (n == 2000), sizes=(100, 500, 1000, 2000), sd=0.008, seed=4))
    assert found.held_out is not None
    assert not found.held_out.kept
    assert "the smaller sizes predict" in str(found.reason)
    assert found.forecasts == ()


def test_a_forecast_nobody_could_act_on_is_not_given() -> None:
    found = fit(measured(rising, variance=wilson_variance(0.85, 40)))
    assert "too wide to act on" in str(found.reason)
    assert found.forecasts == ()


def wilson_variance(score: float, rows: int) -> float:
    return variance_of(wilson(round(score * rows), rows))


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        pytest.param(measured(rising, sizes=(100, 500, 1000)), "needs 4 sizes", id="three sizes"),
        pytest.param(measured(rising, sizes=(100, 500)), "needs 4 sizes", id="two sizes"),
        pytest.param(measured(rising, seeds=1), "one seed a size", id="one seed"),
        pytest.param([], "needs 4 sizes", id="nothing"),
    ],
)
def test_too_little_says_what_is_missing(points: list[Point], reason: str) -> None:
    found = fit(points, targets=[0.99])
    assert reason in str(found.reason)
    assert found.forecasts == ()
    assert [(n.rows, n.reason) for n in found.needed] == [(None, found.reason)]


def test_three_sizes_still_have_a_curve_to_draw() -> None:
    found = fit(measured(rising, sizes=(100, 500, 2000)))
    assert found.law is not None
    assert (found.band[0].size, found.band[-1].size) == (100, 2000)


def test_nothing_is_said_beyond_four_times_the_data() -> None:
    found = fit(measured(rising, sd=0.001), targets=[0.5, 0.85, 0.88, 0.95])
    assert max(f.size for f in found.forecasts) == 4 * SIZES[-1]
    reached, near, beyond, never = found.needed
    assert (reached.rows, reached.reason) == (100, "measured with 100 rows")
    assert near.rows == pytest.approx(3600, rel=0.1)
    assert near.interval is not None
    assert near.interval[0] <= 3600 <= (near.interval[1] or 8000)
    for needed in (beyond, never):
        assert needed.rows is None
        assert "not within 8000 rows" in str(needed.reason)


def test_the_test_set_widens_the_interval_and_bends_nothing() -> None:
    sure, unsure = (fit(measured(rising, variance=v)) for v in (0.0, 0.0004))
    assert sure.law == unsure.law
    assert sure.held_out == unsure.held_out
    widths = [f.forecasts[0].interval[1] - f.forecasts[0].interval[0] for f in (sure, unsure)]
    assert widths[1] > widths[0] + 0.02


def test_the_variance_of_a_score_comes_from_its_interval() -> None:
    assert variance_of(wilson(700, 1000)) == pytest.approx(0.7 * 0.3 / 1000, rel=0.01)
    assert variance_of(None) == 0


def test_failed_cells_are_left_out_and_sizes_stand_once() -> None:
    whole, failed = fit(measured(rising)), fit([*measured(rising), Point(50, ())])
    assert whole == failed
    with pytest.raises(ValueError, match="distinct"):
        fit([Point(100, (0.5, 0.6)), Point(100, (0.5, 0.6))])


def test_the_result_is_json_and_repeats_with_the_seed() -> None:
    found = fit(measured(rising), targets=[0.85])
    assert found == fit(measured(rising), targets=[0.85])
    written = json.loads(json.dumps(plain(found.as_json()), allow_nan=False))
    assert written["can_say"] is True
    assert written["held_out"]["kept"] is True
    assert written["points"][0]["size"] == 100
