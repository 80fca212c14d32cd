"""What all prompts of a data set begin with, computed once and attended by every later pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from finetrie.trie.attention import transformer
from finetrie.trie.pack import common_length


@dataclass(frozen=True, eq=False)
class Prefix:
    """Keys and values of some tokens in every layer. Never changed: each forward pass gets its own cache."""

    ids: tuple[int, ...]
    layers: tuple[tuple[Tensor, Tensor], ...]  # per layer keys and values, (1, KV heads, P, head size)

    def __len__(self) -> int:
        return len(self.ids)

    def cache(self, *, rows: int = 1) -> DynamicCache:
        """A fresh transformers cache that holds the prefix for `rows` sequences.

        Adding to it copies, so this object stays as it is; until then the rows share one memory.
        """
        cache = DynamicCache()
        for index, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), index)
        return cache


@torch.no_grad()
def prefix_cache(model: Any, ids: Sequence[int]) -> Prefix:
    """Run `ids` through the model once and keep what later tokens attend to.

    Valid as long as the weights do not change. The model should be in eval mode.
    """
    if not ids:
        return Prefix(ids=(), layers=())
    device = transformer(model).device
    cache = DynamicCache()
    model(input_ids=torch.tensor([list(ids)], device=device), past_key_values=cache, use_cache=True, logits_to_keep=1)
    return Prefix(ids=tuple(ids), layers=tuple((layer.keys, layer.values) for layer in cache.layers))


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all sequences share, leaving each at least one token of its own."""
    if not sequences:
        return 0
    low, high = (
        min(map(tuple, sequences)),
        max(map(tuple, sequences)),
    )  # lexicographic: what the extremes share, all share
    shared = common_length(np.asarray(low, dtype=np.int64), np.asarray(high, dtype=np.int64))
    return min(shared, *(len(sequence) - 1 for sequence in sequences)) if len(sequences) > 1 else len(low) - 1
