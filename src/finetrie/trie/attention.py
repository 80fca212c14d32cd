"""How a model is made to attend along the trie, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from finetrie.errors import ModelError
from finetrie.trie.pack import Pack

Attention = Literal["auto", "dense", "branch", "flex"]


@contextmanager
def attending(model: Any, pack: Pack, *, attention: Attention, past: int) -> Iterator[dict[str, Any]]:
    """The model's inputs for one pack."""
    language_model = transformer(model)
    pack = pack.to(language_model.device)
    dtype = compute_dtype(language_model)
    yield {
        "input_ids": pack.input_ids[None],
        "position_ids": pack.position_ids[None],
        "attention_mask": dense_mask(pack.subtree_end, past=past, dtype=dtype),
    }


def transformer(model: Any) -> PreTrainedModel:
    """The transformers model inside adapters and parallel wrappers."""
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            return module
    raise ModelError(f"{type(model).__name__} holds no transformers model")


def compute_dtype(model: Any) -> torch.dtype:
    """The dtype of queries and keys: autocast's where it is on, else the model's."""
    kind = model.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else model.dtype


def dense_mask(subtree_end: Tensor, *, past: int = 0, dtype: torch.dtype) -> Tensor:
    """(1, 1, L, past + L) mask to add to the scores: 0 where a node may look, -inf elsewhere.

    Additive and in the queries' dtype because PyTorch would turn a boolean mask into exactly this,
    but anew in every layer, and keep every copy for the backward pass.
    """
    node = torch.arange(len(subtree_end), device=subtree_end.device)
    visible = (node[None, :] <= node[:, None]) & (node[:, None] < subtree_end[None, :])
    mask = torch.zeros(len(node), past + len(node), dtype=dtype, device=subtree_end.device)
    mask[:, past:].masked_fill_(~visible, float("-inf"))
    return mask[None, None]
