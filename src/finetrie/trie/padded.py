"""The plain way: rows padded to a rectangle. The fallback, and what the trie is tested against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from finetrie.trie.loss import weighted_cross_entropy
from finetrie.trie.pack import checked


def padded_loss(model: Any, sequences: Sequence[Sequence[int]], supervised: Sequence[Sequence[bool]]) -> Tensor:
    """SUM of cross-entropy over the supervised tokens of one padded batch, in float32.

    The same quantity as `pack_loss`: the caller divides by the supervised tokens of the whole step.
    Padding stands on the right, behind every token that could see it; its id does not matter.

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
    device = model.get_input_embeddings().weight.device
    logits: Tensor = model(input_ids=ids.to(device), attention_mask=real.to(device), use_cache=False).logits
    predicts = functional.pad(targets[:, 1:], (0, 1)).flatten().nonzero()[:, 0].to(logits.device)
    wanted = ids.roll(-1, dims=1).flatten().to(logits.device)[predicts]
    return weighted_cross_entropy(logits.flatten(0, 1), predicts, wanted, torch.ones_like(wanted, dtype=torch.float32))
