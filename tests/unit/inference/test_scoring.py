"""Label scores are exact, whatever the labels and prompts, and however they are batched."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.inference import LabelScores, LocalEngine, Sizes
from tests.conftest import FAMILIES
from tests.unit.inference.world import STOP, Words, greedy, joint_log_probability, model, prompts, words

TINY = Sizes(tokens=12, rows=3, cache_bytes=1 << 14, logit_bytes=1 << 12, window=4)
WIDE = Sizes(tokens=1 << 14, rows=64, cache_bytes=1 << 28, logit_bytes=1 << 28)

token = st.integers(0, 6)  # few tokens, so that prompts and labels share beginnings
label_sets = st.lists(st.lists(token, min_size=1, max_size=4).map(tuple), min_size=1, max_size=8, unique=True)
prompt_sets = st.lists(st.lists(token, min_size=1, max_size=9), min_size=1, max_size=6)
families = st.sampled_from(FAMILIES)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, abs_tol=1e-4)


def name(label: Sequence[int]) -> str:
    return " ".join(map(str, label))


def check_against_plain(family: str, rows: Sequence[Sequence[int]], label: list[tuple[int, ...]], sizes: Sizes) -> None:
    engine = LocalEngine(model(family), words(label), sizes=sizes)
    results = list(engine.score(prompts(rows), [[name(one) for one in label]] * len(rows)))
    assert [result.id for result in results] == [f"row {i}" for i in range(len(rows))]
    assert engine.notices == []
    for ids, result in zip(rows, results, strict=True):
        assert result.error is None
        truth = {name(one): joint_log_probability(model(family), ids, (*one, STOP)) for one in label}
        assert list(result.log_probability) == list(truth)
        assert all(close(result.log_probability[one], truth[one]) for one in truth)
        assert result.mass is not None
        assert close(result.mass, sum(map(math.exp, truth.values())))
        assert close(sum(result.probabilities.values()), 1.0)
        total = math.log(sum(math.exp(value) for value in truth.values()))
        assert all(close(math.log(result.probabilities[one]), truth[one] - total) for one in truth)
        assert result.argmax is not None
        assert truth[result.argmax] >= max(truth.values()) - 1e-4
        assert result.undecided == 0.0


@few
@given(families, prompt_sets, label_sets, st.sampled_from([TINY, WIDE]))
def test_scores_equal_scoring_each_label_on_its_own(
    family: str, rows: list[list[int]], label: list[tuple[int, ...]], sizes: Sizes
) -> None:
    check_against_plain(family, rows, label, sizes)


@few
@given(families, st.lists(token, min_size=5, max_size=20), prompt_sets, label_sets)
def test_a_shared_beginning_of_the_prompts_changes_nothing(
    family: str, shared: list[int], rows: list[list[int]], label: list[tuple[int, ...]]
) -> None:
    check_against_plain(family, [[*shared, *ids] for ids in rows], label, WIDE)


@few
@given(families, prompt_sets, label_sets, st.sampled_from([TINY, WIDE]))
def test_the_lazily_proven_argmax_is_the_argmax_of_the_whole_distribution(
    family: str, rows: list[list[int]], label: list[tuple[int, ...]], sizes: Sizes
) -> None:
    engine = LocalEngine(model(family), words(label), sizes=sizes)
    candidates = [[name(one) for one in label]] * len(rows)
    whole = list(engine.score(prompts(rows), candidates, decodings=("probabilities", "argmax")))
    lazy = list(engine.score(prompts(rows), candidates, decodings=("argmax",)))
    for full, quick in zip(whole, lazy, strict=True):
        assert full.argmax is not None
        assert quick.argmax is not None
        assert close(full.log_probability[quick.argmax], full.log_probability[full.argmax])
        assert all(close(full.log_probability[one], value) for one, value in quick.log_probability.items())


@few
@given(families, prompt_sets, st.sets(st.tuples(token, token, token), min_size=2, max_size=30))
def test_an_argmax_is_proven_not_guessed(family: str, rows: list[list[int]], label: set[tuple[int, ...]]) -> None:
    """Without an end token, which a random model finds improbable everywhere, the bounds are close to each other."""
    wording = Words({name(one): one for one in sorted(label)})
    names = list(wording.ids)
    engine = LocalEngine(model(family), wording)
    for ids, result in zip(rows, engine.score(prompts(rows), [names] * len(rows), decodings=("argmax",)), strict=True):
        truth = {one: joint_log_probability(model(family), ids, wording.ids[one]) for one in names}
        assert result.argmax is not None
        assert close(truth[result.argmax], max(truth.values()))


@few
@given(families, prompt_sets, label_sets, st.sampled_from([TINY, WIDE]), st.booleans())
def test_free_is_what_generate_says_and_constrained_what_it_says_with_other_tokens_forbidden(
    family: str, rows: list[list[int]], label: list[tuple[int, ...]], sizes: Sizes, whole: bool
) -> None:
    engine = LocalEngine(model(family), words(label), sizes=sizes)
    decodings = ("free", "constrained", "probabilities") if whole else ("free", "constrained")
    results = list(engine.score(prompts(rows), [[name(one) for one in label]] * len(rows), decodings=decodings))
    limit = max(map(len, label)) + 1
    for ids, result in zip(rows, results, strict=True):
        said = greedy(model(family), ids, limit=limit)
        assert result.free == name([t for t in said if t != STOP])
        assert result.free_finished == ("stop" if said[-1] == STOP else "length")

        def allowed(_: int, so_far: object, start: int = len(ids)) -> list[int]:
            done = tuple(so_far.tolist()[start:])  # type: ignore[attr-defined]
            ended = [(*one, STOP) for one in label]
            return [one[len(done)] for one in ended if one[: len(done)] == done]

        kept = greedy(model(family), ids, limit=limit, prefix_allowed_tokens_fn=allowed)
        assert result.constrained == name(kept[:-1])
        assert result.argmax is None


@pytest.mark.parametrize("family", FAMILIES)
def test_two_hundred_labels_are_scored_exactly(family: str) -> None:
    label = [(9, first, second) for first in range(20) for second in range(10)]
    check_against_plain(family, [[1, 2, 3], [1, 2, 4, 5]], label, Sizes(1 << 10, 8, 1 << 26, 1 << 17))


def test_rows_have_candidates_of_their_own() -> None:
    engine = LocalEngine(model("qwen2"), words([(1,), (2, 3), (4,), (2, 5)]))
    rows = prompts([[1, 2], [1, 3], [1, 2]])
    first, second, third = engine.score(rows, [["1", "2 3"], ["4"], ["2 5", "4", "2 3"]])
    assert set(first.probabilities) == {"1", "2 3"}
    assert second.probabilities == {"4": 1.0}
    assert list(third.probabilities) == ["2 5", "4", "2 3"]
    assert close(first.log_probability["2 3"], third.log_probability["2 3"])


def large() -> tuple[Words, list[str]]:
    """960 labels whose trie is too large to compute whole; without an end token, which a random model never says."""
    ids = {f"{a} {b} {c}": (a, b, c) for a in range(16) for b in range(20) for c in range(3)}
    return Words(ids), list(ids)


def test_a_large_label_set_can_leave_a_bounded_share_undecided() -> None:
    wording, names = large()
    rows = prompts([[1, 2, 3], [1, 2, 4, 5]])
    exact = list(LocalEngine(model("qwen2"), wording, tolerance=0).score(rows, [names] * 2))
    rough = list(LocalEngine(model("qwen2"), wording, tolerance=0.2).score(rows, [names] * 2))
    for a, b in zip(exact, rough, strict=True):
        assert a.undecided == 0.0
        assert 0 < b.undecided <= 0.2
        assert len(b.log_probability) < len(a.log_probability) == len(names)
        assert b.argmax == a.argmax
        assert b.constrained == a.constrained
        assert b.free == a.free
        missed = sum(value for one, value in a.probabilities.items() if one not in b.log_probability)
        assert missed <= b.undecided + 1e-6
        assert all(abs(a.probabilities[one] - b.probabilities[one]) <= b.undecided + 1e-6 for one in names)


def test_an_argmax_alone_computes_fewer_labels() -> None:
    wording, names = large()
    (result,) = LocalEngine(model("llama"), wording).score(prompts([[1, 2, 3]]), [names], decodings=("argmax",))
    assert 0 < len(result.log_probability) < len(names) / 2
    assert result.probabilities == {}
    assert result.mass is None


def test_equal_prompts_get_equal_answers_and_a_label_given_twice_counts_once() -> None:
    engine = LocalEngine(model("glm4"), words([(1,), (2,)]))
    first, second = engine.score(prompts([[1, 2, 3], [1, 2, 3]]), [["1", "2", "1"], ["1", "2"]])
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)


def test_a_row_without_a_usable_label_or_prompt_fails_alone() -> None:
    engine = LocalEngine(model("qwen3"), words([(1,), (2,)]))
    rows = prompts([[1, 2], [], [1, 2], [3]])
    results = list(engine.score(rows, [["1"], ["1"], [], ["2"]]))
    assert [result.error is None for result in results] == [True, False, False, True]
    assert "no tokens" in str(results[1].error)
    assert "no candidate label" in str(results[2].error)


def test_labels_that_cannot_be_told_apart_are_named() -> None:
    twins = words([(1,)])
    twins = type(twins)({"a": (1, STOP), "b": (1, STOP)})
    (result,) = LocalEngine(model("qwen2"), twins).score(prompts([[1, 2]]), [["a", "b"]])
    assert "'a' and 'b' have the same tokens" in str(result.error)


def test_the_model_is_left_in_the_mode_it_was_in_between_results_too() -> None:
    import torch

    mine = model("qwen2")
    mine.train()
    mine.model.layers[0].eval()
    try:
        engine = LocalEngine(mine, words([(1,), (2,)]))
        results = engine.score(prompts([[1, 2], [3]]), [["1", "2"]] * 2)
        next(results)
        assert mine.training
        assert not mine.model.layers[0].training
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    finally:
        mine.eval()


def test_unknown_decodings_and_lists_of_different_lengths_are_refused() -> None:
    engine = LocalEngine(model("qwen2"), words([(1,)]))
    with pytest.raises(ValueError, match="unknown decodings"):
        engine.score(prompts([[1]]), [["1"]], decodings=["beam"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="2 prompts, but candidate labels for 1"):
        engine.score(prompts([[1], [2]]), [["1"]])


def test_computing_every_label_on_its_own_gives_the_same_results() -> None:
    label = [(1,), (1, 2), (3, 4)]
    names = [[name(one) for one in label]] * 3
    rows = prompts([[1, 2], [3, 1, 2, 5], [1]])

    def essence(result: LabelScores) -> tuple[object, ...]:
        return result.argmax, result.constrained, result.free, result.free_finished

    shared = list(LocalEngine(model("qwen3"), words(label)).score(rows, names))
    alone = list(LocalEngine(model("qwen3"), words(label), share=False).score(rows, names))
    for a, b in zip(shared, alone, strict=True):
        assert essence(a) == essence(b)
        assert a.log_probability == pytest.approx(b.log_probability, abs=1e-4)


@pytest.mark.parametrize("share", [True, False])
def test_the_vocabulary_matrix_is_never_copied_for_a_row(share: bool) -> None:
    """PyTorch multiplies hidden states that are not contiguous by one copy of the matrix a row."""
    label = [(5, 1), (5, 2, 3), (5, 2, 4)]  # all begin alike, so that several positions of a pass are kept
    mine = model("qwen2")
    seen: list[tuple[int, ...]] = []

    def look(module: object, arguments: tuple[torch.Tensor, ...]) -> None:
        assert arguments[0].is_contiguous()
        seen.append(tuple(arguments[0].shape))

    handle = mine.get_output_embeddings().register_forward_pre_hook(look)
    try:
        engine = LocalEngine(mine, words(label), sizes=WIDE, share=share)
        list(engine.score(prompts([[1, 2, 3], [1, 2], [1, 4]]), [[name(one) for one in label]] * 3))
    finally:
        handle.remove()
    assert max(rows * kept for rows, kept, _ in seen) > 3
