"""How probable each label is, exactly, with as few tokens computed as the question allows.

A label's probability is the product over its tokens, the end token included, so a trie node whose
logits are known gives every child its probability *up to there*, which bounds all labels below it.
The most probable label is proven as soon as no bound of an uncomputed node exceeds it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from finetrie.inference.batching import Sizes, attempt, cell_bytes, ranges
from finetrie.inference.branches import Branches, right_aligned, summarise
from finetrie.inference.engine import Decoding, Finished
from finetrie.inference.labels import LabelTrie
from finetrie.trie import Prefix

WHOLE = 256  # tries with up to this many inner nodes are computed whole when probabilities are asked for
PADDING = 1 << 40  # a node number that no node may look at


@dataclass(eq=False)
class Scored:
    """One row being scored: what is known about the nodes of its label trie so far."""

    index: int
    ids: tuple[int, ...]  # the prompt
    trie: LabelTrie
    log_probability: dict[int, float] = field(default_factory=dict)  # node -> of all tokens up to it
    greedy: dict[int, int] = field(default_factory=dict)  # computed node -> best token of the vocabulary, if asked
    cells: list[int] = field(default_factory=list)  # nodes whose keys and values follow the prompt's
    patience: int = 1  # nodes to compute next to prove the best label; doubles
    seconds: float = 0.0
    error: str | None = None

    def reset(self) -> None:
        self.log_probability, self.greedy, self.cells, self.patience = {0: 0.0}, {}, [], 1

    def learn(self, node: int, *, normaliser: float, best: int, children: Sequence[float]) -> None:
        """Note what the logits at `node` say; `children` are the logits of its children, in their order."""
        here = self.log_probability[node]
        for child, logit in zip(self.trie.children[node].values(), children, strict=False):
            self.log_probability[child] = here + logit - normaliser
        self.greedy[node] = best

    @property
    def known(self) -> dict[str, float]:
        """Label -> joint log-probability, of the labels computed so far, in the order of the labels."""
        leaves = zip(self.trie.labels, self.trie.leaves, strict=True)
        return {label: self.log_probability[leaf] for label, leaf in leaves if leaf in self.log_probability}

    @property
    def best(self) -> str:
        """The most probable label computed so far; of equals, the first."""
        known = self.known
        return max(known, key=known.__getitem__)

    @property
    def mass(self) -> float:
        """Probability that the model says one of the labels computed so far."""
        return sum(map(math.exp, self.known.values()))

    @property
    def probabilities(self) -> dict[str, float]:
        """Label -> probability among the row's labels; 0 for labels not computed (see `undecided`)."""
        known = self.known
        top = max(known.values())  # joint probabilities can be far below the smallest float
        weights = {label: math.exp(known[label] - top) if label in known else 0.0 for label in self.trie.labels}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}

    @property
    def open(self) -> list[tuple[float, int]]:
        """(bound, node) of every node that could be computed next, highest bound first."""
        found = [
            (self.log_probability[node], node)
            for node in self.trie.inner
            if node not in self.greedy and node in self.log_probability
        ]
        return sorted(found, key=lambda pair: (-pair[0], pair[1]))

    def constrained_end(self) -> int:
        """Where greedy decoding among the children leads: a leaf, or a node that must be computed first."""
        node = 0
        while node in self.greedy:
            node = max(self.trie.children[node].values(), key=self.log_probability.__getitem__)
        return node

    def free_path(self, stop_ids: Collection[int], limit: int) -> tuple[list[int], int | None, Finished | None]:
        """What greedy decoding over the whole vocabulary says, as far as the trie knows.

        Returns its tokens, then the node to compute next (None outside the trie), then how it ended.
        """
        said: list[int] = []
        node: int | None = 0
        while node is not None and node in self.greedy:
            token = self.greedy[node]
            said.append(token)
            if token in stop_ids:
                return said, None, "stop"
            if len(said) >= limit:
                return said, None, "length"
            node = self.trie.children[node].get(token)
            if node is not None and not self.trie.children[node]:
                node = None  # past an end token that does not stop generation
        return said, node, None


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted of the rows, and how exactly."""

    decodings: frozenset[Decoding]
    stop_ids: frozenset[int]
    free_limit: int | None  # tokens of a free answer; None: as many as the row's longest label
    tolerance: float  # share of the distribution that may stay undecided in a trie too large to compute whole
    whole: int = WHOLE  # inner nodes of a trie that is not too large

    def limit(self, row: Scored) -> int:
        return self.free_limit or max(row.trie.depth)

    def nodes(self, row: Scored, *, most: int) -> list[int]:
        """Inner nodes of `row` to compute next: ascending, each with its ancestors computed or listed too."""
        left = [node for node in row.trie.inner if node not in row.greedy]
        whole = len(row.trie.inner) <= self.whole or self.tolerance == 0
        if "probabilities" in self.decodings and whole:
            return left[:most]
        wanted: set[int] = set()
        if "constrained" in self.decodings:
            wanted.add(row.constrained_end())
        if "free" in self.decodings:
            wanted.add(row.free_path(self.stop_ids, self.limit(row))[1] or 0)
        wanted.update(self._undecided(row))
        chosen = [on for node in sorted(wanted.intersection(left)) for on in _chain(row.trie, node)]
        return sorted(chosen)[:most]

    def _undecided(self, row: Scored) -> list[int]:
        """Nodes that could still change the answer, as many as the row's patience says."""
        candidates = row.open
        if not candidates or not self.decodings & {"argmax", "probabilities"}:
            return []
        best = max(row.known.values(), default=-math.inf)
        nodes = [node for bound, node in candidates if bound > best]
        if "probabilities" in self.decodings:
            nodes = max(nodes, _until_decided(candidates, row, self.tolerance), key=len)
        taken, row.patience = nodes[: row.patience], row.patience * 2
        return taken


