"""Free answers: exact match and character overlaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.evaluation import evaluate_instruction
from finetrie.evaluation.instruction import char_f1, rouge_l
from finetrie.records import Outcome, Prediction

short = st.text(alphabet="abc 今天", max_size=8)


def longest_common_subsequence(a: str, b: str) -> int:
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + longest_common_subsequence(a[1:], b[1:])
    return max(longest_common_subsequence(a[1:], b), longest_common_subsequence(a, b[1:]))


@given(short, short)
def test_overlaps_are_symmetric_shares_and_order_only_lowers_them(a: str, b: str) -> None:
    assert 0 <= rouge_l(a, b) <= char_f1(a, b) <= 1
    assert (char_f1(a, b), rouge_l(a, b)) == (char_f1(b, a), rouge_l(b, a))
    assert char_f1(a, a) == rouge_l(a, a) == 1


@given(short, short)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(a: str, b: str) -> None:
    x, y = "".join(a.split()), "".join(b.split())
    if x or y:
        assert rouge_l(a, b) == pytest.approx(2 * longest_common_subsequence(x, y) / (len(x) + len(y)))


@given(st.lists(st.tuples(short, st.none() | short), max_size=12))
def test_every_row_is_counted_exactly_once(rows: list[tuple[str, str | None]]) -> None:
    predictions = [Prediction(str(i), answer or "", answer) for i, (_, answer) in enumerate(rows)]
    metrics = evaluate_instruction([gold for gold, _ in rows], predictions, resamples=100)
    assert sum(metrics["outcomes"].values()) == metrics["n"] == len(rows)
    if rows:
        low, high = metrics["char_f1_ci"]
        assert 0 <= low <= high <= 1


def test_a_row_without_an_answer_scores_zero_and_keeps_its_reason() -> None:
    rows = [
        Prediction("a", " 北京 ", " 北京 "),
        Prediction("b", "北平", "北平"),
        Prediction("c", "北京", None),
        Prediction("d", "北京", "北京", Outcome.FAILED),
    ]
    metrics = evaluate_instruction(["北京"] * 4, rows, seconds=2.0, resamples=200)
    assert metrics["outcomes"] == {"correct": 1, "wrong": 1, "out_of_label_set": 0, "unparsable": 1, "failed": 1}
    assert metrics["exact_match"] == 0.25
    assert metrics["char_f1"] == pytest.approx((1 + 0.5) / 4)
    assert metrics["char_f1_ci"][0] <= metrics["char_f1"] <= metrics["char_f1_ci"][1]
    assert metrics["rows_per_second"] == 2.0


def test_no_rows_have_no_scores() -> None:
    metrics = evaluate_instruction([], [])
    assert (metrics["exact_match"], metrics["char_f1"], metrics["rouge_l_ci"]) == (None, None, None)
