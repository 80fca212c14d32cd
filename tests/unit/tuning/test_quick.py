"""The quick LoRA layer gives PEFT's numbers, and its dropout is a dropout."""

from __future__ import annotations

from typing import Any

import peft
import pytest
import torch
from peft.tuners.lora import Linear
from torch import nn

from finetrie.tuning.lora import Lora
from finetrie.tuning.quick import QuickLinear, keep_mask, quicken
from tests.conftest import tiny_model


def adapted(layer: nn.Linear, *, rank: int = 3, dropout: float = 0.0, dtype: torch.dtype = torch.float32) -> Any:
    """A LoRA layer of PEFT over `layer`, with an adapter that is not zero."""
    model = nn.Sequential(layer.to(dtype))
    settings = peft.LoraConfig(r=rank, lora_alpha=5, lora_dropout=dropout, target_modules=["0"])
    model = peft.get_peft_model(model, settings).train()
    module = model.base_model.model[0]
    with torch.no_grad():
        module.lora_B["default"].weight.normal_()
    return module


def both_ways(module: Any, x: torch.Tensor, *, autocast: bool) -> list[tuple[torch.Tensor, ...]]:
    """Output and gradients (input, A, B) of PEFT's way, then of the quick one."""
    done = []
    for kind in (Linear, QuickLinear):
        module.__class__ = kind
        module.zero_grad()
        leaf = x.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            output = module(leaf * 1)
        output.float().square().sum().backward()
        done.append((output, leaf.grad, module.lora_A["default"].weight.grad, module.lora_B["default"].weight.grad))
        assert None not in done[-1]
    return done


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7,), (2, 5), (1, 3, 4)])
def test_output_and_gradients_equal_those_of_peft(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    module = adapted(nn.Linear(11, 6, bias=bias))
    for plain, quick in zip(*both_ways(module, torch.randn(*shape, 11), autocast=False), strict=True):
        torch.testing.assert_close(quick, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("base", [torch.bfloat16, torch.float32])
def test_in_bfloat16_it_is_as_near_to_float32_as_peft(base: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(64, 48), torch.randn(40, 64)
    module = adapted(layer, rank=8, dtype=base)
    exact = both_ways(module.float(), x, autocast=False)[0]
    module.base_layer.to(base)
    plain, quick = both_ways(module, x.to(base), autocast=True)
    for truth, theirs, ours in zip(exact, plain, quick, strict=True):
        error = (ours.float() - truth).norm()
        assert error <= 1.2 * (theirs.float() - truth).norm() + 1e-3 * truth.norm()
        assert ours.dtype == theirs.dtype


def test_without_autocast_the_adapter_is_computed_in_the_dtype_of_its_base() -> None:
    module = adapted(nn.Linear(8, 8), dtype=torch.bfloat16)
    module.__class__ = QuickLinear
    x = torch.randn(5, 8).bfloat16()
    alone = module(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(module(x), alone, rtol=0, atol=0)


def test_evaluation_computes_what_training_does_without_dropout() -> None:
    torch.manual_seed(0)
    module = adapted(nn.Linear(16, 16), dropout=0.5)
    x = torch.randn(4, 16)
    plain = module.eval()(x)
    module.__class__ = QuickLinear
    with torch.inference_mode():
        torch.testing.assert_close(module(x), plain)


def test_dropout_of_the_input_has_the_gradient_of_what_it_kept() -> None:
    """A layer that is all adapter, with one-hot weights, shows the mask and its scale."""
    torch.manual_seed(0)
    module = adapted(nn.Linear(512, 512, bias=False), rank=512, dropout=0.25)
    with torch.no_grad():
        module.base_layer.weight.zero_()
        module.lora_A["default"].weight.copy_(torch.eye(512))
        module.lora_B["default"].weight.copy_(torch.eye(512) / module.scaling["default"])
    module.__class__ = QuickLinear
    x = torch.randn(64, 512, requires_grad=True)
    output = module(x * 1)
    output.sum().backward()
    kept = output.detach() != 0
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.01)  # 4 standard deviations
    torch.testing.assert_close(output.detach(), x.detach() * kept / 0.75)
    torch.testing.assert_close(x.grad, kept / 0.75)
    module.eval()
    torch.testing.assert_close(module(x), x)


def test_only_plain_lora_layers_are_changed_and_their_weights_keep_their_names() -> None:
    plain, dora = (Lora(rank=2, dora=dora).prepare(tiny_model("qwen2")) for dora in (False, True))
    assert sum(isinstance(module, QuickLinear) for module in plain.modules()) == 14  # 7 linear layers, 2 blocks
    assert not any(isinstance(module, QuickLinear) for module in dora.modules())
    again = Lora(rank=2).prepare(tiny_model("qwen2"))
    quicken(again)
    assert plain.state_dict().keys() == again.state_dict().keys()


def test_a_quick_layer_merges_as_peft_does() -> None:
    torch.manual_seed(0)
    model = Lora(rank=2).prepare(tiny_model("qwen2"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)
    ids = torch.arange(12)[None]
    with torch.no_grad():
        before = model.eval()(ids).logits
        torch.testing.assert_close(model.merge_and_unload()(ids).logits, before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("place", range(4))
def test_each_element_is_dropped_with_the_probability(p: float, place: int) -> None:
    """Four elements share a random number, so each of the four places is looked at."""
    torch.manual_seed(0)
    mask, share = keep_mask(torch.ones(400_000), p)
    assert mask is not None
    assert share == pytest.approx(1 - p, abs=1e-5)
    assert (mask.view(-1, 4)[:, place] == 0).float().mean().item() == pytest.approx(p, abs=0.005)  # 3 deviations


def test_neighbours_are_dropped_independently_and_equal_seeds_draw_equally() -> None:
    torch.manual_seed(1)
    first, _ = keep_mask(torch.ones(200_000), 0.5)
    torch.manual_seed(1)
    second, _ = keep_mask(torch.ones(200_000), 0.5)
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
    correlation = torch.corrcoef(first.float().view(-1, 4).T) - torch.eye(4)
    assert correlation.abs().max().item() < 0.02


def test_no_dropout_draws_nothing() -> None:
    state = torch.get_rng_state()
    assert keep_mask(torch.ones(5), 0.0) == (None, 1.0)
    assert torch.equal(torch.get_rng_state(), state)
