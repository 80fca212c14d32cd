"""Two results on the same rows: every test against an exact or a plain one, every level kept in simulation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, norm
from sklearn.metrics import f1_score

from finetrie.evaluation import evaluate_classification, evaluate_entities, evaluate_instruction
from finetrie.evaluation.ledger import classify_outcomes
from finetrie.evaluation.paired import (
    PairedTest,
    bootstrap_differences,
    detectable_share,
    holm,
    mcnemar,
    paired_test,
    randomisation,
    share_interval,
    with_holm,
)
from finetrie.evaluation.row_counts import (
    METRICS,
    RowCounts,
    entity_f1_counts,
    macro_f1_counts,
    mean_counts,
    row_counts,
    share_counts,
)
from finetrie.records import Outcome, Prediction, Span

LABELS = ("a", "b", "c")


def shares(both: int, lost: int, won: int, neither: int) -> tuple[RowCounts, RowCounts]:
    a = [True] * (both + lost) + [False] * (won + neither)
    b = [True] * both + [False] * lost + [True] * won + [False] * neither
    return share_counts("accuracy", a), share_counts("accuracy", b)


@pytest.mark.parametrize(
    ("right", "lost", "won"),
    [
        pytest.param(141, 30, 12, id="141 against 123 right"),
        pytest.param(160, 27, 10, id="160 against 143 right"),
        pytest.param(181, 22, 7, id="181 against 166 right"),
    ],
)
def test_220_rows_are_p_080_as_two_samples_and_p_008_as_pairs(right: int, lost: int, won: int) -> None:
    a, b = shares(right - lost, lost, won, 220 - right - won)
    counts = [round(220 * result.value) for result in (a, b)]
    unpaired = chi2_contingency([[n, 220 - n] for n in counts], correction=False).pvalue  # = two-proportion z test
    assert round(float(unpaired), 3) == 0.080
    assert round(paired_test(a, b).p or 0, 3) == 0.008


@given(st.integers(0, 12), st.integers(0, 12))
def test_mcnemar_counts_the_coin_tosses_that_are_as_uneven(lost: int, won: int) -> None:
    tosses = lost + won
    uneven = sum(comb(tosses, heads) for heads in range(tosses + 1) if abs(2 * heads - tosses) >= abs(won - lost))
    assert mcnemar(lost, won) == pytest.approx(uneven / 2**tosses)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """Each hypothesis gets the largest Bonferroni p of all the intersections that it is part of."""
    everyone = range(len(p_values))
    groups = [group for size in everyone for group in combinations(everyone, size + 1)]
    closed = [
        max(min(1.0, len(group) * min(p_values[i] for i in group)) for group in groups if one in group)
        for one in everyone
    ]
    assert holm(p_values) == pytest.approx(closed)


def test_holm_counts_only_tests_that_have_a_p() -> None:
    def test(p: float | None) -> PairedTest:
        return PairedTest("accuracy", None, None, None, None, p, "exact McNemar", None)

    assert [t.p_holm for t in with_holm([test(0.03), test(None), test(0.02)])] == [pytest.approx(0.04), None, 0.04]
    assert holm([]) == []


def random_answers(draw: np.random.Generator, gold: Sequence[str], *, skill: float) -> list[str | None]:
    other = draw.choice([*LABELS, None], size=len(gold))
    return [truth if draw.random() < skill else said for truth, said in zip(gold, other.tolist(), strict=True)]


def test_macro_f1_of_row_counts_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    gold = draw.choice(LABELS, size=60).tolist()
    answers = random_answers(draw, gold, skill=0.5)
    plain = f1_score(gold, [a or "none" for a in answers], labels=list(LABELS), average="macro", zero_division=0)
    assert macro_f1_counts(gold, answers, labels=LABELS).value == pytest.approx(plain)


def classified(gold: Sequence[str], answers: Sequence[str | None]) -> list[Prediction]:
    said = [Prediction(str(i), a or "", a) for i, a in enumerate(answers)]
    outcomes = classify_outcomes(gold, said, labels=LABELS)
    return [Prediction(p.id, p.completion, p.answer, o) for p, o in zip(said, outcomes, strict=True)]


def test_every_score_is_the_one_of_metrics_json() -> None:
    draw = np.random.default_rng(1)
    gold = [*draw.choice(LABELS, size=40).tolist(), "unseen"]
    predictions = classified(gold, [*random_answers(draw, gold[:-1], skill=0.6), "a"])
    metrics = evaluate_classification(gold, predictions, labels=LABELS, resamples=100)
    for name, value in (("accuracy", metrics["accuracy"]), ("macro_f1", metrics["macro"]["f1"])):
        assert row_counts("classification", name, gold, predictions, labels=LABELS).value == pytest.approx(value), name

    spans = [random_spans(draw) for _ in range(20)]
    found = [
        Prediction(str(i), "", random_spans(draw) | set(sorted(s)[:2]), Outcome.WRONG) for i, s in enumerate(spans)
    ]
    documents = [sorted(s) for s in spans]
    entities = evaluate_entities(documents, found, labels=LABELS, resamples=100)
    for name, value in (("entity_f1", entities["micro"]["f1"]), ("macro_f1", entities["macro"]["f1"])):
        assert row_counts("ner", name, documents, found, labels=LABELS).value == pytest.approx(value), name

    texts, said = ["中文 答案", "yes", "no"], ["中文 回答", "yes", ""]
    answers = [
        Prediction(str(i), s, s, Outcome.CORRECT if s == t else Outcome.WRONG)
        for i, (t, s) in enumerate(zip(texts, said, strict=True))
    ]
    free = evaluate_instruction(texts, answers, resamples=100)
    for name in METRICS["instruction"]:
        counted = row_counts("instruction", name, texts, answers, labels=()).value
        assert counted == pytest.approx(free[name], abs=1e-4), name


def random_spans(draw: np.random.Generator) -> set[Span]:
    return {Span(int(s), int(s) + 2, str(draw.choice(LABELS))) for s in draw.integers(0, 12, size=draw.integers(0, 4))}


def exhaustive(gold: Sequence[str], a: Sequence[str | None], b: Sequence[str | None]) -> float:
    """p over every possible exchange of the rows' answers, scored one by one with scikit-learn."""

    def score(answers: Sequence[str | None]) -> float:
        said = [answer or "none" for answer in answers]
        named = [label for label in LABELS if label in gold or label in said]
        return float(f1_score(gold, said, labels=named, average="macro", zero_division=0))

    observed, as_far = abs(score(b) - score(a)), 0
    for exchanged in product((False, True), repeat=len(gold)):
        one = [y if swap else x for x, y, swap in zip(a, b, exchanged, strict=True)]
        two = [x if swap else y for x, y, swap in zip(a, b, exchanged, strict=True)]
        as_far += abs(score(two) - score(one)) >= observed - 1e-12
    return as_far / 2 ** len(gold)


