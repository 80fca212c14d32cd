"""Rows that continue one prefix: their keys and values, and what each may look at.

A cell holds the keys and values of one token of every row. Rows differ in length, so a cell can be
padding in some of them; the mask says so, and positions are counted per row, not per cell. That is all
that batching, branching (the labels of a row side by side) and leaving a batch early need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from finetrie.inference.batching import ranges
from finetrie.inference.narrow import narrowed
from finetrie.trie import Prefix, prefix_cache
from finetrie.trie.attention import compute_dtype, transformer

HIDDEN = float("-inf")
ENOUGH = 256  # tokens a pass: more are hardly faster per token on a CPU, so padding is not worth it


class _Cells(DynamicLayer):  # type: ignore[misc]  # transformers is not typed
    """One layer's keys and values in memory allocated ahead: adding a token copies only that token."""

    def __init__(self, keys: Tensor, values: Tensor, *, used: int) -> None:
        super().__init__()
        self.keys, self.values, self.used = keys, values, used  # (rows, KV heads, capacity, head size)
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        start, self.used = self.used, self.used + key_states.shape[-2]
        self.keys[:, :, start : self.used] = key_states
        self.values[:, :, start : self.used] = value_states
        return self.keys[:, :, : self.used], self.values[:, :, : self.used]

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        return self.used


def start(model: Any, prompts: Sequence[Sequence[int]], *, shared: int) -> Prefix:
    """The first `shared` tokens, which all prompts have in common, computed once."""
    if shared:
        return prefix_cache(model, prompts[0][:shared])
    probe = prefix_cache(model, prompts[0][:1])  # nothing in common: only the shapes are wanted
    return Prefix(ids=(), layers=tuple((k[:, :, :0], v[:, :, :0]) for k, v in probe.layers))