def undecided(row: Scored) -> float:
    """The largest share of the distribution over labels that uncomputed nodes can still hold."""
    bounds, known = [bound for bound, _ in row.open], list(row.known.values())
    if not bounds:
        return 0.0
    top = max(bounds + known)
    missing, found = (sum(math.exp(value - top) for value in values) for values in (bounds, known))
    return missing / (missing + found)


def _until_decided(candidates: Sequence[tuple[float, int]], row: Scored, tolerance: float) -> list[int]:
    """The first of the candidates, best first, without which less than `tolerance` would be undecided.

    Computing a node can only lower its bound, so this is an estimate from below: more may follow.
    """
    bounds, known = [bound for bound, _ in candidates], list(row.known.values())
    top = max(bounds + known)
    missing = [math.exp(bound - top) for bound in bounds]
    left = sum(missing)
    allowed = tolerance * (left + sum(math.exp(value - top) for value in known))
    count = 0
    while left > allowed and count < len(missing):
        left -= missing[count]
        count += 1
    return [node for _, node in candidates[:count]]


def score_rows(model: Any, prefix: Prefix, rows: Sequence[Scored], question: Question, *, sizes: Sizes) -> None:
    """Compute what `question` needs of every row; results and errors are left in the rows.

    The longest rows go first, so what does not fit into memory is known at once.
    """
    order = sorted(rows, key=lambda row: -_first_pass(row, prefix))
    vocabulary = model.get_input_embeddings().weight.shape[0]
    positions = max(1, sizes.logit_bytes // (6 * vocabulary))  # half precision, and a chunk in float32
    stem = max(len(row.trie.stem) for row in rows)
    nodes = max(len(row.trie.inner) for row in rows)
    held = [cell_bytes(prefix) * (len(prefix) + _first_pass(row, prefix) + nodes) for row in order]
    tokens = min(sizes.tokens, positions * max(1, _first_pass(order[0], prefix)) // stem)

    def run(batch: Sequence[Scored]) -> None:
        started = perf_counter()
        for row in batch:
            row.reset()
        _score_batch(model, prefix, batch, question, tokens=tokens, positions=positions)
        share = (perf_counter() - started) / len(batch)
        for row in batch:
            row.seconds = share

    def failed(row: Scored, error: str) -> None:
        row.error = error

    for first, last in ranges(held, tokens=sizes.cache_bytes, rows=sizes.rows):
        attempt(order[first:last], run, failed)


def _first_pass(row: Scored, prefix: Prefix) -> int:
    """The row's own tokens of the first pass: the rest of its prompt and what all its labels begin with."""
    return len(row.ids) - len(prefix) + len(row.trie.stem) - 1


def _score_batch(
    model: Any, prefix: Prefix, batch: Sequence[Scored], question: Question, *, tokens: int, positions: int
) -> None:
    own = [[*row.ids[len(prefix) :], *(row.trie.tokens[node] for node in row.trie.stem[1:])] for row in batch]
    keep = max(len(row.trie.stem) for row in batch)
    greedy = "free" in question.decodings
    capacity = len(prefix) + max(keep, *map(len, own))
    branches = Branches.of(model, prefix, rows=len(batch), capacity=capacity)
    for first, last, logits in branches.prefill(own, budget=tokens, keep=keep):
        _read(logits, batch[first:last], [list(row.trie.stem) for row in batch[first:last]], greedy=greedy)
    rows = list(batch)
    trunk = branches.used
    while True:
        wanted = [question.nodes(row, most=positions) for row in rows]
        active = [index for index, nodes in enumerate(wanted) if nodes]
        if not active:
            return
        if len(active) < len(rows):
            branches = branches.select(active)
            rows, wanted = [rows[i] for i in active], [wanted[i] for i in active]
        _grow(branches, rows, wanted, trunk=trunk, tokens=tokens, positions=positions, greedy=greedy)


def _grow(
    branches: Branches,
    rows: Sequence[Scored],
    wanted: Sequence[list[int]],
    *,
    trunk: int,
    tokens: int,
    positions: int,
    greedy: bool,
) -> None:
    """Compute the wanted nodes of every row, side by side; cells from `trunk` on belong to nodes."""
    width = max(map(len, wanted))
    begin = branches.used
    branches.reserve(begin + width)
    for first, last in ranges([len(nodes) for nodes in wanted], tokens=min(tokens, positions)):
        part, part_rows, part_wanted = branches.slice(first, last), rows[first:last], wanted[first:last]
        n = max(map(len, part_wanted))
        ids = [[row.trie.tokens[node] for node in nodes] for row, nodes in zip(part_rows, part_wanted, strict=True)]
        token_ids, _ = right_aligned(ids, width=n, device=branches.device)
        padded = [[PADDING] * (n - len(nodes)) + nodes for nodes in part_wanted]
        positions_ids = torch.tensor(
            [
                [len(row.ids) - 1 + (row.trie.depth[node] if node != PADDING else 0) for node in nodes]
                for row, nodes in zip(part_rows, padded, strict=True)
            ],
            device=branches.device,
        )
        for row, nodes in zip(part_rows, padded, strict=True):
            row.cells += nodes
        mask = part.bias[:, None, : begin + n].repeat(1, n, 1)
        mask[:, :, trunk:].masked_fill_(_may_look(part_rows, n, device=branches.device), 0)
        _read(part.extend(token_ids, positions_ids, mask, keep=n), part_rows, part_wanted, greedy=greedy)
        for row in part_rows:
            row.cells += [PADDING] * (width - n)
    branches.advance(width)


def _may_look(rows: Sequence[Scored], n: int, *, device: torch.device) -> Tensor:
    """(rows, n, cells): whether each of the last `n` cells may look at each cell of its row's nodes.

    The rule of the trie: token q may see token k iff k <= q < subtree_end[k]; padding sees itself.
    """
    cell = torch.tensor([row.cells for row in rows], device=device)
    end = torch.tensor(
        [[row.trie.subtree_end[node] if node != PADDING else 0 for node in row.cells] for row in rows], device=device
    )
    looking = cell[:, -n:, None]
    sees = (cell[:, None, :] <= looking) & (looking < end[:, None, :])
    sees[:, :, -n:] |= torch.eye(n, dtype=torch.bool, device=device)
    return sees


def _read(logits: Tensor, rows: Sequence[Scored], nodes: Sequence[Sequence[int]], *, greedy: bool) -> None:
    """Note in each row what the logits (rows, K, V) of its nodes, right-aligned, say."""
    count, kept, vocabulary = logits.shape
    summary = summarise(logits.reshape(-1, vocabulary), best=greedy)
    normaliser, best = (values.view(count, kept).tolist() for values in summary)
    children = [[list(row.trie.children[node]) for node in mine] for row, mine in zip(rows, nodes, strict=True)]
    most = max(len(tokens) for row in children for tokens in row)
    index = torch.zeros(count, kept, most, dtype=torch.int64)
    for r, row_children in enumerate(children):
        for k, tokens in enumerate(row_children, start=kept - len(row_children)):
            index[r, k, : len(tokens)] = torch.tensor(tokens)
    values = logits.gather(2, index.to(logits.device)).float().tolist()
    for r, (row, mine) in enumerate(zip(rows, nodes, strict=True)):
        for k, node in enumerate(mine, start=kept - len(mine)):
            below = values[r][k][: len(row.trie.children[node])]
            row.learn(node, normaliser=normaliser[r][k], best=best[r][k], children=below)


def _chain(trie: LabelTrie, node: int) -> list[int]:
    """`node` and the inner nodes after it for as long as there is only one way to go."""
    chain = [node]
    while len(trie.children[chain[-1]]) == 1:
        (child,) = trie.children[chain[-1]].values()
        if not trie.children[child]:
            break
        chain.append(child)
    return chain
