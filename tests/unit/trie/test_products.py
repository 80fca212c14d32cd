"""Attention by plain products equals PyTorch's, and in bfloat16 it is as near to the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from finetrie.trie.products import attend_by_products

SHAPES = [(1, 1, 1, 5, 5), (3, 4, 2, 7, 12), (2, 14, 2, 30, 61), (2, 6, 6, 9, 9)]  # B, heads, KV heads, Q, K


def case(
    shape: tuple[int, int, int, int, int], *, scores: float = 1.0
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor]:
    """Query, key and value as the branches gather them (heads inside tokens), a mask, an upstream gradient."""
    batch, heads, kv, queries, keys = shape
    generator = torch.Generator().manual_seed(sum(shape))
    query = scores * torch.randn(batch, queries, heads, 16, generator=generator)
    key, value = (torch.randn(batch, keys, kv, 16, generator=generator) for _ in range(2))
    hidden = torch.rand(batch, 1, queries, keys, generator=generator) < 0.4
    hidden[..., 0] = False
    mask = torch.zeros(hidden.shape).masked_fill_(hidden, float("-inf"))
    upstream = torch.randn(batch, heads, queries, 16, generator=generator)
    first, second, third = (tensor.transpose(1, 2) for tensor in (query, key, value))
    return (first, second, third), mask, upstream


def fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scale: float | None = None) -> Tensor:
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=True
    )


def outcome(
    way: Callable[..., Tensor], inputs: tuple[Tensor, ...], mask: Tensor | None, upstream: Tensor, **more: float | None
) -> list[Tensor]:
    """The output and the gradients of query, key and value."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    output = way(*leaves, mask, **more)
    return [output.detach(), *torch.autograd.grad(output, leaves, upstream.to(output.dtype))]


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_equal_the_fused_kernel(
    shape: tuple[int, int, int, int, int], causal: bool, scale: float | None
) -> None:
    if causal:
        shape = (*shape[:4], shape[3])
    inputs, mask, upstream = case(shape)
    given = None if causal else mask
    expected = outcome(fused, inputs, given, upstream, scale=scale)
    actual = outcome(attend_by_products, inputs, given, upstream, scale=scale)
    for mine, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scores", [1.0, 40.0], ids=["usual scores", "scores in the hundreds"])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_in_bfloat16_it_is_as_exact_as_the_fused_kernel(shape: tuple[int, int, int, int, int], scores: float) -> None:
    inputs, mask, upstream = case(shape, scores=scores)
    half = tuple(tensor.bfloat16() for tensor in inputs)
    truth = outcome(fused, tuple(tensor.double() for tensor in half), mask.double(), upstream)
    theirs = outcome(fused, half, mask.bfloat16(), upstream)
    mine = outcome(attend_by_products, half, mask.bfloat16(), upstream, scale=None)
    for exact, fused_one, own in zip(truth, theirs, mine, strict=True):
        assert own.dtype == torch.bfloat16
        assert (own.double() - exact).norm() <= 1.3 * (fused_one.double() - exact).norm() + 1e-3 * exact.norm()