@pytest.mark.parametrize("seed", range(2))
def test_randomisation_estimates_the_p_of_all_exchanges(seed: int) -> None:
    draw = np.random.default_rng(seed)
    gold = draw.choice(LABELS, size=7).tolist()
    a, b = (random_answers(draw, gold, skill=skill) for skill in (0.3, 0.8))
    counts = [macro_f1_counts(gold, answers, labels=LABELS) for answers in (a, b)]
    assert randomisation(*counts, resamples=20_000) == pytest.approx(exhaustive(gold, a, b), abs=0.015)


def test_randomisation_of_a_share_is_mcnemars_test() -> None:
    a, b = shares(20, 9, 3, 8)
    assert randomisation(a, b, resamples=40_000) == pytest.approx(mcnemar(9, 3), abs=0.01)


def test_resampled_differences_are_those_of_a_loop_over_rows() -> None:
    draw = np.random.default_rng(5)
    gold = np.array(draw.choice(LABELS, size=50).tolist())
    a, b = (np.array([x or "none" for x in random_answers(draw, gold.tolist(), skill=s)]) for s in (0.4, 0.7))

    def score(answers: Any, rows: Any) -> float:
        truth, said = gold[rows], answers[rows]
        named = [label for label in LABELS if label in truth or label in said]
        hits = [((truth == label) & (said == label)).sum() for label in named]
        sizes = [(truth == label).sum() + (said == label).sum() for label in named]
        return float(np.mean([2 * h / n for h, n in zip(hits, sizes, strict=True)]))

    picks = draw.integers(0, 50, size=(4000, 50))
    loop = np.array([score(b, rows) - score(a, rows) for rows in picks])
    counts = [macro_f1_counts(gold.tolist(), answers.tolist(), labels=LABELS) for answers in (a, b)]
    fast = bootstrap_differences(*counts, resamples=20_000)
    assert fast.mean() == pytest.approx(loop.mean(), abs=4 * loop.std() / sqrt(len(loop)))
    assert np.quantile(fast, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(loop, [0.025, 0.5, 0.975]), abs=0.012)


