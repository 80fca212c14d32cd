"""Spread over seeds: Student's interval where there are seeds enough, and no false promise where there are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from finetrie.evaluation.seeds import spread


def test_three_seeds_and_more_have_students_interval() -> None:
    scores = [0.61, 0.64, 0.60, 0.66]
    found = spread(scores, confidence=0.9)
    low, high = student.interval(0.9, 3, loc=np.mean(scores), scale=np.std(scores, ddof=1) / 2)
    assert (found.seeds, found.kind, found.mean) == (4, "t", pytest.approx(0.6275))
    assert found.sd == pytest.approx(np.std(scores, ddof=1))
    assert found.interval == pytest.approx((low, high))


def test_two_seeds_show_their_range_one_shows_itself_none_show_nothing() -> None:
    assert spread([0.5, 0.4]).interval == (0.4, 0.5)
    assert spread([0.5, 0.4]).kind == "range"
    assert (spread([0.5]).mean, spread([0.5]).sd, spread([0.5]).interval) == (0.5, None, None)
    assert (spread([]).seeds, spread([]).mean) == (0, None)


def test_the_interval_covers_the_mean_of_all_seeds_as_often_as_it_says() -> None:
    drawn = np.random.default_rng(0).normal(0.7, 0.02, size=(2000, 3))
    intervals = [spread(scores.tolist()).interval or (0.0, 0.0) for scores in drawn]
    assert 0.935 <= np.mean([low <= 0.7 <= high for low, high in intervals]) <= 0.965
