"""Models that cannot continue a shared prefix are noticed, and answered all the same."""

from __future__ import annotations

import logging
from typing import Any

import peft
import pytest
import torch
import transformers

from finetrie.inference import LocalEngine
from finetrie.inference.probe import why_not_shared
from tests.conftest import FAMILIES, tiny_model
from tests.unit.inference.world import STOP, greedy, joint_log_probability, model, prompts, words

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing"),  # peft asks transformers by its old name
    pytest.mark.filterwarnings("ignore:Position ids are not supported"),  # peft, about what `generate` gives it
]

LABELS = [(1,), (1, 2), (3, 4)]
NAMES = ["1", "1 2", "3 4"]
ROWS = [[1, 2, 3, 4, 5], [1, 2, 9], [1, 2, 3], [7, 7, 7, 8]]


def check(mine: Any, engine: LocalEngine, *, rows: list[list[int]] = ROWS) -> None:
    """Scores equal plain forward passes, answers equal `generate`."""
    for ids, result in zip(rows, engine.score(prompts(rows), [NAMES] * len(rows)), strict=True):
        assert result.error is None
        for name, label in zip(NAMES, LABELS, strict=True):
            truth = joint_log_probability(mine, ids, (*label, STOP))
            assert result.log_probability[name] == pytest.approx(truth, abs=1e-3)
        assert result.free == " ".join(str(one) for one in greedy(mine, ids, limit=3) if one != STOP)
    for ids, completion in zip(rows, engine.generate(prompts(rows), max_new_tokens=6), strict=True):
        assert list(completion.token_ids) == greedy(mine, ids, limit=6)


def mamba() -> Any:
    torch.manual_seed(0)
    config = transformers.MambaConfig(
        vocab_size=259, hidden_size=32, num_hidden_layers=2, state_size=4, eos_token_id=STOP, pad_token_id=0
    )
    return transformers.MambaForCausalLM(config).eval()


def bloom() -> Any:
    torch.manual_seed(0)
    config = transformers.BloomConfig(
        vocab_size=259, hidden_size=32, n_layer=2, n_head=2, eos_token_id=STOP, pad_token_id=0, initializer_range=0.2
    )
    return transformers.BloomForCausalLM(config).eval()


def short_window() -> Any:
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        vocab_size=259, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, sliding_window=4, initializer_range=0.2, eos_token_id=STOP, pad_token_id=0,
        bos_token_id=None,
    )  # fmt: skip
    return transformers.MistralForCausalLM(config).eval()


def virtual_tokens() -> Any:
    torch.manual_seed(0)
    settings = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    return peft.get_peft_model(tiny_model("llama"), settings).eval()


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        pytest.param(mamba, "mamba", id="recurrent"),
        pytest.param(bloom, "", id="position bias"),
        pytest.param(short_window, "window of 4 tokens", id="short window"),
        pytest.param(virtual_tokens, "virtual tokens", id="prompt learning"),
    ],
)
def test_a_model_that_cannot_share_is_answered_row_by_row_with_a_notice(
    build: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine = build()
    engine = LocalEngine(mine, words(LABELS))
    with caplog.at_level(logging.WARNING):
        if build is virtual_tokens:  # its `generate` and `forward` want no positions; the plain path gives none
            alone = LocalEngine(mine, words(LABELS), share=False)
            assert next(engine.generate(prompts(ROWS), max_new_tokens=4)).error is None
            assert [s.argmax for s in engine.score(prompts(ROWS), [NAMES] * 4)] == [
                s.argmax for s in alone.score(prompts(ROWS), [NAMES] * 4)
            ]
        else:
            check(mine, engine)
    assert len(engine.notices) == 1
    assert reason in engine.notices[0]
    assert engine.notices[0] in caplog.text


@pytest.mark.parametrize("family", FAMILIES)
def test_models_of_full_attention_share_without_a_notice(family: str) -> None:
    engine = LocalEngine(model(family), words(LABELS))
    check(model(family), engine)
    assert engine.notices == []


def test_a_wide_window_shares() -> None:
    mine = short_window()
    mine.config.sliding_window = 4096
    for layer in mine.model.layers:
        layer.self_attn.sliding_window = 4096
    engine = LocalEngine(mine, words(LABELS))
    check(mine, engine)
    assert engine.notices == []


def test_eager_attention_shares() -> None:
    mine = tiny_model("qwen3")
    mine.set_attn_implementation("eager")
    engine = LocalEngine(mine, words(LABELS))
    check(mine, engine)
    assert engine.notices == []


def test_half_precision_is_not_taken_for_a_failure() -> None:
    engine = LocalEngine(tiny_model("qwen2", initializer_range=0.02).bfloat16(), words(LABELS))
    assert all(result.error is None for result in engine.score(prompts(ROWS), [NAMES] * 4))
    assert engine.notices == []


def test_an_adapter_takes_part_in_the_answers() -> None:
    torch.manual_seed(0)
    settings = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    mine = peft.get_peft_model(tiny_model("glm4"), settings).eval()
    engine = LocalEngine(mine, words(LABELS))
    check(mine, engine)
    assert engine.notices == []
    (tuned,) = engine.score(prompts(ROWS[:1]), [NAMES])
    (base,) = LocalEngine(model("glm4"), words(LABELS)).score(prompts(ROWS[:1]), [NAMES])
    assert tuned.log_probability != pytest.approx(base.log_probability, abs=1e-3)


def test_prompts_of_very_different_lengths_are_shared(any_tiny_model: Any) -> None:
    """The longest and the shortest prompt need not fit into one pass."""
    shared = list(range(1, 20))
    prompts = [[*shared, 30], [*shared, *(40 + i % 100 for i in range(400))]]
    with torch.inference_mode():
        assert why_not_shared(any_tiny_model, prompts) is None
