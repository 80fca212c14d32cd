"""Attention of rows side by side on a CPU, in place of transformers' use of PyTorch's fused kernel.

With a mask, transformers repeats keys and values for every query head before it calls the kernel. When one token is
added to many rows, that copy takes as long as the rest of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from finetrie.trie.attention import transformer, using
from finetrie.trie.products import attend_masked

NAME = "finetrie_rows"  # of the function in transformers' registry


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers' `sdpa` computes in eval mode, in the signature of its attention interface."""
    out = attend_masked(query, key, value, attention_mask, scale=scaling)
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attend)


@contextmanager
def side_by_side(model: Any) -> Iterator[None]:
    """Let a model that uses `sdpa` on a CPU use `attend`; any other stays as it is."""
    inner = transformer(model)
    suited = (
        inner.device.type == "cpu"
        and inner.config._attn_implementation == "sdpa"
        and getattr(inner, "_supports_attention_backend", False)
    )
    with using(inner, NAME if suited else inner.config._attn_implementation):
        yield
