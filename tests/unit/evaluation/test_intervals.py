"""Intervals: what a level promises is kept in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.evaluation.classification import ConfusionTable
from finetrie.evaluation.intervals import (
    distinct_rows,
    f1_scores,
    mean_of_known,
    percentile_interval,
    resampled_totals,
    wilson,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_inside_zero_and_one(case: tuple[int, int]) -> None:
    successes, rows = case
    low, high = wilson(successes, rows) or (0, 0)
    assert 0 <= low <= successes / rows <= high <= 1
    assert high - low > 0


def test_wilson_is_the_published_formula() -> None:
    z, p, n = 1.959963984540054, 0.9, 50
    centre, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)),
    )
    assert wilson(45, 50) == pytest.approx([centre - half, centre + half])
    assert wilson(0, 0) is None


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    for share in (0.5, 0.9, 0.97):
        hits = np.random.default_rng(0).binomial(80, share, size=2000)
        intervals = {int(h): wilson(int(h), 80) or [0.0, 0.0] for h in set(hits.tolist())}
        covered = np.mean([intervals[h][0] <= share <= intervals[h][1] for h in hits.tolist()])
        assert 0.92 <= covered <= 0.98, (share, covered)


def test_the_macro_f1_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    labels = ("a", "b", "c")
    truth = np.array([[0.40, 0.06, 0.04], [0.05, 0.22, 0.03], [0.03, 0.04, 0.13]])
    hits = np.diagonal(truth)
    population = float((2 * hits / (truth.sum(axis=0) + truth.sum(axis=1))).mean())
    covered = 0
    for trial in range(300):
        counts = np.zeros((4, 4), dtype=np.int64)
        counts[:3, :3] = draw.multinomial(200, truth.ravel()).reshape(3, 3)
        low, high = ConfusionTable(labels, counts).macro_f1_interval(confidence=0.9, resamples=400, seed=trial) or (
            0,
            0,
        )
        covered += low <= population <= high
    assert 0.84 <= covered / 300 <= 0.96, covered / 300


def test_resampling_kinds_of_rows_is_resampling_rows() -> None:
    measures = np.array([[0, 1], [2, 1], [2, 1], [5, 1], [0, 1], [0, 1]])
    kinds, counts = distinct_rows(measures)
    assert sorted(counts.tolist()) == [1, 2, 3]
    totals = np.concatenate(list(resampled_totals(kinds, counts, resamples=20_000, seed=3)))
    assert totals.shape == (20_000, 2)
    assert (totals[:, 1] == len(measures)).all(), "every resample has as many rows as the test set"
    assert totals[:, 0].mean() == pytest.approx(measures[:, 0].sum(), rel=0.02)
    assert totals[:, 0].std() == pytest.approx(measures[:, 0].std() * np.sqrt(len(measures)), rel=0.03)


def test_blocks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, counts = np.array([[1], [2], [3]]), np.array([4, 5, 6])
    whole = np.concatenate(list(resampled_totals(kinds, counts, resamples=50, seed=0)))
    monkeypatch.setattr("finetrie.evaluation.intervals.CELLS_AT_ONCE", 7)
    blocks = list(resampled_totals(kinds, counts, resamples=50, seed=0))
    assert len(blocks) == 25
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_undefined_scores_are_left_out_of_means_and_intervals() -> None:
    scores = f1_scores(np.array([1, 0, 0]), np.array([2, 0, 1]), np.array([2, 0, 0]))
    np.testing.assert_array_equal(scores, [0.5, np.nan, 0.0])
    assert mean_of_known(scores) == 0.25
    assert np.isnan(mean_of_known(np.array([np.nan, np.nan])))
    assert percentile_interval(np.empty(0)) is None
