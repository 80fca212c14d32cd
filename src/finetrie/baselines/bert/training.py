"""Training and asking an encoder: batches of windows, AdamW, and the weights of the best epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any

import torch
from torch import Tensor

from finetrie.baselines.bert.windows import IGNORED, Window


@dataclass(frozen=True)
class Schedule:
    """How an encoder is trained."""

    epochs: int
    learning_rate: float  # highest; rises over the first tenth of the steps and falls to 0
    batch_size: int
    weight_decay: float = 0.01
    clip_norm: float = 1.0


Labels = Sequence[int] | Sequence[Sequence[int]]
"""A class for each window, or for each token of each window."""


def train(
    model: Any,
    windows: Sequence[Window],
    labels: Labels,
    *,
    schedule: Schedule,
    padding: int,
    seed: int,
    score: Callable[[], float] | None = None,
) -> tuple[int, float | None]:
    """Train in place; returns the epoch whose weights were kept, and its score.

    Args:
        score: of the weights as they are, higher is better; the epoch with the best one is kept. None: the last.
    """
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=False
    )
    steps = schedule.epochs * ceil(len(windows) / schedule.batch_size)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share(step, steps))
    best: tuple[int, float] | None = None
    kept: dict[str, Tensor] = {}
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        for batch in _batches(windows, schedule.batch_size, Random(f"{seed}:{epoch}")):
            given = _tensors([windows[i] for i in batch], padding, model.device)
            target = _target([labels[i] for i in batch], given["input_ids"].shape[1]).to(model.device)
            loss = model(**given, labels=target).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), schedule.clip_norm)
            optimiser.step()
            rate.step()
            optimiser.zero_grad()
        reached = score() if score is not None else None
        if reached is not None and (best is None or reached > best[1]):
            best = epoch, reached
            kept = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    if kept:
        model.load_state_dict(kept)
    model.eval()
    return best if best is not None else (schedule.epochs, None)


@torch.inference_mode()
def logits(model: Any, windows: Sequence[Window], *, padding: int, batch_size: int = 64) -> list[Tensor]:
    """The model's scores of each window: (classes,), or (tokens, classes)."""
    model.eval()
    found: list[Tensor] = [torch.empty(0)] * len(windows)
    order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        scores = model(**_tensors([windows[i] for i in batch], padding, model.device)).logits.float().cpu()
        for i, row in zip(batch, scores, strict=True):
            found[i] = row[: len(windows[i].ids)] if row.ndim == 2 else row
    return found


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generators start from `seed` inside, and go on as before after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _share(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _batches(windows: Sequence[Window], size: int, random: Random) -> list[list[int]]:
    """Shuffled batches of windows of about the same length, so that little is padding."""
    order = list(range(len(windows)))
    random.shuffle(order)
    pool = 50 * size
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    batches = []
    for members in pools:
        members.sort(key=lambda i: len(windows[i].ids))
        batches += [members[start : start + size] for start in range(0, len(members), size)]
    random.shuffle(batches)
    return batches


def _tensors(windows: Sequence[Window], padding: int, device: Any) -> dict[str, Tensor]:
    longest = max(len(window.ids) for window in windows)
    ids = torch.full((len(windows), longest), padding)
    mask = torch.zeros((len(windows), longest), dtype=torch.long)
    for i, window in enumerate(windows):
        ids[i, : len(window.ids)] = torch.tensor(window.ids)
        mask[i, : len(window.ids)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def _target(labels: Sequence[Any], longest: int) -> Tensor:
    if not isinstance(labels[0], Sequence):
        return torch.tensor(labels)
    target = torch.full((len(labels), longest), IGNORED)
    for i, line in enumerate(labels):
        target[i, : len(line)] = torch.tensor(line)
    return target
