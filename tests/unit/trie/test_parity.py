"""The probe says yes to models that can be packed, no to those that cannot, and touches nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers as t

from finetrie.trie import attention, parity_probe
from finetrie.trie import parity as parity_module
from tests.conftest import FAMILIES
from tests.unit.trie.cases import model_of

ROWS = [[1, 2, 3, 4, 5, 6, row, row + 1, row + 2, 9] for row in range(8)]
SUPERVISED = [[False] * 8 + [True] * 2] * 8

SMALL: dict[str, Any] = {"vocab_size": 23, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def built(config: Any) -> Any:
    torch.manual_seed(0)
    return t.AutoModelForCausalLM.from_config(config).eval()


def bloom() -> Any:
    return built(t.BloomConfig(**SMALL, hidden_size=32, n_layer=2, n_head=2, initializer_range=0.2))


def mamba() -> Any:
    return built(t.MambaConfig(**SMALL, hidden_size=32, num_hidden_layers=2, state_size=4))


def mistral(**changes: Any) -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return built(
        t.MistralConfig(**SMALL, **sizes, num_key_value_heads=1, head_dim=16, initializer_range=0.2, **changes)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_models_that_attend_plainly_pass(family: str) -> None:
    parity = parity_probe(model_of(family), ROWS, SUPERVISED)
    assert (parity.exact, parity.attention, parity.reason) == (True, "auto", "")
    assert parity.loss_error < 1e-5
    assert 0 < parity.gradient_error < 1e-4


@pytest.mark.parametrize(
    ("build", "said"),
    [
        pytest.param(bloom, "takes no positions", id="ALiBi"),
        pytest.param(mamba, "takes no positions", id="recurrent"),
        pytest.param(lambda: mistral(sliding_window=6), "attention window of 6", id="sliding window"),
    ],
)
def test_models_that_cannot_be_packed_fail_and_say_why(build: Any, said: str) -> None:
    parity = parity_probe(build(), ROWS, SUPERVISED)
    assert not parity.exact
    assert said in parity.reason
    assert parity.reason in parity.message


@pytest.mark.parametrize(
    "build", [bloom, mamba, lambda: mistral(sliding_window=6)], ids=["alibi", "recurrent", "window"]
)
@pytest.mark.filterwarnings("ignore")
def test_the_experiment_alone_finds_them_too(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the configuration says is a help; the measurement must not depend on it."""
    monkeypatch.setattr(parity_module, "obstacle", lambda *args, **kwargs: None)
    monkeypatch.setattr(attention, "window", lambda model: None)
    parity = parity_probe(build(), ROWS, SUPERVISED)
    assert not parity.exact
    assert "a pack changes the loss" in parity.reason or "a pack raised" in parity.reason


def test_the_longest_row_counts_though_short_ones_are_computed() -> None:
    model = mistral(sliding_window=12)
    assert parity_probe(model, ROWS, SUPERVISED).exact
    longer = [*ROWS, [1] * 13]
    parity = parity_probe(model, longer, [*SUPERVISED, [False] * 12 + [True]])
    assert not parity.exact
    assert "13 tokens is longer" in parity.reason


def test_a_window_that_a_model_does_not_use_is_no_obstacle() -> None:
    assert parity_probe(model_of("qwen2", sliding_window=4, use_sliding_window=False), ROWS, SUPERVISED).exact
    mixed = model_of("qwen2", sliding_window=4, use_sliding_window=True, max_window_layers=1)
    assert not parity_probe(mixed, ROWS, SUPERVISED).exact


@pytest.mark.filterwarnings("ignore:`.*gradient_checkpointing.*` is deprecated:FutureWarning")  # peft's call
def test_prompt_learning_adapters_fail() -> None:
    from peft import PromptTuningConfig, get_peft_model

    model = get_peft_model(model_of("qwen2"), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    parity = parity_probe(model, ROWS, SUPERVISED)
    assert not parity.exact
    assert "virtual tokens" in parity.reason


def test_where_only_the_dense_mask_is_exact_it_is_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no such kernel\nand a long trace")

    monkeypatch.setattr(attention.branches, "attend", broken)
    parity = parity_probe(model_of("llama"), ROWS, SUPERVISED)
    assert (parity.exact, parity.attention) == (True, "dense")
    assert parity.reason == "a pack raised RuntimeError: no such kernel"


def test_a_wrong_mask_is_seen_in_half_precision_too(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("qwen2").to(torch.bfloat16)
    assert parity_probe(model, ROWS, SUPERVISED).exact

    def all_earlier(subtree_end: torch.Tensor, *, past: int, dtype: torch.dtype) -> torch.Tensor:
        length = len(subtree_end)
        return torch.full((length, length), float("-inf"), dtype=dtype).triu(1)[None, None]

    monkeypatch.setattr(attention, "dense_mask", all_earlier)
    assert not parity_probe(model, ROWS, SUPERVISED).exact


def test_one_row_or_equal_rows_are_probed_all_the_same() -> None:
    model = model_of("qwen2")
    assert parity_probe(model, ROWS[:1], SUPERVISED[:1]).exact
    assert parity_probe(model, [ROWS[0]] * 3, SUPERVISED[:3]).exact
    assert parity_probe(model, [[1, 2]], [[False, True]]).exact


def test_rows_without_a_target_cannot_be_probed() -> None:
    assert parity_probe(model_of("qwen2"), [[1, 2]], [[False, False]]).reason == "no row has a supervised token"


def test_long_rows_are_probed_by_their_ends() -> None:
    rows = [[5] * 900 + [row, 7] for row in range(3)]
    chosen = parity_module._short_rows(rows, [[False] * 900 + [True] * 2] * 3, rows=3)
    assert [len(ids) for ids, _ in chosen] == [2 * parity_module.EXCERPT] * 3
    assert parity_probe(model_of("qwen2"), rows, [[False] * 900 + [True] * 2] * 3).exact


def test_the_model_is_left_as_it_was() -> None:
    """Modes differ by module, one parameter holds a gradient, one is frozen, and dropout would draw."""
    model = model_of("qwen2", attention_dropout=0.5).train()
    model.model.layers[0].eval()
    model.model.norm.weight.requires_grad_(False)
    held = model.lm_head.weight.grad = torch.ones_like(model.lm_head.weight)
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    weights = {name: p.clone() for name, p in model.named_parameters()}
    assert parity_probe(model, ROWS, SUPERVISED).exact
    assert [module.training for module in model.modules()] == modes
    assert model.lm_head.weight.grad is held
    assert held.eq(1).all()
    assert all(p.grad is None for p in model.parameters() if p is not model.lm_head.weight)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    assert model.config._attn_implementation == "sdpa"


def test_a_model_that_does_not_train_is_judged_by_its_loss() -> None:
    parity = parity_probe(model_of("qwen2").requires_grad_(False), ROWS, SUPERVISED)
    assert (parity.exact, parity.gradient_error) == (True, 0.0)
