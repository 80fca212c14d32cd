"""Seeded chance: the same decisions everywhere, and fair ones."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.sample.chance import Chance

SEEDS = st.integers(0, 2**32)


def test_the_stream_of_a_seed_never_changes() -> None:
    """Literal values: a new Python version that broke them would silently change the sample."""
    chance = Chance(7)
    assert [chance.below(1000) for _ in range(6)] == [323, 150, 650, 72, 535, 365]
    assert chance.shuffled("abcdef") == list("edbfca")


@given(SEEDS, st.lists(st.integers(), max_size=20))
def test_shuffling_keeps_every_item_and_the_original(seed: int, items: list[int]) -> None:
    before = list(items)
    assert Counter(Chance(seed).shuffled(items)) == Counter(items)
    assert items == before


@given(SEEDS, st.integers(-5, 5), st.integers(0, 9))
def test_between_includes_both_ends_and_nothing_else(seed: int, low: int, width: int) -> None:
    chance = Chance(seed)
    assert all(low <= chance.between(low, low + width) <= low + width for _ in range(20))


def test_every_value_of_a_range_comes_up() -> None:
    chance = Chance(1)
    assert {chance.between(3, 6) for _ in range(200)} == {3, 4, 5, 6}


def test_weights_decide_how_often_an_item_is_picked() -> None:
    chance = Chance(1)
    counts = Counter(chance.weighted("abc", (6, 3, 0)) for _ in range(3000))
    assert counts["c"] == 0
    assert 1.8 < counts["a"] / counts["b"] < 2.2


@given(SEEDS)
def test_a_sample_has_no_position_twice(seed: int) -> None:
    assert len(set(Chance(seed).sample(range(10), 4))) == 4
