"""The training loop: a generator. Evaluate, save, log and stop in your own `for` loop around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from finetrie.errors import ModelError
from finetrie.records import Prompt
from finetrie.training.memory import keep_freed_memory
from finetrie.training.objective import Objective
from finetrie.training.precision import accelerator_for


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one optimiser step did, over all devices."""

    step: int  # optimiser steps completed, counted from 1
    loss: float  # mean negative log-likelihood per target token of the step, in nats
    target_tokens: int
    rows: int
    given_tokens: int  # tokens of the rows, one row after the other
    computed_tokens: int  # positions the model computed on this device: fewer where rows share, more with padding
    grad_norm: float  # Euclidean, before clipping
    learning_rate: float
    seconds: float
    skipped: bool = False  # fp16 only: the gradients overflowed, the scale was lowered, no weight moved

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds

    @property
    def saving(self) -> float:
        """given / computed tokens: 2 means that sharing halved the work."""
        return self.given_tokens / self.computed_tokens


class NonFinite(ModelError):
    """Loss or gradient is infinite or not a number; the weights are still those of the step before."""

    def __init__(self, step: int, what: str, origins: Sequence[str], loss: float) -> None:
        self.step, self.origins = step, tuple(origins)
        shown = ", ".join(self.origins[:5]) + (f" and {len(self.origins) - 5} more" if len(self.origins) > 5 else "")
        super().__init__(
            f"training step {step}: the {what} is not finite (loss {loss}) on rows {shown}; nothing was saved after it",
            fix="lower training.learning_rate, or set training.precision to bf16 or fp32; "
            "if it is always the same rows, look at them",
        )


def train_steps(
    model: Any,
    optimizer: Any,
    groups: Iterable[Sequence[Prompt]],
    *,
    objective: Objective,
    learning_rate: Callable[[int], float],
    clip_norm: float = 1.0,
    first_step: int = 1,
    accelerator: Accelerator | None = None,
) -> Iterator[StepReport]:
    """Do one optimiser step per group of rows; yield a report after each.

    The loss is the mean over all supervised tokens of the group, so neither the division into passes nor the number
    of devices changes the step. Every device is given the same groups and takes its share of each.

    Args:
        optimizer: over the parameters to train; prepared by `accelerator` where precision is fp16.
        learning_rate: step, counted from 1 → rate.
        clip_norm: largest gradient norm; 0 turns clipping off.
        first_step: the number of the first group, for a run that continues.
        accelerator: precision and devices; default: full precision on the model's device.

    Raises:
        NonFinite: before the optimiser moves a weight.
    """
    accelerator = accelerator or accelerator_for("fp32", device=next(model.parameters()).device)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if weights and weights[0].device.type == "cpu":
        keep_freed_memory()
    optimizer.zero_grad(set_to_none=True)  # a loop that was left in the middle of a step may have left some
    for step, rows in enumerate(groups, start=first_step):
        started = perf_counter()
        rate = learning_rate(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        targets = sum(sum(row.supervised) for row in rows)
        nats, computed = _backward(model, rows, targets, step, objective=objective, accelerator=accelerator)
        norm = accelerator.clip_grad_norm_(weights, clip_norm or math.inf)
        grad_norm = float(norm) if norm is not None else math.nan
        if accelerator.scaler is None and not math.isfinite(grad_norm):
            raise NonFinite(step, "gradient", [row.origin for row in rows], nats / targets)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield StepReport(
            step=step,
            loss=nats / targets,
            target_tokens=targets,
            rows=len(rows),
            given_tokens=sum(len(row.ids) for row in rows),
            computed_tokens=computed,
            grad_norm=grad_norm,
            learning_rate=rate,
            seconds=perf_counter() - started,
            skipped=bool(getattr(optimizer, "step_was_skipped", False)),
        )


def _backward(
    model: Any, rows: Sequence[Prompt], targets: int, step: int, *, objective: Objective, accelerator: Accelerator
) -> tuple[float, int]:
    """Accumulate the gradient of the step's mean loss; return the summed loss in nats, and the positions computed.

    Devices average their gradients, hence the factor. A device for which no row is left computes one with factor 0,
    because the others wait for its gradients.
    """
    devices = accelerator.num_processes
    mine = rows[accelerator.process_index :: devices] or rows[:1]
    factor = devices / targets if accelerator.process_index < len(rows) else 0.0
    passes: list[Sequence[Prompt]] = [*objective.split(mine)]
    losses: list[Tensor] = []
    computed = 0
    for number, part in enumerate(passes, start=1):
        with nullcontext() if number == len(passes) else accelerator.no_sync(model):
            with accelerator.autocast():
                nats, tokens = objective.loss(model, part)
            accelerator.backward(nats * factor)
        losses.append(nats.detach())
        computed += tokens
    each = torch.stack(losses).double()  # one transfer to the host a step, not one a pass
    total = float(accelerator.reduce(each.sum() * (factor > 0), reduction="sum"))
    if not math.isfinite(total):
        culprits = [part for part, loss in zip(passes, each.tolist(), strict=True) if not math.isfinite(loss)] or [rows]
        raise NonFinite(step, "loss", [row.origin for part in culprits for row in part], total / targets)
    return total, computed
