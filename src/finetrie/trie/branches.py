"""The row cut into short stretches that attend their ancestors and themselves, and nothing else.

A dense mask over a row of `L` nodes computes L² scores, most of which it hides. Cut at the branches,
every stretch of queries has few keys: the tokens above it and its own. Stretches of like size are
computed as one batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from finetrie.trie.pack import Ints, Pack
from finetrie.trie.products import attend_masked

TILE = 64  # subtrees of at most this many nodes stay whole: small matrices cost more than the scores they save
WASTE = 0.25  # share of a batch's scores that padding to its longest stretch may add
BATCH_OVERHEAD = 4096  # what one more batch costs, in scores


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes `start:stop` of the row; `above` are the ranges of their common ancestors, root first."""

    start: int
    stop: int
    above: tuple[tuple[int, int], ...]
    chain: bool  # every node is the child of the one before it

    @property
    def queries(self) -> int:
        return self.stop - self.start

    @property
    def keys(self) -> int:
        return self.queries + sum(stop - start for start, stop in self.above)


@dataclass(frozen=True, eq=False, slots=True)
class Bucket:
    """`B` blocks computed as one batch, shorter ones padded."""

    query: Tensor  # (B * Q,) int64, nodes; padding repeats the block's first node
    key: Tensor  # (B * K,) int64, indices into [prefix, row]
    shape: tuple[int, int, int]  # B, Q, K
    mask: Tensor | None  # (B, 1, Q, K), 0 or -inf; None: plain causal attention


@dataclass(frozen=True, eq=False, slots=True)
class Branches:
    """What the attention function needs to know of a pack."""

    buckets: tuple[Bucket, ...]
    place: Tensor  # (L,) int64, where each node's output stands in the concatenated outputs of the buckets


def branches(pack: Pack, *, past: int = 0, dtype: torch.dtype) -> Branches:
    """Cut a pack into batches of blocks; `past` prefix tokens stand before the row and all may see them."""
    end = pack.subtree_end.cpu().numpy()
    groups = bucketed(blocks(end, pack.position_ids.cpu().numpy()), past=past)
    place = np.empty(len(end), dtype=np.int64)
    buckets, filled = [], 0
    for group in groups:
        width = max(block.queries for block in group)
        for row, block in enumerate(group):
            place[block.start : block.stop] = filled + row * width + np.arange(block.queries)
        filled += len(group) * width
        buckets.append(_bucket(group, end, past=past, dtype=dtype, device=pack.input_ids.device))
    return Branches(tuple(buckets), torch.from_numpy(place).to(pack.input_ids.device))


def blocks(end: Ints, depth: Ints) -> list[Block]:
    """Cut the row into blocks, each with one set of ancestors; every node is in exactly one.

    A block is a stretch without branching, a small subtree, or several small neighbouring subtrees
    of one parent.
    """
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(depth) != 1) | (np.diff(end) != 0)]))
    stops = dict(zip(starts.tolist(), [*starts[1:].tolist(), len(end)], strict=True))
    found: list[Block] = []
    above: list[tuple[int, int]] = []  # the open segments, root first
    node = 0
    while node < len(end):
        while above and end[above[-1][0]] <= node:
            above.pop()
        stop, whole = stops[node], int(end[node])
        if whole - node > TILE:
            found.append(Block(node, stop, tuple(above), chain=True))
            above.append((node, stop))
            node = stop
            continue
        last = found[-1] if found else None
        if last and last.above == tuple(above) and last.stop == node and whole - last.start <= TILE:
            found[-1] = Block(last.start, whole, last.above, chain=False)
        else:
            found.append(Block(node, whole, tuple(above), chain=stop == whole))
        node = whole
    return found