def test_blocks_do_not_change_a_p_value(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(2)
    gold = draw.choice(LABELS, size=40).tolist()
    counts = [macro_f1_counts(gold, random_answers(draw, gold, skill=s), labels=LABELS) for s in (0.4, 0.6)]
    whole = randomisation(*counts, resamples=300)
    monkeypatch.setattr("finetrie.evaluation.intervals.CELLS_AT_ONCE", 50)
    assert randomisation(*counts, resamples=300) == whole


@pytest.mark.parametrize("disagreement", [(0.05, 0.05), (0.02, 0.10), (0.01, 0.01), (0.2, 0.1)])
def test_the_interval_of_two_shares_covers_the_truth(disagreement: tuple[float, float]) -> None:
    lost, won = disagreement
    drawn = np.random.default_rng(0).multinomial(120, [lost, won, 1 - lost - won], size=4000)
    kinds, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    intervals = [share_interval(int(fell), int(rose), 120) or [0.0, 0.0] for fell, rose in kinds]
    covered = sum(int(n) for (low, high), n in zip(intervals, counts, strict=True) if low <= won - lost <= high)
    assert 0.94 <= covered / 4000 <= 0.999, covered / 4000  # rare disagreement makes it cautious


def test_two_models_that_agree_everywhere_are_not_proven_equal() -> None:
    test = paired_test(*shares(90, 0, 0, 10))
    assert (test.difference, test.p) == (0.0, 1.0)
    low, high = test.interval or [0.0, 0.0]
    assert low == -high
    assert high > 0.01, "100 rows cannot exclude a small difference"
    assert (test.detectable or 0) > 0.05


def simulated(draw: np.random.Generator, rows: int, *, a: float, b: float) -> list[RowCounts]:
    """Two classifiers whose mistakes fall on the same hard rows more often than by chance."""
    gold = draw.choice(LABELS, size=rows, p=[0.5, 0.3, 0.2])
    ease = draw.random(rows)
    wrong = np.array([LABELS[(LABELS.index(g) + 1) % 3] for g in gold])
    results = []
    for skill in (a, b):
        right = 0.7 * ease + 0.3 * draw.random(rows) < skill
        results.append(macro_f1_counts(gold.tolist(), np.where(right, gold, wrong).tolist(), labels=LABELS))
    return results


def test_randomisation_raises_a_false_alarm_as_often_as_it_says() -> None:
    draw = np.random.default_rng(7)
    found = [randomisation(*simulated(draw, 120, a=0.6, b=0.6), resamples=200, seed=i) for i in range(400)]
    alarms = np.mean([p is not None and p <= 0.05 for p in found])
    assert 0.02 <= alarms <= 0.08, alarms


def test_the_bootstrap_interval_of_a_difference_covers_the_truth() -> None:
    draw = np.random.default_rng(8)
    many = simulated(draw, 200_000, a=0.6, b=0.66)
    truth = many[1].value - many[0].value
    covered = 0
    for trial in range(200):
        low, high = paired_test(*simulated(draw, 200, a=0.6, b=0.66), resamples=300, seed=trial).interval or [0.0, 0.0]
        covered += low <= truth <= high
    assert 0.90 <= covered / 200 <= 0.985, covered / 200


def test_pairs_show_what_two_separate_samples_hide() -> None:
    draw = np.random.default_rng(3)
    a, b = simulated(draw, 300, a=0.6, b=0.68)
    paired = paired_test(a, b, resamples=2000)
    shuffled = RowCounts(b.metric, draw.permutation(b.kinds), b.table, b.score)
    alone = paired_test(a, shuffled, resamples=2000)
    assert (paired.p or 1) < (alone.p or 0)
    assert (paired.detectable or 1) < (alone.detectable or 0)


@pytest.mark.parametrize("rows", [200, 1000])
def test_the_detectable_difference_is_found_four_times_in_five(rows: int) -> None:
    discordance = 0.2
    difference = detectable_share(discordance, rows) or 0.0
    won, lost = (discordance + difference) / 2, (discordance - difference) / 2
    drawn = np.random.default_rng(0).multinomial(rows, [lost, won, 1 - discordance], size=1000)
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    found = sum(n for (fell, rose, _), n in zip(kinds, counts, strict=True) if mcnemar(int(fell), int(rose)) <= 0.05)
    found /= len(drawn)
    assert 0.74 <= found <= 0.84, found  # the exact test keeps its level, which costs it a little power


@given(st.floats(0.0, 1.0), st.integers(5, 100_000))
def test_the_detectable_difference_solves_connors_sample_size(discordance: float, rows: int) -> None:
    difference = detectable_share(discordance, rows)
    assert difference is not None
    assert 0 < difference <= 1
    psi = max(discordance, difference)
    z1, z2 = norm.isf(0.025), norm.ppf(0.8)
    needed = (z1 * sqrt(psi) + z2 * sqrt(max(0.0, psi - difference**2))) ** 2 / difference**2
    assert needed == pytest.approx(rows, rel=1e-6)


def test_hardly_any_rows_detect_nothing() -> None:
    assert detectable_share(0.5, 3) is None
    assert share_interval(0, 0, 0) is None


def test_scores_that_do_not_exist_are_not_compared() -> None:
    none = entity_f1_counts("entity_f1", np.zeros((4, 6), dtype=np.int64))
    test = paired_test(none, none, resamples=100)
    assert (test.a, test.difference, test.interval, test.p, test.detectable) == (None, None, None, None, None)


def test_means_are_compared_row_by_row() -> None:
    draw = np.random.default_rng(0)
    quality = draw.random(80)
    a, b = mean_counts("char_f1", (0.8 * quality).tolist()), mean_counts("char_f1", (0.8 * quality + 0.1).tolist())
    test = paired_test(a, b, resamples=1000)
    assert test.difference == pytest.approx(0.1, abs=1e-4)
    assert (test.p or 1) < 0.01
    assert paired_test(a, a, resamples=100).p == 1.0


def test_only_the_same_score_of_the_same_rows_is_compared() -> None:
    with pytest.raises(ValueError, match="not the same score of the same rows"):
        paired_test(share_counts("accuracy", [True]), share_counts("accuracy", [True, False]))
