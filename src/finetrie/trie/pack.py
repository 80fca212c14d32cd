"""Token sequences → one row in which every distinct prefix stands once.

Sorted lexicographically, a sequence differs from its predecessor only behind their longest common
prefix; writing those remainders one after the other *is* the depth-first order of the prefix trie.
So no tree is built: one sort, one longest common prefix per neighbour, one stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pack:
    """Some sequences as one trie row of `L` nodes, with the targets that its nodes predict.

    A node is a token with everything before it; sequences that begin alike share the nodes.
    All tensors are on one device.
    """

    input_ids: Tensor  # (L,) int64, depth-first
    position_ids: Tensor  # (L,) int64, depth of the token in its own sequence, plus the offset
    subtree_end: Tensor  # (L,) int64; token q may see token k iff k <= q < subtree_end[k]
    predict: Tensor  # (S,) int64, node that predicts; ascending
    target: Tensor  # (S,) int64, the token it should predict
    weight: Tensor  # (S,) float32, how many sequences share this (node, target)
    nodes: tuple[Tensor, ...]  # per input sequence: (its length,) int64, its path through the row

    def __len__(self) -> int:
        """Nodes in the row: the tokens a forward pass computes."""
        return self.input_ids.shape[0]

    @property
    def rows(self) -> int:
        return len(self.nodes)

    @property
    def offset(self) -> int:
        """Position of the first token: the length of the prefix that stands outside the pack."""
        return int(self.position_ids[0])

    @property
    def depth(self) -> int:
        """Tokens of the longest sequence, the offset included: what a context window must hold."""
        return int(self.position_ids.max()) + 1

    @cached_property
    def predicting(self) -> tuple[Tensor, Tensor]:
        """(R,) distinct nodes that predict, and (S,) which of them each target belongs to."""
        unique, inverse = torch.unique_consecutive(self.predict, return_inverse=True)
        return unique, inverse

    def to(self, device: torch.device | str) -> Pack:
        """The same pack with its tensors on `device`; itself when they are there already."""
        if self.input_ids.device == torch.device(device):
            return self
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "nodes"}
        return replace(self, **moved, nodes=tuple(path.to(device) for path in self.nodes))


def pack(
    sequences: Sequence[Sequence[int]],
    supervised: Sequence[Sequence[bool]] | None = None,
    *,
    offset: int = 0,
    device: torch.device | str = "cpu",
) -> Pack:
    """Merge sequences into the depth-first row of their prefix trie.

    Sequences may share any prefix, none (several roots), be a prefix of another, or be equal.
    `supervised[i][t]` makes token `t` of sequence `i` a target of the node before it; sequences that
    share node and target add their weights. `offset` is the length of a prefix that all sequences
    continue and that is not part of them (see `prefix_cache`).

    Time and memory are linear in the tokens, but for the sort.

    Raises:
        ValueError: no sequence, an empty one, flags of another length, or a supervised first token,
            which no token of its sequence predicts.
    """
    tokens, flags = checked(sequences, supervised)
    order, shared = sorted_with_shared(tokens)
    fresh = np.array([len(tokens[i]) for i in order], dtype=np.int64) - shared
    starts = np.concatenate([[0], np.cumsum(fresh)])  # where each sorted sequence's own tokens begin

    input_ids = np.concatenate([tokens[i][k:] for i, k in zip(order, shared, strict=True)])
    depth = np.concatenate([np.arange(k, k + n) for k, n in zip(shared, fresh, strict=True)])
    paths = _paths(order, shared, fresh, starts)
    predict, target, weight = _supervision(tokens, flags, paths, width=int(input_ids.max()) + 1)

    def tensor(values: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    return Pack(
        input_ids=tensor(input_ids),
        position_ids=tensor(depth + offset),
        subtree_end=tensor(_subtree_end(shared, fresh, starts)),
        predict=tensor(predict),
        target=tensor(target),
        weight=tensor(weight),
        nodes=tuple(tensor(path) for path in paths),
    )


def sorted_with_shared(tokens: Sequence[Ints]) -> tuple[list[int], Ints]:
    """Indices in lexicographic order, and how many leading tokens each shares with the one before it."""
    keys = [t.astype(">u4").tobytes() for t in tokens]  # big-endian bytes compare like the token lists
    order = sorted(range(len(tokens)), key=keys.__getitem__)
    shared = np.zeros(len(order), dtype=np.int64)
    for rank in range(1, len(order)):
        shared[rank] = common_length(tokens[order[rank - 1]], tokens[order[rank]])
    return order, shared


def common_length(a: Ints, b: Ints) -> int:
    """Length of the longest common prefix."""
    length = min(len(a), len(b))
    differs = a[:length] != b[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length


def checked(
    sequences: Sequence[Sequence[int]], supervised: Sequence[Sequence[bool]] | None
) -> tuple[list[Ints], list[npt.NDArray[np.bool_]]]:
    tokens = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    if not tokens or not all(len(t) for t in tokens):
        raise ValueError("pack needs at least one sequence, and a token in each")
    if supervised is None:
        return tokens, [np.zeros(len(t), dtype=np.bool_) for t in tokens]
    flags = [np.asarray(flag, dtype=np.bool_) for flag in supervised]
    if [len(f) for f in flags] != [len(t) for t in tokens]:
        raise ValueError("supervised needs one flag for every token of every sequence")
    first = next((i for i, f in enumerate(flags) if f[0]), None)
    if first is not None:
        raise ValueError(f"sequence {first}: its first token is supervised, but nothing stands before it to predict it")
    return tokens, flags


def _paths(order: list[int], shared: Ints, fresh: Ints, starts: Ints) -> list[Ints]:
    """Per sequence, in the caller's order, the nodes of its tokens."""
    paths: list[Ints] = [np.empty(0, dtype=np.int64)] * len(order)
    path = paths[0]
    for rank, index in enumerate(order):
        own = np.arange(starts[rank], starts[rank] + fresh[rank])
        paths[index] = path = np.concatenate([path[: shared[rank]], own])
    return paths


def _subtree_end(shared: Ints, fresh: Ints, starts: Ints) -> Ints:
    """One past the last node below each node.

    A token at depth `d` stays an ancestor until the next sequence that shares at most `d` tokens.
    From the right, a stack holds the sequences that can be such an end for those further left:
    `shared` grows and `start` falls from bottom to top. Each is pushed and popped once.
    """
    end = np.empty(int(starts[-1]), dtype=np.int64)
    stack: list[tuple[int, int]] = [(-1, int(starts[-1]))]
    for rank in range(len(shared) - 1, -1, -1):
        low, start = int(shared[rank]), int(starts[rank])
        high = low + int(fresh[rank])
        while stack[-1][0] > low:
            border, stop = stack.pop()
            if border < high:  # a branch leaves inside this sequence's own tokens
                end[start + border - low : start + high - low] = stop
                high = border
        end[start : start + high - low] = stack[-1][1]
        if stack[-1][0] == low:
            stack.pop()
        stack.append((low, start))
    return end


def _supervision(
    tokens: list[Ints], flags: list[npt.NDArray[np.bool_]], paths: list[Ints], *, width: int
) -> tuple[Ints, Ints, npt.NDArray[np.float32]]:
    """Distinct (node, target) pairs, ascending, and how many sequences ask for each."""
    node = np.concatenate([path[:-1][flag[1:]] for path, flag in zip(paths, flags, strict=True)])
    target = np.concatenate([token[1:][flag[1:]] for token, flag in zip(tokens, flags, strict=True)])
    pairs, count = np.unique(node * width + target, return_counts=True)
    return pairs // width, pairs % width, count.astype(np.float32)
