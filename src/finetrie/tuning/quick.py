"""A LoRA layer in few passes over its large tensors; the same numbers as PEFT's own.

PEFT's layer is a chain of small operations: cast the input to the adapter's float32, draw and apply dropout, cast
back, two products, scale, add, and the same backwards. On a CPU they take as long as half the base layer's products.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEVELS = 1 << 16
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def quicken(model: nn.Module) -> None:
    """Let the plain LoRA layers of `model` take the quick way; in place.

    Variants such as DoRA and layers over quantised weights stay as they are.
    """
    for module in model.modules():
        if type(module) is Linear and not module.lora_variant:
            module.__class__ = QuickLinear  # PEFT builds its layers itself; everything but `forward` stays its own


class QuickLinear(Linear):  # type: ignore[misc]
    """PEFT's LoRA layer, which adds the adapter's part in place.

    The part is computed in the dtype of the base layer's output, as it is under autocast, in evaluation as in training.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        adapters = [name for name in self.active_adapters if name in self.lora_A]
        if self.disable_adapters or self.merged or args or kwargs or len(adapters) != 1:
            return super().forward(x, *args, **kwargs)  # type: ignore[no-any-return]
        name = adapters[0]
        result = self.base_layer(x)
        added: Tensor = _AddLora.apply(  # type: ignore[no-untyped-call]
            result,
            x.to(result.dtype),
            self.lora_A[name].weight,
            self.lora_B[name].weight,
            float(self.scaling[name]),
            getattr(self.lora_dropout[name], "p", 0.0) if self.training else 0.0,
        )
        return added


class _AddLora(torch.autograd.Function):
    """result + scaling · up(down(dropout(x))), into `result` itself.

    For the backward pass only `x`, which neighbouring layers share, the mask and the (tokens, rank) product are kept.
    Where dropout divides what it keeps by 1 - p, here the scaling does: a number instead of a pass over the input.
    """

    @staticmethod
    def forward(ctx: Any, result: Tensor, x: Tensor, down: Tensor, up: Tensor, scaling: float, p: float) -> Tensor:
        mask, share = keep_mask(x, p)
        tokens = _kept(x, mask).reshape(-1, x.shape[-1])
        scale = scaling / share
        down, up = down.to(x.dtype), (up * scale).to(x.dtype)
        narrow = tokens @ down.t()
        result.view(-1, result.shape[-1]).addmm_(narrow, up.t())
        ctx.mark_dirty(result)
        ctx.save_for_backward(x, mask, down, up, narrow)
        ctx.scale = scale
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, mask, down, up, narrow = ctx.saved_tensors
        outer = grad_outputs[0].reshape(-1, up.shape[0])
        inner = outer @ up
        to_down = to_up = to_x = None
        if ctx.needs_input_grad[1]:
            to_x = _kept((inner @ down).view(x.shape), mask)
        if ctx.needs_input_grad[2]:
            to_down = (inner.t() @ _kept(x, mask).reshape(-1, x.shape[-1])).float()
        if ctx.needs_input_grad[3]:
            to_up = (outer.t() @ narrow).float().mul_(ctx.scale)
        return grad_outputs[0], to_x, to_down, to_up, None, None


def keep_mask(x: Tensor, p: float) -> tuple[Tensor | None, float]:
    """A mask for dropout, -1 (all bits) where an element is kept and 0 elsewhere, and the share it keeps.

    `p` is rounded to 1/65,536, so that each 64-bit number of PyTorch's generator decides four elements: on a CPU,
    where PyTorch draws a double for each, drawing took a sixth of a training step.
    Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html.

    Returns:
        int16 of x's shape, or None where nothing is dropped; 1 - p as rounded.
    """
    dropped = min(round(p * LEVELS), LEVELS - 1)
    if not dropped:
        return None, 1.0
    elements = x.numel()
    # From the smallest number on, or the sign bit, and with it one element in four, would not be random.
    words = torch.empty(-(-elements // 4), dtype=torch.int64, device=x.device).random_(-(1 << 63), None)
    mask = words.view(torch.int16)[:elements].ge_(dropped - LEVELS // 2).neg_()
    return mask.view(x.shape), (LEVELS - dropped) / LEVELS


def _kept(x: Tensor, mask: Tensor | None) -> Tensor:
    """`x` where the mask says so, else 0: bits are faster to clear than numbers to multiply."""
    if mask is None:
        return x
    integers = _INTEGERS[x.element_size()]
    return (x.contiguous().view(integers) & mask.to(integers)).view(x.dtype)
