"""`subtree_end` as the masks that attention kernels take."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

FLEX_BLOCK = 128  # FlexAttention's own block size


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


def flex_mask(subtree_end: Tensor, *, past: int = 0) -> BlockMask:
    """FlexAttention's mask of a row behind `past` prefix tokens; `L` must be a multiple of `FLEX_BLOCK`.

    Which blocks hold something to see follows from the largest and smallest `subtree_end` in a block of
    keys, so nothing of size L² is ever built.
    """
    length = len(subtree_end)
    if length % FLEX_BLOCK:
        raise ValueError(f"FlexAttention needs a row padded to a multiple of {FLEX_BLOCK} nodes, not {length}")
    keys = past + length
    # in the coordinates of the keys: the prefix stays visible to the last node
    end = torch.cat([subtree_end.new_full((past,), keys), subtree_end + past])

    def visible(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query + past) & (query + past < end[key])

    some, every = _block_cover(end, rows=length // FLEX_BLOCK, past=past)
    count, index = _listed(some & ~every)
    full_count, full_index = _listed(every)
    return BlockMask.from_kv_blocks(
        count, index, full_count, full_index, BLOCK_SIZE=FLEX_BLOCK, mask_mod=visible, seq_lengths=(length, keys)
    )


def _block_cover(end: Tensor, *, rows: int, past: int) -> tuple[Tensor, Tensor]:
    """(rows, columns) of blocks: is anything visible in it, is everything?"""
    columns = -(-len(end) // FLEX_BLOCK)
    gap = columns * FLEX_BLOCK - len(end)
    latest = torch.cat([end, end.new_zeros(gap)]).view(columns, FLEX_BLOCK).amax(1)
    soonest = torch.cat([end, end.new_zeros(gap)]).view(columns, FLEX_BLOCK).amin(1)
    first_query = past + torch.arange(rows, device=end.device)[:, None] * FLEX_BLOCK
    first_key = torch.arange(columns, device=end.device)[None, :] * FLEX_BLOCK
    last_query, last_key = first_query + FLEX_BLOCK - 1, first_key + FLEX_BLOCK - 1
    # a node's end lies behind the node, so a block that touches the diagonal always holds a visible pair
    some = (first_key <= last_query) & (latest[None, :] > first_query)
    every = (last_key <= first_query) & (soonest[None, :] > last_query)
    return some, every


def _listed(cover: Tensor) -> tuple[Tensor, Tensor]:
    """Per row, how many columns are set, and their numbers first: the form `BlockMask` takes."""
    count = cover.sum(1, dtype=torch.int32)
    index = torch.argsort(cover.to(torch.int32), dim=1, descending=True, stable=True).to(torch.int32)
    return count[None, None], index[None, None]
