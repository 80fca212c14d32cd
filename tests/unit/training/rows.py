"""Rows as the renderer makes them: a shared instruction, a text of its own, an answer that carries the loss."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from finetrie.records import Prompt
from finetrie.trie import padded_loss

INSTRUCTION = tuple(range(65, 90))
END = 258


def make_prompts(count: int, *, seed: int = 0, longest: int = 20) -> tuple[Prompt, ...]:
    """Labelled rows with byte tokens; the answer, of one to three tokens and the end, is a function of the text."""
    rng = random.Random(seed)
    prompts = []
    for number in range(count):
        text = tuple(rng.randrange(97, 123) for _ in range(rng.randint(2, longest)))
        answer = (*[48 + text[0] % 10] * (1 + text[0] % 3), END)
        asked = (*INSTRUCTION, *text, 10)
        prompts.append(
            Prompt(
                id=str(number),
                origin=f"train.jsonl:{number + 1}",
                ids=asked + answer,
                prompt_length=len(asked),
                supervised=(False,) * len(asked) + (True,) * len(answer),
                text=bytes(text).decode(),
            )
        )
    return tuple(prompts)


@torch.no_grad()
def mean_loss(model: Any, prompts: Sequence[Prompt]) -> float:
    """Nats per supervised token."""
    total = padded_loss(model, [p.ids for p in prompts], [p.supervised for p in prompts])
    return float(total) / sum(sum(p.supervised) for p in prompts)


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
