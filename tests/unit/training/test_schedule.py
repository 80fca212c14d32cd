"""The learning rate climbs, then follows its shape, and is never zero."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.training.schedule import Schedule

shapes = st.sampled_from(["linear", "cosine", "constant"])


def rates(total: int, shape: str, warmup: float) -> list[float]:
    schedule = Schedule(peak=2.0, total_steps=total, shape=shape, warmup_ratio=warmup)  # type: ignore[arg-type]
    return [schedule(step) for step in range(1, total + 1)]


@given(st.integers(1, 200), shapes, st.floats(0, 0.99))
def test_rates_climb_to_the_peak_then_never_rise_and_never_reach_zero(total: int, shape: str, warmup: float) -> None:
    values = rates(total, shape, warmup)
    top = values.index(max(values))
    assert max(values) == 2.0
    assert values[: top + 1] == sorted(values[: top + 1])
    assert values[top:] == sorted(values[top:], reverse=True)
    assert min(values) > 0


def test_linear_and_cosine_by_hand() -> None:
    assert rates(6, "linear", 0.3) == [1.0, 2.0, 2.0, 1.5, 1.0, 0.5]
    assert rates(4, "cosine", 0.0) == pytest.approx([1 + math.cos(math.pi * i / 4) for i in range(4)])
    assert rates(3, "constant", 0.0) == [2.0, 2.0, 2.0]


def test_warmup_is_a_share_of_the_steps_rounded_up() -> None:
    assert Schedule(peak=1, total_steps=100, warmup_ratio=0.03).warmup_steps == 3
    assert Schedule(peak=1, total_steps=10, warmup_ratio=0.03).warmup_steps == 1
    assert Schedule(peak=1, total_steps=1, warmup_ratio=0.9).warmup_steps == 0


def test_unknown_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="cosine"):
        Schedule(peak=1, total_steps=1, shape="cosinus")  # type: ignore[arg-type]
