"""The fixtures themselves: if these fail, nothing below can be trusted."""

from __future__ import annotations

from typing import Any

import torch


def test_byte_tokenizer_round_trips(byte_tokenizer: Any) -> None:
    ids = byte_tokenizer("<|im_start|>Grüße, 世界!\n", add_special_tokens=False)["input_ids"]
    assert ids[0] == 257
    assert byte_tokenizer.decode(ids) == "<|im_start|>Grüße, 世界!\n"


def test_every_family_has_a_tiny_model(any_tiny_model: Any) -> None:
    logits = any_tiny_model(torch.tensor([[1, 2, 3]])).logits
    assert logits.shape == (1, 3, 259)
    assert torch.isfinite(logits).all()