class Branches:
    """`rows` continuations of a prefix. Cells are added to all rows at once; `select` lets rows go."""

    def __init__(self, model: Any, layers: list[_Cells], bias: Tensor) -> None:
        self.model, self.layers = model, layers
        self.bias = bias  # (rows, capacity): 0 where every later token of the row may look, else -inf

    @classmethod
    def of(cls, model: Any, prefix: Prefix, *, rows: int, capacity: int) -> Branches:
        """Rows that hold the prefix and have room for `capacity` cells, those of the prefix included."""

        def room(tensor: Tensor) -> Tensor:
            # Zeros, not `empty`: a hidden cell has weight 0, and 0 times leftover infinities is not 0.
            full = tensor.new_zeros(rows, tensor.shape[1], capacity, tensor.shape[3])
            full[:, :, : len(prefix)] = tensor
            return full

        layers = [_Cells(room(keys), room(values), used=len(prefix)) for keys, values in prefix.layers]
        inner = transformer(model)
        device = model.get_input_embeddings().weight.device
        bias = torch.full((rows, capacity), HIDDEN, dtype=compute_dtype(inner), device=device)
        bias[:, : len(prefix)] = 0
        return cls(model, layers, bias)

    @property
    def rows(self) -> int:
        return self.bias.shape[0]

    @property
    def used(self) -> int:
        """Cells filled so far, the same number in every row."""
        return self.layers[0].used

    @property
    def device(self) -> torch.device:
        return self.bias.device

    def slice(self, first: int, last: int) -> Branches:
        """Rows `first` to `last` in the same memory: what they add is seen here after `advance`."""
        layers = [_Cells(c.keys[first:last], c.values[first:last], used=c.used) for c in self.layers]
        return Branches(self.model, layers, self.bias[first:last])

    def select(self, rows: Sequence[int]) -> Branches:
        """These rows, in this order, in memory of their own."""
        index = torch.tensor(rows, device=self.device)
        layers = [
            _Cells(c.keys.index_select(0, index), c.values.index_select(0, index), used=c.used) for c in self.layers
        ]
        return Branches(self.model, layers, self.bias.index_select(0, index))

    def advance(self, cells: int) -> None:
        """Count cells that slices have filled."""
        for layer in self.layers:
            layer.used += cells

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` cells, with some to spare, so that growing again and again stays linear."""
        have = self.bias.shape[1]
        if capacity <= have:
            return
        grown = max(capacity, have + have // 2)

        def wider(tensor: Tensor) -> Tensor:
            full = tensor.new_zeros(*tensor.shape[:2], grown, tensor.shape[3])
            full[:, :, :have] = tensor
            return full

        for layer in self.layers:
            layer.keys, layer.values = wider(layer.keys), wider(layer.values)
        self.bias = torch.nn.functional.pad(self.bias, (0, grown - have), value=HIDDEN)

    def extend(self, tokens: Tensor, positions: Tensor, mask: Tensor, *, keep: int) -> Tensor:
        """Add tokens to every row; return the logits of the last `keep` of them, (rows, keep, V).

        Args:
            tokens, positions: (rows, n)
            mask: (rows, n or 1, used + n), added to the attention scores.
        """
        with narrowed(self.model, keep=keep, of=tokens.shape[1]):
            out = self.model(
                input_ids=tokens,
                position_ids=positions,
                attention_mask=mask[:, None],
                past_key_values=Cache(layers=list(self.layers)),
                use_cache=True,
                logits_to_keep=last_positions(keep, device=tokens.device),
            )
        logits: Tensor = out.logits
        return logits

    def prefill(self, own: Sequence[Sequence[int]], *, budget: int, keep: int) -> Iterator[tuple[int, int, Tensor]]:
        """Give each row its own tokens, some rows at a time.

        Yields (first row, one past the last row, logits of each row's last `keep` tokens). A row's tokens
        stand at the right end of its pass, so a row shorter than `keep` has meaningless logits on the left.
        """
        width = max(keep, *map(len, own))
        begin = self.used
        self.reserve(begin + width)
        for first, last in ranges([max(len(ids), keep) for ids in own], tokens=budget, enough=ENOUGH):
            part, part_own = self.slice(first, last), own[first:last]
            n = max(keep, *map(len, part_own))
            tokens, real = right_aligned(part_own, width=n, device=self.device)
            positions = (begin + real.cumsum(1) - 1).clamp_min_(0)
            part.bias[:, begin : begin + n].masked_fill_(real, 0)
            causal = torch.ones(n, n, dtype=torch.bool, device=self.device).tril_()
            # Padding looks at itself: a token that sees nothing would turn into NaN, and spread.
            sees = (real[:, None, :] & causal) | torch.eye(n, dtype=torch.bool, device=self.device)
            mask = part.bias[:, None, : begin + n].repeat(1, n, 1)
            mask[:, :, begin:] = torch.zeros_like(mask[:, :, begin:]).masked_fill_(~sees, HIDDEN)
            yield first, last, part.extend(tokens, positions, mask, keep=keep)
        self.advance(width)


def last_positions(count: int, *, device: torch.device) -> Tensor:
    """The last `count` positions, one by one, for `logits_to_keep`.

    Given as a number, transformers takes a slice of the hidden states, which is not contiguous, and PyTorch then
    multiplies it by a copy of the vocabulary matrix for every row: gigabytes, and 20 times the time of the model.
    """
    return torch.arange(-count, 0, device=device)


def right_aligned(rows: Sequence[Sequence[int]], *, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids (rows, width) with zeros on the left, and which of them are real, as booleans."""
    tokens = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in rows], device=device)
    lengths = torch.tensor([len(ids) for ids in rows], device=device)
    real = torch.arange(width, device=device) >= width - lengths[:, None]
    return tokens, real


def summarise(logits: Tensor, *, best: bool = True) -> tuple[Tensor, Tensor]:
    """Of (R, V) logits: log of the sum of exponentials, and the best token, both (R,); in float32.

    A few rows at a time: what fits into the processor's cache is read from memory only once. Without
    `best` the best tokens, which cost as much again on a CPU, are all -1.
    """
    step = max(1, (1 << 21) // logits.shape[-1]) if logits.device.type == "cpu" else len(logits)
    normaliser, tokens = [], []
    for part in torch.split(logits, step):
        exact = part.float()
        normaliser.append(exact.logsumexp(-1))
        tokens.append(exact.argmax(-1) if best else torch.full_like(normaliser[-1], -1, dtype=torch.int64))
    return torch.cat(normaliser), torch.cat(tokens)
