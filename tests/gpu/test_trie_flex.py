"""FlexAttention, compiled on CUDA, computes what the dense mask and the padded batch compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from finetrie.trie import node_logits, pack, pack_loss, padded_loss, parity_probe, prefix_cache
from tests.conftest import FAMILIES, tiny_model
from tests.unit.trie.cases import assert_equal_training

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("ignore"),  # the compiler's own
]


def rows(*, count: int, shared: int, own: int) -> tuple[list[list[int]], list[list[bool]]]:
    """Rows of three levels: a shared beginning, one half of the rows each, and what only a row has."""
    generator = torch.Generator().manual_seed(0)

    def draw(length: int) -> list[int]:
        return torch.randint(0, 259, (length,), generator=generator).tolist()

    begin, halves = draw(shared), [draw(40), draw(70)]
    sequences = [begin + halves[row % 2] + draw(own + 7 * row) for row in range(count)]
    return sequences, [[False] * (len(s) - 4) + [True] * 4 for s in sequences]


def on_cuda(family: str, **changes: Any) -> Any:
    # the kernel's smallest head is 16; three query heads a KV head, which is no power of two
    return tiny_model(family, num_attention_heads=6, num_key_value_heads=2, **changes).cuda()


@pytest.mark.parametrize("attention", ["flex", "branch", "dense"])
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_equal_the_padded_batch(family: str, attention: Any) -> None:
    model = on_cuda(family)
    for case in (rows(count=6, shared=150, own=100), rows(count=3, shared=40, own=10)):  # two lengths: a recompilation
        loss = pack_loss(model, pack(*case), attention=attention)
        assert_equal_training(model, loss, padded_loss(model, *case), tolerance=2e-4)


def test_a_prefix_of_any_length_stands_before_a_flex_pack() -> None:
    model = on_cuda("qwen2")
    sequences, _ = rows(count=4, shared=1, own=150)
    begin = list(range(77))  # not a multiple of the block
    packed = pack(sequences, offset=len(begin))
    prefix = prefix_cache(model, begin)
    ways = [
        node_logits(model, packed, packed.nodes[3], attention=way, prefix=prefix) for way in ("flex", "dense", "branch")
    ]
    with torch.no_grad():
        alone = model(torch.tensor([begin + sequences[3]]).cuda()).logits[0, len(begin) :]
    for logits in ways:
        torch.testing.assert_close(logits, alone, rtol=1e-3, atol=1e-3)


def test_half_precision_passes_the_probe() -> None:
    parity = parity_probe(on_cuda("qwen2").to(torch.bfloat16), *rows(count=4, shared=150, own=100))
    assert (parity.exact, parity.attention) == (True, "auto")
