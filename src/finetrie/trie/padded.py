"""The plain way: rows padded to a rectangle. The fallback, and what the trie is tested against."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from finetrie.trie.attention import transformer
from finetrie.trie.loss import weighted_cross_entropy
from finetrie.trie.pack import checked


def padded_loss(model: Any, sequences: Sequence[Sequence[int]], supervised: Sequence[Sequence[bool]]) -> Tensor:
    """SUM of cross-entropy over the supervised tokens of one padded batch, in float32.

    The same quantity as `pack_loss`: the caller divides by the supervised tokens of the whole step.
    Padding stands on the right, behind every token that could see it; its id does not matter. Columns in
    which no row has a target get no logits, where the model can leave them out.

    Raises:
        ValueError: no sequence, an empty one, flags of another length, or a supervised first token.
    """
    tokens, flags = checked(sequences, supervised)
    width = max(len(t) for t in tokens)
    ids = torch.zeros(len(tokens), width, dtype=torch.int64)
    real = torch.zeros_like(ids)
    targets = torch.zeros_like(ids, dtype=torch.bool)
    for row, (sequence, flag) in enumerate(zip(tokens, flags, strict=True)):
        ids[row, : len(sequence)] = torch.from_numpy(sequence)
        real[row, : len(sequence)] = 1
        targets[row, : len(sequence)] = torch.from_numpy(flag)
    device = transformer(model).device
    columns = targets[:, 1:].any(0).nonzero()[:, 0]  # where some row predicts a target
    if not len(columns):
        columns = torch.zeros(1, dtype=torch.int64)
    keep = {"logits_to_keep": columns.to(device)} if _chooses_logits(model) else {}
    logits: Tensor = model(input_ids=ids.to(device), attention_mask=real.to(device), use_cache=False, **keep).logits
    if not keep:
        logits = logits[:, columns.to(logits.device)]
    predicts = functional.pad(targets[:, 1:], (0, 1))[:, columns].flatten().nonzero()[:, 0].to(logits.device)
    wanted = ids.roll(-1, dims=1)[:, columns].flatten().to(logits.device)[predicts]
    return weighted_cross_entropy(logits.flatten(0, 1), predicts, wanted, torch.ones_like(wanted, dtype=torch.float32))


def _chooses_logits(model: Any) -> bool:
    """Can this model leave out the logits that nobody asked for?"""
    return "logits_to_keep" in inspect.signature(transformer(model).forward).parameters
