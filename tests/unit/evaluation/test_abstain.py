"""Abstaining: precision bought with coverage, a threshold from dev rows, and the truth from test rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.evaluation.abstain import Confidences, abstain_report, choose_threshold, curve

Row = tuple[float, bool]
some_rows = st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]), st.booleans()), min_size=1, max_size=60)


def confidences(rows: list[Row]) -> Confidences:
    gold = ["a" if right else "b" for _, right in rows]
    return Confidences.of(gold, [{"a": p, "b": 1 - p} for p, _ in rows])


def honest(rows: int, *, seed: int) -> Confidences:
    """A model whose confidence is exactly its chance to be right."""
    draw = np.random.default_rng(seed)
    confidence = 0.5 + draw.random(rows) / 2
    return confidences(list(zip(confidence.tolist(), (draw.random(rows) < confidence).tolist(), strict=True)))


@given(some_rows)
def test_the_curve_is_what_counting_rows_gives(rows: list[Row]) -> None:
    for point in curve(confidences(rows)):
        answered = [right for p, right in rows if p >= point["threshold"]]
        assert point["coverage"] == pytest.approx(len(answered) / len(rows))
        assert point["precision"] == pytest.approx(sum(answered) / len(answered))
    assert curve(confidences(rows))[-1]["coverage"] == 1


@given(some_rows, st.sampled_from([0.5, 0.75, 0.9]))
def test_no_lower_threshold_would_do(rows: list[Row], target: float) -> None:
    def good(threshold: float) -> bool:
        answered = [right for p, right in rows if p >= threshold]
        return len(answered) >= 1 / (1 - target) - 1e-6 and sum(answered) >= target * len(answered) - 1e-9

    expected = [p for p in sorted({p for p, _ in rows}) if good(p)]
    assert choose_threshold(confidences(rows), target) == (expected[0] if expected else None)


def test_a_long_curve_is_thinned_and_keeps_both_ends() -> None:
    rows = honest(3000, seed=0)
    points = curve(rows)
    assert len(points) == 101
    assert points[0]["coverage"] == pytest.approx(1 / 3000)
    assert points[-1]["coverage"] == 1


def test_the_threshold_of_dev_rows_keeps_its_promise_on_test_rows() -> None:
    kept = []
    for seed in range(30):
        dev, test = honest(400, seed=seed), honest(2000, seed=1000 + seed)
        [found] = abstain_report(dev, test, targets=[0.9])["targets"]
        kept.append(found["test"]["precision"])
        assert found["dev"]["precision"] >= 0.9
        assert 0 < found["test"]["coverage"] < 1
    assert np.mean(kept) == pytest.approx(0.9, abs=0.02)


def test_what_cannot_be_reached_says_why() -> None:
    coin = confidences([(0.9, i % 2 == 0) for i in range(100)])
    report = abstain_report(coin, coin, targets=[0.9])
    assert report["targets"] == [
        {
            "target": 0.9,
            "threshold": None,
            "verdict": "unreachable",
            "reason": "the best precision on at least 10 dev rows is 0.500",
        }
    ]
    few = confidences([(0.9, True)] * 12)
    assert (
        "12 dev rows; a precision of 0.99 needs 100" in abstain_report(few, few, targets=[0.99])["targets"][0]["reason"]
    )


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        pytest.param(400, "reached", id="all right"),
        pytest.param(200, "missed", id="half"),
        pytest.param(362, "open", id="close"),
    ],
)
def test_the_verdict_is_the_interval_of_the_test_rows(right: int, verdict: str) -> None:
    dev = confidences([(0.9, True)] * 50)
    test = confidences([(0.9, i < right) for i in range(400)])
    assert abstain_report(dev, test, targets=[0.9])["targets"][0]["verdict"] == verdict


def test_rows_without_probabilities_are_never_answered_but_count() -> None:
    rows = Confidences.of(["a", "a"], [{"a": 0.8, "b": 0.2}, None])
    assert curve(rows) == [{"threshold": 0.8, "coverage": 0.5, "precision": 1.0}]
    assert rows.at(0.9) == (0, 0)
    assert curve(Confidences.of([], [])) == []
    assert choose_threshold(Confidences.of([], []), 0.9) is None
