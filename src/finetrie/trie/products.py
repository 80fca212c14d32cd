"""Attention of short blocks as plain matrix products, for processors on which the fused kernel is slow.

The query heads that share a key head are stacked, so that few larger products do the work of many small ones. In
bfloat16 on a CPU that takes 0.4 of the time of PyTorch's kernel (forward and backward of 7 blocks, 62 queries, 136
keys, 14 heads over 2: 5.6 against 15.6 ms). It keeps the attention weights for the backward pass, which long blocks
could not afford.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

PRODUCTS_BELOW = 192  # queries


def attend_masked(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scale: float | None,
    dropout: float = 0.0,
    products: bool = True,
) -> Tensor:
    """Attention by products where the block is short and `products` allows it, else by PyTorch's fused kernel.

    Arguments are those of `attend_by_products`.
    """
    if products and not dropout and query.shape[2] < PRODUCTS_BELOW:
        return attend_by_products(query, key, value, mask, scale=scale)
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=mask is None,
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def attend_by_products(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scale: float | None
) -> Tensor:
    """(B, heads, Q, size) softmax(scale · query keyᵀ + mask) value.

    Scores and softmax are computed in float32, as the fused kernel does: models exist whose scores are in the
    hundreds, where bfloat16 has steps of one. The weights that multiply the values are in the inputs' dtype, and so is
    the backward pass.

    Args:
        query: (B, heads, Q, size).
        key, value: (B, KV heads, K, size); KV heads divide heads.
        mask: (B, 1, Q, K), 0 or -inf; None: plain causal attention, Q = K.
        scale: default: 1 / √size.
    """
    if mask is None:
        length = query.shape[2]
        mask = torch.full((length, length), float("-inf"), device=query.device).triu_(1)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    attended: Tensor = _Attention.apply(query, key, value, mask, scale)  # type: ignore[no-untyped-call]
    return attended


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
        batch, heads, queries, _ = shape = query.shape
        groups = batch * key.shape[1]
        query = query.reshape(groups, -1, query.shape[-1])  # heads of one key head below each other
        key, value = (tensor.reshape(groups, *tensor.shape[2:]) for tensor in (key, value))
        scores = torch.bmm(query.float(), key.float().transpose(1, 2)).mul_(scale)
        scores.view(batch, heads, queries, -1).add_(mask)
        weights = scores.softmax(-1).to(value.dtype)
        ctx.save_for_backward(query, key, value, weights)
        ctx.shape, ctx.scale = shape, scale
        return torch.bmm(weights, value).view(shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors
        batch = ctx.shape[0]
        outer = grad_outputs[0].reshape(query.shape)
        to_value = torch.bmm(weights.transpose(1, 2), outer)
        inner = torch.bmm(outer, value.transpose(1, 2))
        inner = torch.ops.aten._softmax_backward_data(inner, weights, -1, weights.dtype)
        to_query = torch.bmm(inner, key).mul_(ctx.scale)
        to_key = torch.bmm(inner.transpose(1, 2), query).mul_(ctx.scale)
        by_head = (batch, -1, *key.shape[1:])
        return to_query.view(ctx.shape), to_key.view(by_head), to_value.view(by_head), None, None
