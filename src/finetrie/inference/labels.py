"""The candidate labels of a row as a trie of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from finetrie.errors import ModelError
from finetrie.trie import pack


@dataclass(frozen=True, eq=False)
class LabelTrie:
    """Labels that begin alike share nodes. Node 0 is the prompt's last token; order is depth-first.

    A leaf is a label's last token, its end token. Nothing follows it, so it is never computed.
    """

    labels: tuple[str, ...]
    tokens: tuple[int, ...]  # of each node; that of node 0 is meaningless
    depth: tuple[int, ...]
    subtree_end: tuple[int, ...]  # one past the last node below this one
    children: tuple[dict[int, int], ...]  # token -> node, by ascending token
    leaves: tuple[int, ...]  # of each label
    inner: tuple[int, ...]  # nodes with children, ascending: those whose logits say something
    stem: tuple[int, ...]  # inner nodes from node 0 on, as long as there is only one way to go

    def __len__(self) -> int:
        return len(self.tokens)


def label_trie(labels: Sequence[str], ids: Sequence[Sequence[int]]) -> LabelTrie:
    """Build the trie of labels whose tokens, end token included, are `ids`.

    Raises:
        ModelError: no label, a label without tokens, or labels that cannot be told apart by their tokens.
    """
    if not labels or not all(ids):
        raise ModelError("a row has no candidate label, or one without tokens", fix="give every row its labels")
    packed = pack([(0, *tokens) for tokens in ids])
    paths = [path.tolist() for path in packed.nodes]
    tokens = packed.input_ids.tolist()
    children: list[dict[int, int]] = [{} for _ in tokens]
    for path in paths:
        for parent, node in pairwise(path):
            children[parent][tokens[node]] = node
    leaves = [path[-1] for path in paths]
    for index, leaf in enumerate(leaves):
        same = leaves.index(leaf)
        if same != index:
            raise ModelError(f"labels {labels[same]!r} and {labels[index]!r} have the same tokens", fix="rename one")
        if children[leaf]:
            raise ModelError(
                f"label {labels[index]!r} is the beginning of another one, end token included",
                fix="rename the label, or use an end token that no label contains",
            )
    inner = tuple(node for node, below in enumerate(children) if below)
    stem = [0]
    while len(children[stem[-1]]) == 1:
        (node,) = children[stem[-1]].values()
        if not children[node]:
            break
        stem.append(node)
    return LabelTrie(
        labels=tuple(labels),
        tokens=tuple(tokens),
        depth=tuple(packed.position_ids.tolist()),
        subtree_end=tuple(packed.subtree_end.tolist()),
        children=tuple(dict(sorted(below.items())) for below in children),
        leaves=tuple(leaves),
        inner=inner,
        stem=tuple(stem),
    )
