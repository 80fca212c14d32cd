"""Entity scores against an independent brute force, then the hard cases by name."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.evaluation import evaluate_entities, pair_errors
from finetrie.files import plain
from finetrie.records import Mention, Outcome, Prediction, Span

LABELS = ("PER", "ORG", "LOC")

some_span = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 6),
    st.integers(1, 3),
    st.sampled_from((*LABELS, "ODD")),
)
some_spans = st.lists(some_span, max_size=5)
some_ghosts = st.lists(st.builds(Mention, st.sampled_from(["甲", "乙"]), st.sampled_from((*LABELS, "ODD"))), max_size=2)
some_document = st.tuples(some_spans, st.none() | some_spans, some_ghosts)
Document = tuple[list[Span], "list[Span] | None", list[Mention]]


def evaluate(documents: list[Document], **more: Any) -> dict[str, Any]:
    predicted = [
        Prediction(str(i), "...", None if found is None else tuple(found), details={"hallucinated": ghosts})
        for i, (_, found, ghosts) in enumerate(documents)
    ]
    return evaluate_entities([g for g, _, _ in documents], predicted, labels=LABELS, **{"resamples": 200, **more})


def brute_force(documents: list[Document], label: str | None) -> tuple[int, int, int]:
    """Right, predicted, gold by comparing every entity with every other, in the plainest way."""
    right = predicted = gold = 0
    for truth, found, ghosts in documents:
        wanted = [s for i, s in enumerate(truth) if s not in truth[:i] and label in (None, s.label)]
        said = [s for i, s in enumerate(found or []) if s not in (found or [])[:i] and label in (None, s.label)]
        gold += len(wanted)
        predicted += len(said)
        if found is not None:
            predicted += len([m for m in ghosts if label in (None, m.label)])
        for s in said:
            for w in wanted:
                if s.start == w.start and s.end == w.end and s.label == w.label:
                    right += 1
    return right, predicted, gold


@given(st.lists(some_document, max_size=8))
def test_scores_are_those_of_comparing_every_entity_with_every_other(documents: list[Document]) -> None:
    metrics = evaluate(documents)
    rows = {label: brute_force(documents, label) for label in LABELS}
    for mine, (right, predicted, gold) in [
        (metrics["micro"], brute_force(documents, None)),
        *((metrics["per_label"][label], counts) for label, counts in rows.items()),
    ]:
        if predicted + gold == 0:
            assert (mine["precision"], mine["recall"], mine["f1"]) == (None, None, None)
            continue
        precision, recall = right / max(predicted, 1), right / max(gold, 1)
        assert mine["precision"] == pytest.approx(precision)
        assert mine["recall"] == pytest.approx(recall)
        assert mine["f1"] == pytest.approx(2 * precision * recall / (precision + recall) if right else 0.0)
    counted = [metrics["per_label"][label]["f1"] for label, (_, p, g) in rows.items() if p + g]
    assert metrics["macro"]["f1"] == (pytest.approx(np.mean(counted)) if counted else None)


@given(st.lists(some_document, max_size=8))
def test_every_row_and_every_entity_is_counted_exactly_once(documents: list[Document]) -> None:
    metrics = evaluate(documents)
    errors = metrics["errors"]
    assert sum(metrics["outcomes"].values()) == len(documents)
    paired = metrics["correct_entities"] + errors["wrong_type"] + errors["partial"]
    assert paired + errors["missed"] == metrics["gold_entities"]
    assert paired + errors["spurious"] + errors["hallucinated"] == metrics["predicted_entities"]


@given(some_spans, some_spans)
def test_pairing_is_one_to_one_and_leaves_no_pair_apart(gold: list[Span], found: list[Span]) -> None:
    errors = pair_errors(gold, found)
    pairs = [*errors.wrong_type, *errors.partial]
    assert Counter([g for g, _ in pairs] + list(errors.missed)) == Counter(set(gold) - set(found))
    assert Counter([f for _, f in pairs] + list(errors.spurious)) == Counter(set(found) - set(gold))
    assert all((g.start, g.end) == (f.start, f.end) and g.label != f.label for g, f in errors.wrong_type)
    assert all(g.start < f.end and f.start < g.end for g, f in pairs)
    assert not any(g.start < f.end and f.start < g.end for g in errors.missed for f in errors.spurious)


@given(st.lists(some_spans, min_size=1, max_size=6))
def test_gold_answers_are_right_in_every_row(gold: list[list[Span]]) -> None:
    metrics = evaluate([([s for s in spans if s.label in LABELS],) * 2 + ([],) for spans in gold])
    assert metrics["outcomes"]["correct"] == len(gold)
    assert metrics["micro"]["f1"] in (None, 1.0)
    assert not any(metrics["errors"].values())


@given(st.lists(some_document, max_size=6))
def test_metrics_are_json_without_nan(documents: list[Document]) -> None:
    metrics = evaluate(documents)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == plain(metrics)


def test_metrics_hold_the_keys_that_scripts_rely_on() -> None:
    metrics = evaluate([([Span(0, 2, "PER")], [Span(0, 2, "PER")], [])])
    assert {
        "n", "micro", "micro_f1_ci", "macro", "per_label", "errors", "unparsable", "out_of_label_set", "alignment",
    } <= set(metrics)  # fmt: skip
    assert set(metrics["errors"]) == {"wrong_type", "partial", "missed", "spurious", "hallucinated"}


@pytest.mark.parametrize(
    ("gold", "found", "kind"),
    [
        pytest.param([Span(0, 2, "PER")], [Span(0, 2, "ORG")], "wrong_type", id="right words, wrong label"),
        pytest.param([Span(0, 4, "PER")], [Span(0, 3, "PER")], "partial", id="too short"),
        pytest.param([Span(0, 4, "PER")], [Span(2, 6, "LOC")], "partial", id="overlap with another label"),
        pytest.param([Span(0, 4, "PER")], [], "missed", id="missed"),
        pytest.param([], [Span(0, 4, "PER")], "spurious", id="invented place"),
        pytest.param([Span(0, 2, "PER")], [Span(0, 2, "PER"), Span(2, 4, "PER")], "spurious", id="only touching"),
    ],
)
def test_each_kind_of_error_has_its_name(gold: list[Span], found: list[Span], kind: str) -> None:
    errors = evaluate([(gold, found, [])])["errors"]
    assert {name: n for name, n in errors.items() if n} == {kind: 1}


def test_the_same_words_win_over_the_same_label() -> None:
    errors = pair_errors([Span(0, 2, "PER"), Span(0, 9, "LOC")], [Span(0, 2, "LOC")])
    assert errors.wrong_type == ((Span(0, 2, "PER"), Span(0, 2, "LOC")),)
    assert errors.missed == (Span(0, 9, "LOC"),)


def test_the_longest_overlap_wins_then_the_same_label() -> None:
    errors = pair_errors([Span(0, 3, "PER"), Span(3, 9, "ORG")], [Span(2, 8, "PER")])
    assert errors.partial == ((Span(3, 9, "ORG"), Span(2, 8, "PER")),)
    errors = pair_errors([Span(0, 3, "PER"), Span(3, 6, "ORG")], [Span(1, 5, "ORG")])
    assert errors.partial == ((Span(3, 6, "ORG"), Span(1, 5, "ORG")),)


def test_words_that_the_text_does_not_hold_are_a_wrong_entity_and_spoil_the_row() -> None:
    metrics = evaluate([([Span(0, 2, "PER")], [Span(0, 2, "PER")], [Mention("甲", "ORG")])])
    assert metrics["errors"]["hallucinated"] == 1
    assert (metrics["outcomes"]["correct"], metrics["outcomes"]["wrong"]) == (0, 1)
    assert (metrics["micro"]["precision"], metrics["micro"]["recall"]) == (0.5, 1.0)
    assert metrics["per_label"]["ORG"]["precision"] == 0.0


def test_a_span_given_twice_counts_once_and_nested_spans_each_count() -> None:
    inner, outer = Span(0, 2, "LOC"), Span(0, 4, "ORG")
    metrics = evaluate([([inner, outer], [inner, inner, outer], [])])
    assert (metrics["predicted_entities"], metrics["micro"]["f1"]) == (2, 1.0)
    assert metrics["outcomes"]["correct"] == 1


def test_right_span_in_the_wrong_document_is_wrong_twice() -> None:
    metrics = evaluate([([Span(0, 2, "PER")], [], []), ([], [Span(0, 2, "PER")], [])])
    assert metrics["micro"]["f1"] == 0.0
    assert (metrics["errors"]["missed"], metrics["errors"]["spurious"]) == (1, 1)


def test_a_label_outside_the_set_is_counted_shown_and_never_averaged() -> None:
    gold = [[Span(0, 2, "PER")]]
    answer = Prediction(
        "7", "...", (Span(0, 2, "PER"), Span(2, 4, "DATE")), details={"hallucinated": [("明年", "DATE")]}
    )
    metrics = evaluate_entities(gold, [answer], labels=LABELS, texts=["张三昨天"], resamples=100)
    assert metrics["outcomes"]["out_of_label_set"] == 1
    assert metrics["out_of_label_set"] == {
        "count": 2,
        "rows": 1,
        "examples": [{"answer": "DATE: 昨天", "count": 1, "id": "7"}, {"answer": "DATE: 明年", "count": 1, "id": "7"}],
    }
    assert metrics["micro"]["precision"] == pytest.approx(1 / 3)
    assert metrics["macro"]["precision"] == 1.0
    assert set(metrics["per_label"]) == set(LABELS)


def test_unreadable_and_failed_rows_miss_their_entities() -> None:
    gold = [[Span(0, 2, "PER")], [Span(0, 2, "PER")], []]
    rows = [Prediction("a", "{", None), Prediction("b", "", None, Outcome.FAILED), Prediction("c", "", ())]
    metrics = evaluate_entities(gold, rows, labels=LABELS, resamples=100)
    assert metrics["outcomes"] == {"correct": 1, "wrong": 0, "out_of_label_set": 0, "unparsable": 1, "failed": 1}
    assert metrics["errors"]["missed"] == 2


def test_alignment_tiers_are_added_up() -> None:
    rows = [
        Prediction("a", "", (), details={"alignment": {"cursor": 2}}),
        Prediction("b", "", (), details={"alignment": {"cursor": 1, "fuzzy": 1}}),
        Prediction("c", "", ()),
    ]
    assert evaluate_entities([[], [], []], rows, labels=LABELS)["alignment"] == {"cursor": 3, "fuzzy": 1}


def test_the_interval_is_that_of_drawing_documents_one_by_one() -> None:
    draw = np.random.default_rng(0)
    documents: list[Document] = []
    for _ in range(80):
        gold = [Span(3 * i, 3 * i + 2, str(draw.choice(LABELS))) for i in range(draw.integers(0, 5))]
        documents.append((gold, [s for s in gold if draw.random() < 0.7] + [Span(50, 52, "PER")], []))
    low, high = evaluate(documents, resamples=4000)["micro_f1_ci"]
    counts = np.array([brute_force([document], None) for document in documents])
    totals = [counts[draw.integers(80, size=80)].sum(axis=0) for _ in range(4000)]
    drawn = [2 * right / (predicted + gold) for right, predicted, gold in totals]
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)


def test_no_documents_and_no_entities_have_no_scores_and_no_crash() -> None:
    for documents in ([], [([], [], [])]):
        metrics = evaluate(documents)
        assert (metrics["micro"]["f1"], metrics["micro_f1_ci"], metrics["macro"]["f1"]) == (None, None, None)


def test_the_interval_of_entity_f1_covers_the_truth_as_often_as_it_says() -> None:
    """Documents whose entities are found together or missed together: drawing entities would be too sure."""
    draw = np.random.default_rng(0)

    def documents(count: int) -> tuple[list[list[Span]], list[Prediction]]:
        sizes, skill, extra = draw.integers(0, 4, count), draw.beta(1.5, 0.7, count), draw.poisson(0.3, count)
        gold = [[Span(10 * i, 10 * i + 2, "PER") for i in range(n)] for n in sizes]
        found = [[s for s in spans if draw.random() < p] for spans, p in zip(gold, skill, strict=True)]
        wrong = [[Span(1000 + i, 1001 + i, "PER") for i in range(n)] for n in extra]
        return gold, [Prediction(str(i), "", (*f, *w)) for i, (f, w) in enumerate(zip(found, wrong, strict=True))]

    truth = evaluate_entities(*documents(20_000), labels=["PER"], resamples=100)["micro"]["f1"]
    covered = 0
    for trial in range(200):
        found = evaluate_entities(*documents(80), labels=["PER"], resamples=300, seed=trial, confidence=0.9)
        low, high = found["micro_f1_ci"]
        covered += low <= truth <= high
    assert 0.84 <= covered / 200 <= 0.96, covered / 200
