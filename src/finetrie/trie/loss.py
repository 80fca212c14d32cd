"""What a model says at chosen nodes of a pack, and the training loss there.

Vocabulary logits exist only for nodes that are asked for, through the models' own `logits_to_keep`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from finetrie.errors import ModelError
from finetrie.trie.attention import Attention, attending, hold
from finetrie.trie.pack import Pack
from finetrie.trie.prefix import Prefix

CHUNK_ELEMENTS = 1 << 23  # logits held in float32 at a time: 32 MB


def pack_loss(model: Any, pack: Pack, *, attention: Attention = "auto") -> Tensor:
    """SUM over the targets of weight · cross-entropy, in float32; a scalar to call `backward` on.

    The caller divides by the number of supervised tokens of the whole optimiser step, over all its
    packs and devices, which makes the sum of such losses equal to the loss of one padded batch.
    """
    kept, row = pack.predicting
    if not len(kept):  # nothing to learn here, yet every device must run its forward and backward pass
        kept = torch.zeros(1, dtype=torch.int64, device=pack.input_ids.device)
    logits = _forward(model, pack, kept, attention=attention, prefix=None)
    row, target, weight = (tensor.to(logits.device) for tensor in (row, pack.target, pack.weight))
    return weighted_cross_entropy(logits, row, target, weight)


@torch.no_grad()
def node_logits(
    model: Any, pack: Pack, nodes: Tensor, *, attention: Attention = "auto", prefix: Prefix | None = None
) -> Tensor:
    """(len(nodes), V) float32 next-token logits at `nodes`, without gradients.

    With `prefix`, every sequence of the pack continues it; the pack must have `offset=len(prefix)`.
    """
    return _forward(model, pack, nodes, attention=attention, prefix=prefix).float()


def weighted_cross_entropy(logits: Tensor, row: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Σ weight[s] · -log softmax(logits[row[s]])[target[s]], computed in float32.

    Args:
        logits: (R, V), any floating dtype.
        row: (S,) ascending indices into the R rows; a row may have several targets, or none.
        target: (S,) token ids.
        weight: (S,) float32.

    Beside the logits themselves only one chunk is ever held in float32, in the backward pass too:
    with 150,000 tokens in the vocabulary this is what decides the peak memory.
    """
    loss: Tensor = _WeightedCrossEntropy.apply(logits, row, target, weight)  # type: ignore[no-untyped-call]
    return loss


class _WeightedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, row: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        normaliser = torch.cat([part.float().logsumexp(-1) for part in torch.split(logits, _chunk_rows(logits))])
        ctx.save_for_backward(logits, normaliser, row, target, weight)
        return (weight * (normaliser[row] - logits[row, target].float())).sum()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        logits, normaliser, row, target, weight = ctx.saved_tensors
        weight = weight * grad_outputs[0]
        row_weight = torch.zeros_like(normaliser).index_add_(0, row, weight)
        gradient = torch.empty_like(logits)
        step = _chunk_rows(logits)
        borders = torch.searchsorted(row, torch.arange(0, len(logits) + step, step, device=row.device)).tolist()
        for chunk, start in enumerate(range(0, len(logits), step)):
            part = slice(start, start + step)
            share = (logits[part].float() - normaliser[part, None]).exp_().mul_(row_weight[part, None])
            mine = slice(borders[chunk], borders[chunk + 1])
            share.index_put_((row[mine] - start, target[mine]), -weight[mine], accumulate=True)
            gradient[part] = share
        return gradient, None, None, None


def _chunk_rows(logits: Tensor) -> int:
    return max(1, CHUNK_ELEMENTS // logits.shape[-1])


def _forward(model: Any, pack: Pack, nodes: Tensor, *, attention: Attention, prefix: Prefix | None) -> Tensor:
    """(len(nodes), V) logits in the model's own dtype."""
    past = 0 if prefix is None else len(prefix)
    if pack.offset != past:
        raise ValueError(f"the pack starts at position {pack.offset}, but {past} tokens stand before it")
    with attending(model, pack, attention=attention, past=past) as way:
        cache = None if prefix is None else prefix.cache()
        kept = nodes.to(way.inputs["input_ids"].device)
        logits: Tensor = model(**way.inputs, past_key_values=cache, use_cache=False, logits_to_keep=kept).logits
    if logits.shape[:2] != (1, len(nodes)):
        raise ModelError(
            f"{type(model).__name__} returned logits of shape {tuple(logits.shape)} for {len(nodes)} chosen nodes",
            fix='this model cannot be used with the trie; set training.trie = "off"',
        )
    return hold(logits[0], model, way.implementation)
