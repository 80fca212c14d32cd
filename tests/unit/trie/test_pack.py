from __future__ import annotations

import random
import time

import pytest
import torch
from hypothesis import given

from finetrie.trie import pack
from tests.unit.trie.cases import Rows, many_examples, rows


@many_examples
@given(rows())
def test_every_distinct_prefix_stands_once(case: Rows) -> None:
    sequences, supervised = case
    prefixes = {tuple(s[: n + 1]) for s in sequences for n in range(len(s))}
    assert len(pack(sequences, supervised)) == len(prefixes)


@many_examples
@given(rows())
def test_every_sequence_is_found_again_along_its_nodes(case: Rows) -> None:
    sequences, supervised = case
    packed = pack(sequences, supervised)
    for sequence, path in zip(sequences, packed.nodes, strict=True):
        assert packed.input_ids[path].tolist() == sequence
        assert packed.position_ids[path].tolist() == list(range(len(sequence)))


@many_examples
@given(rows())
def test_subtree_end_says_exactly_which_nodes_are_ancestors(case: Rows) -> None:
    sequences, supervised = case
    packed = pack(sequences, supervised)
    ancestors = torch.zeros(len(packed), len(packed), dtype=torch.bool)
    for path in packed.nodes:
        for depth, node in enumerate(path):
            ancestors[node, path[: depth + 1]] = True
    node = torch.arange(len(packed))
    visible = (node[None, :] <= node[:, None]) & (node[:, None] < packed.subtree_end[None, :])
    assert torch.equal(visible, ancestors)


@many_examples
@given(rows())
def test_weights_count_the_supervised_tokens(case: Rows) -> None:
    sequences, supervised = case
    packed = pack(sequences, supervised)
    wanted: dict[tuple[int, int], int] = {}
    for sequence, flags, path in zip(sequences, supervised, packed.nodes, strict=True):
        for position in range(1, len(sequence)):
            if flags[position]:
                key = (int(path[position - 1]), sequence[position])
                wanted[key] = wanted.get(key, 0) + 1
    triples = zip(packed.predict.tolist(), packed.target.tolist(), packed.weight.tolist(), strict=True)
    assert {(node, target): weight for node, target, weight in triples} == wanted
    unique, which = packed.predicting
    assert torch.equal(unique[which], packed.predict)
    assert len(set(unique.tolist())) == len(unique)


def test_equal_rows_share_their_nodes_and_add_their_weights() -> None:
    packed = pack([[1, 2, 3], [1, 2, 3], [1, 2, 4]], [[False, False, True]] * 3)
    assert packed.input_ids.tolist() == [1, 2, 3, 4]
    assert (packed.predict.tolist(), packed.target.tolist(), packed.weight.tolist()) == ([1, 1], [3, 4], [2.0, 1.0])
    assert packed.predicting[0].tolist() == [1]


def test_several_supervised_stretches_are_kept() -> None:
    packed = pack([[5, 6, 7, 8, 9]], [[False, True, False, False, True]])
    assert (packed.predict.tolist(), packed.target.tolist()) == ([0, 3], [6, 9])


def test_an_offset_moves_positions_and_nothing_else() -> None:
    sequences = [[1, 2, 3], [1, 4]]
    plain, moved = pack(sequences), pack(sequences, offset=10)
    assert torch.equal(moved.position_ids, plain.position_ids + 10)
    assert torch.equal(moved.subtree_end, plain.subtree_end)
    assert (moved.offset, moved.depth) == (10, 13)


def test_a_one_token_row_and_rows_that_share_nothing_are_packed() -> None:
    packed = pack([[7], [8, 9], [3]])
    assert packed.input_ids.tolist() == [3, 7, 8, 9]
    assert packed.subtree_end.tolist() == [1, 2, 4, 4]


@pytest.mark.parametrize(
    ("sequences", "supervised", "message"),
    [
        pytest.param([], [], "at least one sequence", id="no row"),
        pytest.param([[1], []], None, "a token in each", id="empty row"),
        pytest.param([[1, 2]], [[False]], "one flag for every token", id="flags too short"),
        pytest.param([[1, 2], [3, 4]], [[False, True], [True, True]], "sequence 1: its first token", id="first token"),
    ],
)
def test_what_cannot_be_packed_is_refused(
    sequences: list[list[int]], supervised: list[list[bool]] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pack(sequences, supervised)


def test_packing_is_linear_enough_for_thousands_of_rows() -> None:
    """4,096 rows of 384 tokens took 0.2 s where it was written; a walk token by token takes tens of seconds."""
    draw = random.Random(0)
    shared = list(range(60))
    sequences = [shared + [draw.randrange(150_000) for _ in range(324)] for _ in range(1024)]
    began = time.process_time()
    packed = pack(sequences, [[False] * 380 + [True] * 4] * 1024)
    assert len(packed) > 300_000
    assert time.process_time() - began < 2
