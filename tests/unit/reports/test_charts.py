"""Charts: readable in every language, the same every time, and nothing where there is nothing to draw."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from finetrie.reports import dev_curve, length_histogram, loss_curve, reliability_plot
from finetrie.reports.charts import MOST_POINTS, WORDS

STEPS = [{"event": "step", "step": i, "loss": 3 / i} for i in range(1, 61)]
EVALUATIONS = [{"event": "evaluation", "step": 10 * i, "score": 0.1 * i, "metric": "macro_f1"} for i in range(1, 7)]
BINS = [
    {"low": 0.5, "high": 0.6, "count": 4, "confidence": 0.55, "accuracy": 0.5},
    {"low": 0.9, "high": 1.0, "count": 16, "confidence": 0.97, "accuracy": 0.9},
]
CHARTS = {
    "loss": lambda words: loss_curve(STEPS, words=words),
    "dev": lambda words: dev_curve(EVALUATIONS, words=words),
    "reliability": lambda words: reliability_plot(BINS, words=words),
    "lengths": lambda words: length_histogram([10, 20, 30, 4000], words=words),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_one_svg_element_that_stands_alone(name: str) -> None:
    svg = CHARTS[name](WORDS)
    assert svg is not None
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("aria-label")
    assert "#0101" not in svg, "a colour that no theme knows"


@pytest.mark.parametrize("name", CHARTS)
def test_chinese_and_markup_in_the_texts_stay_text(name: str) -> None:
    words = {key: f"<b>训练&{key}</b>" for key in WORDS}
    svg = CHARTS[name](words)  # a missing glyph would be a warning, and warnings are errors here
    assert svg is not None
    shown = ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]
    assert any("<b>训练&" in text for text in shown)


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_numbers_give_the_same_bytes(name: str) -> None:
    assert CHARTS[name](WORDS) == CHARTS[name](WORDS)


def test_nothing_to_draw_is_none() -> None:
    assert loss_curve([{"event": "run_started"}]) is None
    assert (
        loss_curve([{"event": "step", "step": 1, "loss": None}, {"event": "step", "step": 2, "loss": math.nan}]) is None
    )
    assert dev_curve(STEPS) is None
    assert reliability_plot([]) is None
    assert length_histogram([]) is None


def test_a_step_that_was_repeated_after_a_crash_counts_once() -> None:
    again = [*STEPS[:40], *STEPS[20:]]
    assert loss_curve(again) == loss_curve(STEPS)


def test_one_step_and_equal_lengths_can_be_drawn() -> None:
    assert loss_curve(STEPS[:1]) is not None
    assert dev_curve(EVALUATIONS[:1]) is not None
    assert length_histogram([7]) is not None
    assert length_histogram([7] * 50) is not None


def test_a_very_long_training_is_thinned_out() -> None:
    events = [{"event": "step", "step": i, "loss": 1 + math.sin(i)} for i in range(30_000)]
    svg = loss_curve(events)
    assert svg is not None
    assert len(svg) < 60 * MOST_POINTS
