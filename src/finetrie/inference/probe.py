"""Whether a model can continue a shared prefix: by what its configuration says, then by trying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from finetrie.inference.attention import side_by_side
from finetrie.inference.branches import Branches, start
from finetrie.trie import common_prefix
from finetrie.trie.attention import transformer

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-5}  # nats; of other dtypes, rounding alone reaches:
HALF_TOLERANCE = 0.05


def why_not_shared(model: Any, prompts: Sequence[Sequence[int]]) -> str | None:
    """Why `model` must compute prompts one by one; None if it need not.

    The shortest and the longest of the first prompts are continued from their common prefix, side by
    side, and compared with plain forward passes: the next-token distributions must be the same.
    """
    longest = max(map(len, prompts))
    if reason := _by_configuration(model, longest):
        return reason
    few = sorted(prompts[:64], key=len)
    pair = [few[0], few[-1]]
    device = model.get_input_embeddings().weight.device
    plain = [
        model(input_ids=torch.tensor([list(ids)], device=device), use_cache=False, logits_to_keep=1).logits[0, -1]
        for ids in pair
    ]
    try:
        with side_by_side(model):
            shared = _continued(model, pair)
    except Exception as error:  # whatever it is, the plain passes above worked
        return f"{type(error).__name__} when continuing a shared prefix: {error}"
    if plain[0].shape != shared[0].shape:
        return f"logits of shape {tuple(shared[0].shape)}"
    allowed = TOLERANCE.get(plain[0].dtype, HALF_TOLERANCE)
    far = max(_divergence(a, b) for a, b in zip(plain, shared, strict=True))
    return None if far <= allowed else f"its answers would differ by {far:.2g} nats"


def _by_configuration(model: Any, longest: int) -> str | None:
    config = transformer(model).config.get_text_config(decoder=True)
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        return "its adapter puts virtual tokens before each prompt"
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    if kinds - {"full_attention", "sliding_attention"}:
        return f"{config.model_type} has {', '.join(sorted(kinds - {'full_attention', 'sliding_attention'}))} layers"
    slides = "sliding_attention" in kinds or (window is not None and getattr(config, "layer_types", None) is None)
    if slides and window is not None and getattr(config, "use_sliding_window", True) and 2 * longest > window:
        return f"its attention window of {window} tokens is short for prompts of {longest}"
    return None


def _continued(model: Any, pair: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    shared = common_prefix(pair)
    prefix = start(model, pair, shared=shared)
    branches = Branches.of(model, prefix, rows=2, capacity=max(map(len, pair)))
    own = [ids[shared:] for ids in pair]
    return [row[-1] for _, _, logits in branches.prefill(own, budget=1 << 30, keep=1) for row in logits]


def _divergence(a: torch.Tensor, b: torch.Tensor) -> float:
    """Kullback-Leibler divergence of two next-token distributions, in nats."""
    p, q = a.float().log_softmax(-1), b.float().log_softmax(-1)
    return float((p.exp() * (p - q)).sum())
