"""Attention along the branches equals attention under the dense mask, whatever the cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from finetrie.trie import branches, pack
from finetrie.trie.masks import FLEX_BLOCK, dense_mask, flex_mask
from tests.unit.trie.cases import Rows, few_examples, many_examples, rows


@many_examples
@given(rows(most=10), st.integers(1, 40))
def test_blocks_cover_the_row_once_and_know_all_common_ancestors(case: Rows, tile: int) -> None:
    packed = pack(case[0])
    end = packed.subtree_end.numpy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branches, "TILE", tile)
        found = branches.blocks(end, packed.position_ids.numpy())
    assert [node for block in found for node in range(block.start, block.stop)] == list(range(len(packed)))
    for block in found:
        above = [node for start, stop in block.above for node in range(start, stop)]
        for query in range(block.start, block.stop):
            ancestors = {key for key in range(query + 1) if query < end[key]}
            assert ancestors <= {*above, *range(block.start, block.stop)}
            assert set(above) <= ancestors


@many_examples
@given(
    case=rows(most=10),
    tile=st.integers(1, 40),
    past=st.sampled_from([0, 0, 5]),
    heads=st.sampled_from([(2, 2), (4, 2), (6, 1)]),
)
def test_branches_attend_what_the_dense_mask_shows(case: Rows, tile: int, past: int, heads: tuple[int, int]) -> None:
    packed = pack(case[0], offset=past)
    length, size = len(packed), 8
    generator = torch.Generator().manual_seed(length)
    shapes = [(1, heads[0], length, size), *[(1, heads[1], past + length, size)] * 2]
    q, k, v = (torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes)
    mask = dense_mask(packed.subtree_end, past=past, dtype=q.dtype)
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3, enable_gqa=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branches, "TILE", tile)
        patch.setattr(branches, "BATCH_OVERHEAD", 8)
        route = branches.branches(packed, past=past, dtype=q.dtype)
    actual = branches.attend(route, q, k, v, scale=0.3, dropout=0.0).transpose(1, 2)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)
    upstream = torch.randn(expected.shape, generator=generator)
    wanted = torch.autograd.grad(expected, (q, k, v), upstream)
    torch.testing.assert_close(torch.autograd.grad(actual, (q, k, v), upstream), wanted, rtol=1e-4, atol=1e-5)


def test_branches_of_one_length_are_one_batch_and_compute_only_what_they_may_see() -> None:
    shared, texts = list(range(200)), [[500 + row] * 70 for row in range(8)]
    packed = pack([shared + text for text in texts])
    groups = branches.bucketed(branches.blocks(packed.subtree_end.numpy(), packed.position_ids.numpy()))
    assert [[block.queries for block in group] for group in groups] == [[200], [70] * 8]
    scores = sum(len(g) * g[0].queries * g[0].keys for g in groups)
    assert scores == 200**2 + 8 * 70 * 270
    assert branches.cost(groups) < len(packed) ** 2


def test_a_prompts_small_subtree_of_labels_is_one_block() -> None:
    prompt = list(range(100, 200))
    packed = pack([[*prompt, 1, label, 2] for label in range(10, 25)])
    found = branches.blocks(packed.subtree_end.numpy(), packed.position_ids.numpy())
    assert [(block.start, block.stop) for block in found] == [(0, 101), (101, len(packed))]


def test_a_rectangle_wastes_little() -> None:
    """Lengths from 65 to 400 in one batch would compute three times the scores they need."""
    texts = [[1000 + row] * length for row, length in enumerate(range(65, 400, 12))]
    packed = pack(texts)
    found = branches.blocks(packed.subtree_end.numpy(), packed.position_ids.numpy())
    groups = branches.bucketed(found)
    needed = sum(block.queries * block.keys for block in found)
    computed = sum(len(group) * max(b.queries for b in group) * max(b.keys for b in group) for group in groups)
    assert computed <= needed * (1 + branches.WASTE) + len(groups) * branches.BATCH_OVERHEAD
    assert len(groups) < 10


@few_examples
@given(case=rows(most=10), repeat=st.integers(1, 60), past=st.sampled_from([0, 7, 128, 200]))
@example(case=([[1, 2], [3, 4]], [[False, True]] * 2), repeat=64, past=0)  # subtrees that end where a block ends
def test_flex_blocks_are_exactly_those_with_something_to_see(case: Rows, repeat: int, past: int) -> None:
    packed = pack([[token for token in row for _ in range(repeat)] for row in case[0]])
    gap = -len(packed) % FLEX_BLOCK
    lone = torch.arange(len(packed) + 1, len(packed) + gap + 1)
    end = torch.cat([packed.subtree_end, lone])
    visible = dense_mask(end, past=past, dtype=torch.float32)[0, 0] == 0
    wide = functional.pad(visible, (0, -visible.shape[1] % FLEX_BLOCK))
    tiles = wide.view(len(end) // FLEX_BLOCK, FLEX_BLOCK, -1, FLEX_BLOCK)
    mask = flex_mask(end, past=past)
    assert torch.equal(mask.to_dense()[0, 0].bool(), tiles.any(3).any(1))
    assert mask.full_kv_num_blocks is not None
    assert torch.equal(mask.full_kv_num_blocks[0, 0].long(), tiles.all(3).all(1).sum(1))
    node, key = torch.arange(len(end))[:, None], torch.arange(past + len(end))[None, :]
    zero = torch.tensor(0)
    assert torch.equal(mask.mask_mod(zero, zero, node, key), visible)


def test_flex_needs_whole_blocks() -> None:
    with pytest.raises(ValueError, match="multiple of 128"):
        flex_mask(torch.arange(1, 100))
