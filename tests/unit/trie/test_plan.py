from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.trie import pack, plan
from tests.unit.trie.cases import Rows, many_examples, rows


@many_examples
@given(rows(most=12), st.integers(1, 60))
def test_every_row_is_in_one_pack_and_packs_keep_to_the_budget(case: Rows, budget: int) -> None:
    sequences, _ = case
    groups = plan(sequences, budget_tokens=budget)
    assert sorted(i for group in groups for i in group) == list(range(len(sequences)))
    for group in groups:
        assert len(group) == 1 or len(pack([sequences[i] for i in group])) <= budget


@many_examples
@given(rows(most=12), st.integers(1, 60), st.randoms())
def test_the_grouping_does_not_depend_on_the_order_of_the_rows(case: Rows, budget: int, shuffle: st.DrawFn) -> None:
    sequences, _ = case
    shuffled = list(sequences)
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]

    def contents(rows: list[list[int]]) -> list[list[tuple[int, ...]]]:
        return [[tuple(rows[i]) for i in group] for group in plan(rows, budget_tokens=budget)]

    assert contents(sequences) == contents(shuffled)


def test_rows_that_begin_alike_meet() -> None:
    sequences = [[1, *[9] * 20, 1], [2, *[9] * 20, 1], [1, *[9] * 20, 2], [2, *[9] * 20, 2]]
    assert plan(sequences, budget_tokens=23) == [[0, 2], [1, 3]]


def test_packs_are_even() -> None:
    """Five rows where four fit: three and two, not four and one; the peak is what must fit into memory."""
    sequences = [[first, *range(10)] for first in range(5)]
    assert [len(group) for group in plan(sequences, budget_tokens=44)] == [3, 2]


def test_a_budget_or_a_row_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        plan([[1]], budget_tokens=0)
    with pytest.raises(ValueError, match="without tokens"):
        plan([[1], []], budget_tokens=9)
    assert plan([], budget_tokens=9) == []
