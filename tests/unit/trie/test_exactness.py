"""The contract: what is computed on the trie equals the padded batch and each row alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetrie.trie import branches, common_prefix, node_logits, pack, pack_loss, padded_loss, prefix_cache
from finetrie.trie.attention import Attention, transformer
from tests.conftest import FAMILIES
from tests.unit.trie.cases import Rows, assert_equal_training, few_examples, model_of, one_by_one, rows

# peft still calls transformers by the names it had until 5.22
pytestmark = pytest.mark.filterwarnings("ignore:`.*gradient_checkpointing.*` is deprecated:FutureWarning")

MODELS = {family: model_of(family) for family in FAMILIES}
EVERY_WAY = ["dense", "branch"]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short test rows would all fit into one block; small blocks make them branch like long ones."""
    monkeypatch.setattr(branches, "TILE", 3)
    monkeypatch.setattr(branches, "BATCH_OVERHEAD", 8)


@pytest.mark.parametrize("attention", EVERY_WAY)
@pytest.mark.parametrize("family", FAMILIES)
@few_examples
@given(case=rows())
def test_loss_and_every_gradient_equal_the_padded_batch(family: str, attention: Attention, case: Rows) -> None:
    model = MODELS[family]
    loss = pack_loss(model, pack(*case), attention=attention)
    assert_equal_training(model, loss, padded_loss(model, *case))


@pytest.mark.parametrize("family", FAMILIES)
@few_examples
@given(case=rows(most=3))
def test_the_padded_batch_equals_its_rows_alone(family: str, case: Rows) -> None:
    assert_equal_training(MODELS[family], padded_loss(MODELS[family], *case), one_by_one(MODELS[family], *case))


@pytest.mark.parametrize("attention", EVERY_WAY)
@pytest.mark.parametrize("family", FAMILIES)
@few_examples
@given(case=rows())
def test_each_rows_logits_equal_that_row_alone(family: str, attention: Attention, case: Rows) -> None:
    model, (sequences, _) = MODELS[family], case
    packed = pack(sequences)
    logits = node_logits(model, packed, torch.arange(len(packed)), attention=attention)
    with torch.no_grad():
        for sequence, path in zip(sequences, packed.nodes, strict=True):
            torch.testing.assert_close(logits[path], model(torch.tensor([sequence])).logits[0], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("attention", EVERY_WAY)
@pytest.mark.parametrize("family", FAMILIES)
@few_examples
@given(case=rows(), begin=st.lists(st.integers(0, 22), min_size=1, max_size=30))
def test_a_cached_prefix_changes_nothing(family: str, attention: Attention, case: Rows, begin: list[int]) -> None:
    model, (branch, _) = MODELS[family], case
    prefix = prefix_cache(model, begin)
    packed = pack(branch, offset=len(prefix))
    for _ in range(2):  # the prefix is not used up
        logits = node_logits(model, packed, packed.nodes[-1], attention=attention, prefix=prefix)
        with torch.no_grad():
            alone = model(torch.tensor([begin + branch[-1]])).logits[0, len(begin) :]
        torch.testing.assert_close(logits, alone, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("attention", EVERY_WAY)
@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "checkpointing"])
@pytest.mark.parametrize("family", ["qwen2", "glm4"])
@few_examples
@given(case=rows())
def test_lora_trains_the_same(family: str, checkpointing: bool, attention: Attention, case: Rows) -> None:
    model = adapted(family, checkpointing=checkpointing)
    own = transformer(model).config._attn_implementation
    assert_equal_training(model, pack_loss(model, pack(*case), attention=attention), padded_loss(model, *case))
    assert transformer(model).config._attn_implementation == own


@pytest.mark.parametrize("reentrant", [False, True], ids=["non-reentrant", "reentrant"])
def test_packs_of_one_step_may_share_a_backward_pass_under_checkpointing(reentrant: bool) -> None:
    """Each pack's layers are computed again under the attention that pack was computed with."""
    model = adapted("qwen2", checkpointing=True, reentrant=reentrant)
    first = ([[1, 2, 3, 4], [1, 2, 5]], [[False, False, True, True], [False, False, True]])
    second = ([[6, 7, 8], [6, 9]], [[False, True, True], [False, True]])
    loss = pack_loss(model, pack(*first), attention="branch") + pack_loss(model, pack(*second), attention="dense")
    assert_equal_training(model, loss, padded_loss(model, *first) + padded_loss(model, *second))
    assert transformer(model).config._attn_implementation == "sdpa"


_ADAPTED: dict[tuple[str, bool, bool], Any] = {}


def adapted(family: str, *, checkpointing: bool, reentrant: bool = False) -> Any:
    """A tiny model with LoRA whose second factor is not zero, so that both get gradients; in train mode."""
    from peft import LoraConfig, get_peft_model

    key = (family, checkpointing, reentrant)
    if key not in _ADAPTED:
        targets = ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]
        model = get_peft_model(model_of(family), LoraConfig(r=2, target_modules=targets, init_lora_weights=False))
        if checkpointing:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
        _ADAPTED[key] = model.train()
    return _ADAPTED[key]


def test_eager_models_take_the_dense_mask() -> None:
    model = model_of("llama", attn_implementation="eager")
    case = ([[1, 2, 3], [1, 4, 5, 6], [7, 8]], [[False, True, True], [False, True, True, True], [False, True]])
    assert model.config._attn_implementation == "eager"
    assert_equal_training(model, pack_loss(model, pack(*case), attention="dense"), padded_loss(model, *case))


def test_nothing_supervised_is_a_loss_of_zero_that_can_run_backward() -> None:
    model = model_of("qwen2")
    loss = pack_loss(model, pack([[1, 2], [1, 3]]), attention="branch")
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


def test_a_common_prefix_leaves_every_row_a_token() -> None:
    assert common_prefix([[1, 2, 3], [1, 2], [1, 2, 4]]) == 1
    assert common_prefix([[1, 2, 3], [1, 2, 4]]) == 2
    assert common_prefix([[1, 2, 3]]) == 2
    assert common_prefix([[1], [2]]) == 0
    assert common_prefix([]) == 0