def bucketed(found: list[Block], *, past: int = 0) -> list[list[Block]]:
    """Group blocks of like size, so that padding adds at most `WASTE`, or less than a batch of its own would.

    Blocks that need no mask, causal stretches with nothing before them, stay apart from the others.
    """
    groups: list[list[Block]] = []
    used, plain_before, largest = 0, False, (0, 0)
    for block in sorted(found, key=lambda b: (_plain(b, past), b.queries, b.keys, -b.start), reverse=True):
        plain = _plain(block, past)
        area = (max(largest[0], block.queries), max(largest[1], past + block.keys))
        used += block.queries * (past + block.keys)
        padded = area[0] * area[1] * (len(groups[-1]) + 1) if groups else 0
        if groups and plain == plain_before and padded <= used * (1 + WASTE) + BATCH_OVERHEAD:
            groups[-1].append(block)
            largest = area
        else:
            groups.append([block])
            used, largest = block.queries * (past + block.keys), (block.queries, past + block.keys)
        plain_before = plain
    return groups


def cost(groups: list[list[Block]], *, past: int = 0) -> int:
    """Scores computed by `groups`, with the overhead of cutting and joining in the same unit.

    The weights are ratios of times measured on CPU for 14 heads of 64, forward and backward: a batch
    costs as much as 4,096 scores, gathering a key as 2, gathering a query and placing its output as 8.
    """
    total = 0
    for group in groups:
        queries = len(group) * max(block.queries for block in group)
        keys = past + max(block.keys for block in group)
        total += queries * keys + BATCH_OVERHEAD + 2 * len(group) * keys + 8 * queries
    return total


def attend(
    route: Branches, query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, dropout: float
) -> Tensor:
    """(1, L, heads, size) attention of each node over its ancestors and itself.

    Args:
        query: (1, heads, L, size).
        key, value: (1, KV heads, past + L, size).

    In bfloat16 PyTorch's CPU kernel is slow on small matrices, so short blocks are computed by plain
    products (`finetrie.trie.products`), in less than half its time.
    """
    # (tokens, heads, size): a token's heads are adjacent, as the projections wrote them, so rows copy fast
    by_token = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16
    parts = []
    for bucket in route.buckets:
        batch, queries, keys = bucket.shape
        q = _gathered(by_token[0], bucket.query, batch, queries)
        k, v = (_gathered(tokens, bucket.key, batch, keys) for tokens in by_token[1:])
        out = attend_masked(q, k, v, bucket.mask, scale=scale, dropout=dropout, products=slow)
        parts.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(parts).index_select(0, route.place)[None]


def _gathered(tokens: Tensor, index: Tensor, batch: int, length: int) -> Tensor:
    """(batch, heads, length, size) of rows chosen from (tokens, heads, size)."""
    return tokens.index_select(0, index).view(batch, length, *tokens.shape[1:]).transpose(1, 2)


def _plain(block: Block, past: int) -> bool:
    return block.chain and not block.above and past == 0


def _bucket(group: list[Block], end: Ints, *, past: int, dtype: torch.dtype, device: torch.device) -> Bucket:
    queries = max(block.queries for block in group)
    keys = past + max(block.keys for block in group)
    query = np.empty((len(group), queries), dtype=np.int64)
    key = np.zeros((len(group), keys), dtype=np.int64)
    real = np.zeros((len(group), keys), dtype=np.bool_)
    for row, block in enumerate(group):
        query[row] = block.start
        query[row, : block.queries] = np.arange(block.start, block.stop)
        own = [np.arange(start, stop) for start, stop in (*block.above, (block.start, block.stop))]
        key[row, : past + block.keys] = np.concatenate([np.arange(-past, 0), *own])
        real[row, : past + block.keys] = True
    mask = None
    if not all(_plain(block, past) for block in group):
        hidden = ~(real[:, None, :] & _visible(query, key, end))
        mask = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(torch.from_numpy(hidden), float("-inf"))
        mask = mask[:, None].to(device)
    return Bucket(
        query=torch.from_numpy(query.reshape(-1)).to(device),
        key=torch.from_numpy(key.reshape(-1) + past).to(device),
        shape=(len(group), queries, keys),
        mask=mask,
    )


def _visible(query: Ints, key: Ints, end: Ints) -> npt.NDArray[np.bool_]:
    """(B, Q, K): may the query node see the key? Keys below zero are the prefix, which all may see."""
    q, k = query[:, :, None], key[:, None, :]
    seen: npt.NDArray[np.bool_] = (k < 0) | ((k <= q) & (q < end[np.maximum(k, 0)]))
    return seen
