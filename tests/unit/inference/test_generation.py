"""Every answer is the one its prompt gets alone, whatever else is in the batch and however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.inference import LocalEngine, Sizes
from finetrie.inference.batching import attempt, ranges
from tests.conftest import FAMILIES, tiny_model
from tests.unit.inference.world import STOP, Words, greedy, joint_log_probability, model, prompts

TINY = Sizes(tokens=12, rows=3, cache_bytes=1 << 15, logit_bytes=1 << 12, window=4)
WIDE = Sizes(tokens=1 << 14, rows=64, cache_bytes=1 << 28, logit_bytes=1 << 28)

token = st.integers(0, 255)
prompt_sets = st.lists(st.lists(token, min_size=1, max_size=9), min_size=1, max_size=8)
families = st.sampled_from(FAMILIES)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stopping(family: str, rows: Sequence[Sequence[int]], *, limit: int) -> Words:
    """Stop tokens that these prompts' answers really contain, at different places."""
    said = [greedy(model(family), ids, limit=limit) for ids in rows]
    return Words({}, stop_ids=frozenset({STOP, *(answer[(3 * i) % len(answer)] for i, answer in enumerate(said))}))


def until_stop(said: list[int], stop_ids: frozenset[int], limit: int) -> tuple[int, ...]:
    end = next((i + 1 for i, one in enumerate(said) if one in stop_ids), limit)
    return tuple(said[: min(end, limit)])


