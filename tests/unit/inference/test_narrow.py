"""The last feed-forward block computes only what is read, and what is read stays the same."""

from __future__ import annotations

import pytest
import torch

from finetrie.inference.narrow import narrowed
from tests.conftest import FAMILIES, tiny_model

IDS = torch.arange(24).reshape(2, 12)


@pytest.mark.parametrize("keep", [1, 5, 12])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_kept_logits_are_the_same(family: str, keep: int) -> None:
    model = tiny_model(family).eval()
    last = torch.arange(-keep, 0)
    widths: list[int] = []
    block = model.model.layers[-1].mlp
    handle = block.down_proj.register_forward_hook(lambda module, given, out: widths.append(out.shape[1]))
    with torch.inference_mode():
        plain = model(input_ids=IDS, logits_to_keep=last).logits
        with narrowed(model, keep=keep, of=12):
            narrow = model(input_ids=IDS, logits_to_keep=last).logits
        after = model(input_ids=IDS, logits_to_keep=last).logits
    handle.remove()
    torch.testing.assert_close(narrow, plain, rtol=1e-5, atol=1e-6)
    assert torch.equal(after, plain)
    assert widths == [12, keep, 12]


def test_the_block_is_whole_again_after_an_error() -> None:
    model = tiny_model("qwen2")
    with pytest.raises(RuntimeError, match="stop"), narrowed(model, keep=1, of=3):
        raise RuntimeError("stop")
    assert "forward" not in vars(model.model.layers[-1].mlp)


def test_a_model_without_such_a_block_computes_everything() -> None:
    model = torch.nn.Module()
    with pytest.raises(Exception, match="holds no transformers model"), narrowed(model, keep=1, of=2):
        pass
    bare = tiny_model("qwen2")
    bare.model.layers[-1].mlp = torch.nn.Identity()
    with narrowed(bare, keep=1, of=3):
        assert bare(input_ids=IDS).logits.shape[:2] == (2, 12)
