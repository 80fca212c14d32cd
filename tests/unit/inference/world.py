"""A small world for the engine's tests: labels as tokens, prompts as tokens, and the slow truth about both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any

import torch

from finetrie.records import Prompt
from tests.conftest import tiny_model

STOP = 258


@dataclass(frozen=True)
class Words:
    """The part of a renderer that an engine needs."""

    ids: Mapping[str, tuple[int, ...]]
    stop_ids: frozenset[int] = frozenset({STOP})

    def label_ids(self, label: str) -> tuple[int, ...]:
        return self.ids[label]

    def completion(self, ids: Sequence[int]) -> str:
        """The tokens by their numbers."""
        return " ".join(map(str, takewhile(lambda token: token not in self.stop_ids, ids)))


def words(labels: Sequence[Sequence[int]]) -> Words:
    """Labels named by their tokens, as completions are written, each ended by the stop token."""
    return Words({" ".join(map(str, label)): (*label, STOP) for label in labels})


def prompt(ids: Sequence[int], *, name: str = "row") -> Prompt:
    """A prompt of these tokens, with an answer behind it that the engine must not see."""
    whole = (*ids, 7, STOP)
    return Prompt(name, f"test:{name}", whole, len(ids), (False,) * len(ids) + (True, True), text="")


def prompts(rows: Sequence[Sequence[int]]) -> list[Prompt]:
    return [prompt(ids, name=f"row {i}") for i, ids in enumerate(rows)]


@cache
def model(family: str) -> Any:
    return tiny_model(family)


@torch.no_grad()
def joint_log_probability(model: Any, ids: Sequence[int], label: Sequence[int]) -> float:
    """Of a label after a prompt, by one plain forward pass."""
    logits = model(input_ids=torch.tensor([[*ids, *label]])).logits[0].double().log_softmax(-1)
    return float(sum(logits[len(ids) + i - 1, token] for i, token in enumerate(label)))


def greedy(model: Any, ids: Sequence[int], *, limit: int, **settings: Any) -> list[int]:
    """What transformers' `generate` says to one prompt."""
    out = model.generate(
        torch.tensor([list(ids)]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=limit,
        eos_token_id=STOP,
        pad_token_id=0,
        **settings,
    )
    return out[0, len(ids) :].tolist()