@few
@given(families, prompt_sets, st.lists(token, max_size=12), st.integers(1, 12), st.sampled_from([TINY, WIDE]))
def test_an_answer_is_the_one_its_prompt_gets_alone(
    family: str, rows: list[list[int]], shared: list[int], limit: int, sizes: Sizes
) -> None:
    rows = [[*shared, *ids] for ids in rows]
    wording = stopping(family, rows, limit=12)
    results = list(LocalEngine(model(family), wording, sizes=sizes).generate(prompts(rows), max_new_tokens=limit))
    assert [result.id for result in results] == [f"row {i}" for i in range(len(rows))]
    for ids, result in zip(rows, results, strict=True):
        said = until_stop(greedy(model(family), ids, limit=limit), wording.stop_ids, limit)
        assert result.token_ids == said
        assert result.finished == ("stop" if said[-1] in wording.stop_ids else "length")
        assert result.text == " ".join(map(str, said[:-1] if result.finished == "stop" else said))
        assert result.log_probability == pytest.approx(joint_log_probability(model(family), ids, said), abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_many_answers_of_different_lengths_join_later_batches_unchanged(family: str) -> None:
    rows = [[1, 2, 3, i % 250, (7 * i) % 250, *range(i % 5)] for i in range(40)]
    wording = stopping(family, rows[:12], limit=30)
    sizes = Sizes(tokens=64, rows=16, cache_bytes=1 << 24, logit_bytes=1 << 20, window=32)
    results = list(LocalEngine(model(family), wording, sizes=sizes).generate(prompts(rows), max_new_tokens=30))
    lengths = {len(result.token_ids) for result in results}
    assert len(lengths) > 3, "the answers were meant to differ in length"
    for ids, result in zip(rows, results, strict=True):
        said = greedy(model(family), ids, limit=30)
        assert result.token_ids == until_stop(said, wording.stop_ids, 30)


def test_one_row_alone_and_two_equal_rows_are_answered() -> None:
    engine = LocalEngine(model("qwen2"), Words({}))
    (alone,) = engine.generate(prompts([[5]]), max_new_tokens=4)
    first, second = engine.generate(prompts([[5], [5]]), max_new_tokens=4)
    assert alone.token_ids == first.token_ids == second.token_ids == tuple(greedy(model("qwen2"), [5], limit=4))


def test_sampling_and_penalties_that_came_with_the_model_are_ignored() -> None:
    mine = tiny_model("qwen2")
    expected = greedy(mine, [1, 2, 3], limit=12)
    mine.generation_config.do_sample = True
    mine.generation_config.temperature = 5.0
    mine.generation_config.repetition_penalty = 10.0
    for share in (True, False):
        (result,) = LocalEngine(mine, Words({}), share=share).generate(prompts([[1, 2, 3]]), max_new_tokens=12)
        assert list(result.token_ids) == expected
    assert mine.generation_config.repetition_penalty == 10.0


def test_prompts_computed_one_by_one_get_the_same_answers() -> None:
    rows = [[1, 2], [1, 3, 4], [9], [1, 2, 5]]
    wording = stopping("llama", rows, limit=8)
    shared = list(LocalEngine(model("llama"), wording).generate(prompts(rows), max_new_tokens=8))
    alone = list(LocalEngine(model("llama"), wording, share=False).generate(prompts(rows), max_new_tokens=8))
    assert [r.token_ids for r in shared] == [r.token_ids for r in alone]
    assert [r.finished for r in shared] == [r.finished for r in alone]


def test_a_row_that_raises_fails_alone_and_the_others_keep_their_answers() -> None:
    mine = tiny_model("qwen2")
    forward = mine.model.embed_tokens.forward

    def embed(ids: torch.Tensor) -> torch.Tensor:
        if (ids == 66).any():
            raise RuntimeError("out of memory, as it were")
        return forward(ids)  # type: ignore[no-any-return]

    mine.model.embed_tokens.forward = embed
    rows = [[1, 2, 3], [1, 2, 66, 4], [1, 2, 5], [1, 2, 6, 7, 8], [1, 2, 9, 9, 9, 9]]
    engine = LocalEngine(mine, Words({"1": (1, STOP), "2": (2, STOP)}))
    engine._shares = True  # the probe runs two rows of its own
    completions = list(engine.generate(prompts(rows), max_new_tokens=3))
    scores = list(engine.score(prompts(rows), [["1", "2"]] * len(rows)))
    for index, (completion, score) in enumerate(zip(completions, scores, strict=True)):
        if index == 1:
            assert completion.error == score.error == "RuntimeError: out of memory, as it were"
        else:
            assert completion.error is None
            assert score.error is None
            assert list(completion.token_ids) == greedy(model("qwen2"), rows[index], limit=3)


def test_a_batch_that_fails_half_way_starts_again_without_what_it_had_said() -> None:
    mine = tiny_model("qwen2")
    rows = [[1, 2, 3], [1, 2, 4, 4], [1, 2, 5], [9, 9]]
    said = [greedy(mine, ids, limit=6) for ids in rows]
    late = said[1][3]
    assert all(late not in answer for i, answer in enumerate(said) if i != 1)
    assert late not in said[1][:3]
    forward = mine.model.embed_tokens.forward

    def embed(ids: torch.Tensor) -> torch.Tensor:
        if ids.shape[1] == 1 and (ids == late).any():
            raise MemoryError("as it were")
        return forward(ids)  # type: ignore[no-any-return]

    mine.model.embed_tokens.forward = embed
    results = list(LocalEngine(mine, Words({})).generate(prompts(rows), max_new_tokens=6))
    assert [result.error for result in results] == [None, "MemoryError: as it were", None, None]
    for index in (0, 2, 3):
        assert list(results[index].token_ids) == said[index]
        truth = joint_log_probability(model("qwen2"), rows[index], said[index])
        assert results[index].log_probability == pytest.approx(truth, abs=1e-3)


def test_a_prompt_without_tokens_fails_alone() -> None:
    first, second = LocalEngine(model("qwen2"), Words({})).generate(prompts([[], [1]]), max_new_tokens=2)
    assert first.error == "the prompt has no tokens"
    assert second.error is None


def test_a_limit_below_one_token_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        LocalEngine(model("qwen2"), Words({})).generate(prompts([[1]]), max_new_tokens=0)


@given(st.lists(st.integers(1, 30), max_size=30), st.integers(1, 60), st.integers(1, 8))
def test_ranges_cover_all_rows_within_their_bounds(lengths: list[int], tokens: int, rows: int) -> None:
    found = list(ranges(lengths, tokens=tokens, rows=rows))
    assert [i for first, last in found for i in range(first, last)] == list(range(len(lengths)))
    for first, last in found:
        assert last - first == 1 or max(lengths[first:last]) * (last - first) <= tokens
        assert last - first <= rows


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_only_the_rows_at_fault_fail(faulty: list[bool]) -> None:
    done: dict[int, Any] = {}

    def run(batch: Sequence[int]) -> None:
        if any(faulty[row] for row in batch):
            raise MemoryError
        done.update(dict.fromkeys(batch, True))

    attempt(range(len(faulty)), run, lambda row, error: done.__setitem__(row, error))
    assert done == {row: "MemoryError: " if bad else True for row, bad in enumerate(faulty)}
