"""A whole training, from the first step or the last checkpoint to the best weights, as a generator of events."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import torch
from accelerate import Accelerator
from torch import Tensor

from finetrie.errors import DataError
from finetrie.records import Prompt
from finetrie.training.checkpoint import Checkpoints, Progress
from finetrie.training.identity import data_fingerprint, model_fingerprint
from finetrie.training.loop import StepReport, train_steps
from finetrie.training.objective import Objective
from finetrie.training.order import Order
from finetrie.training.precision import accelerator_for, choose_precision
from finetrie.training.randomness import seed_everything
from finetrie.training.schedule import Schedule
from finetrie.training.settings import Settings


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: what is ahead."""

    first_step: int  # 1, or the one after the checkpoint that the run continues from
    total_steps: int
    steps_per_epoch: int
    rows: int
    trainable: int  # parameters that move
    precision: str


@dataclass(frozen=True, slots=True)
class EvalReport:
    """One dev evaluation; higher scores are better."""

    step: int
    score: float
    best_step: int | None
    best_score: float | None
    seconds: float

    @property
    def improved(self) -> bool:
        return self.best_step == self.step


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is on disk."""

    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know."""

    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the model holds the weights of `step`, the best of the run, or the last without evaluation."""

    step: int
    score: float | None
    reason: str  # "completed" or "early stopping"


Event: TypeAlias = "Started | StepReport | EvalReport | Saved | Notice | Finished"


def fit(
    model: Any,
    prompts: Sequence[Prompt],
    *,
    settings: Settings,
    objective: Objective,
    checkpoints: Path,
    evaluate: Callable[[], float] | None = None,
    identity: Mapping[str, str] | None = None,
) -> Iterator[Event]:
    """Train `model` on `prompts`; the caller draws, logs, and saves the model after `Finished`.

    A run that was killed continues when the same call is made again with a freshly prepared model: from the newest
    whole checkpoint, and on a CPU to the same bits as if it had never stopped. A call on a finished run trains nothing
    and puts the best weights into the model. The global random generators are seeded, or restored; started by a
    launcher as several processes, all continue with those of the first, which with dropout is another, equal draw.

    Args:
        model: what a tuning method's `prepare` returned, on its device.
        prompts: labelled rows.
        checkpoints: a folder for this run alone.
        evaluate: scores the model as it is, on dev rows, higher is better; called in eval mode, at most once a step.
            It must not draw random numbers if runs are to be repeatable. None: no choice of the best, no stopping.
        identity: what else must be equal for a checkpoint to belong to this run, such as the dev rows' hash.

    Raises:
        CheckpointError: `checkpoints` belongs to another run.
        NonFinite: the loss is not a number; the last checkpoint is good.
        OutputError: a checkpoint cannot be written.
    """
    run = _Run.prepare(model, prompts, settings, objective, checkpoints, identity or {})
    progress = run.checkpoints.latest()
    yield run.started(progress)
    if progress is None:
        seed_everything(settings.seed)
        progress = Progress()
    else:
        run.restore(progress.step)
        yield Notice(f"continuing after step {progress.step} of {run.order.total_steps} from {checkpoints}")
    if progress.finished is None:
        with _gradient_checkpointing(model, settings.gradient_checkpointing):
            progress = yield from run.train(progress, evaluate)
    if progress.best_step not in (None, progress.step):
        run.checkpoints.restore_weights(progress.best_step, weights=run.weights)
    model.eval()
    final = progress.step if progress.best_step is None else progress.best_step
    yield Finished(final, progress.best_score, progress.finished or "completed")


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The parts of one training, put together once."""

    model: Any
    prompts: Sequence[Prompt]
    settings: Settings
    objective: Objective
    order: Order
    precision: str
    accelerator: Accelerator
    weights: Mapping[str, Tensor]
    optimizer: torch.optim.Optimizer
    checkpoints: Checkpoints

    @classmethod
    def prepare(
        cls,
        model: Any,
        prompts: Sequence[Prompt],
        settings: Settings,
        objective: Objective,
        folder: Path,
        identity: Mapping[str, str],
    ) -> _Run:
        _check_rows(prompts)
        precision = choose_precision(settings.precision, model)
        weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        same = {
            **identity,
            **settings.identity(),
            "training.precision": precision,
            "training.objective": str(objective),
            "training rows": data_fingerprint(prompts),
            "model (base, dtype, tuning settings)": model_fingerprint(model),
        }
        return cls(
            model=model,
            prompts=prompts,
            settings=settings,
            objective=objective,
            order=Order(rows=len(prompts), batch_size=settings.batch_size, seed=settings.seed, epochs=settings.epochs),
            precision=precision,
            accelerator=accelerator_for(precision, device=next(model.parameters()).device),
            weights=weights,
            optimizer=adamw(weights, weight_decay=settings.weight_decay),
            checkpoints=Checkpoints(folder, same),
        )

    def started(self, progress: Progress | None) -> Started:
        return Started(
            first_step=(progress.step if progress else 0) + 1,
            total_steps=self.order.total_steps,
            steps_per_epoch=self.order.steps_per_epoch,
            rows=len(self.prompts),
            trainable=sum(weight.numel() for weight in self.weights.values()),
            precision=self.precision,
        )

    def restore(self, step: int) -> None:
        self.checkpoints.restore(step, weights=self.weights, optimizer=self.optimizer, scaler=self.accelerator.scaler)

    def train(self, progress: Progress, evaluate: Callable[[], float] | None) -> Generator[Event, None, Progress]:
        """Steps, evaluations and checkpoints from `progress` to the end; returns where it ended.

        The checkpoint comes after the evaluation of the same step, so neither is done twice when a run continues.
        """
        for report in self._steps(progress.step + 1):
            yield report
            if report.skipped:
                yield Notice(f"step {report.step}: gradients overflowed fp16; the scale was lowered, no weight moved")
            progress = replace(progress, step=report.step)
            last = report.step == self.order.total_steps
            due = evaluate is not None and (last or report.step % self._eval_every == 0)
            if evaluate is not None and due:
                evaluated = self._evaluate(evaluate, report.step)
                progress = _judged(progress, evaluated.score, patience=self.settings.patience)
                if math.isnan(evaluated.score):
                    yield Notice(f"step {report.step}: the dev score is not a number; it counts as no gain")
                yield replace(evaluated, best_step=progress.best_step, best_score=progress.best_score)
            if last and progress.finished is None:
                progress = replace(progress, finished="completed")
            if due or progress.finished or report.step % self.settings.save_every == 0:
                yield from self._save(progress)
            if progress.finished:
                break
        return progress

    @property
    def _eval_every(self) -> int:
        return self.settings.eval_every or self.order.steps_per_epoch

    def _steps(self, first_step: int) -> Iterator[StepReport]:
        model = self.model
        if self.accelerator.num_processes > 1:
            model = self.accelerator.prepare_model(model)
        return train_steps(
            model,
            self.accelerator.prepare_optimizer(self.optimizer),
            ([self.prompts[row] for row in rows] for rows in self.order.groups(first_step=first_step)),
            objective=self.objective,
            learning_rate=Schedule(
                peak=self.settings.learning_rate,
                total_steps=self.order.total_steps,
                shape=self.settings.schedule,
                warmup_ratio=self.settings.warmup_ratio,
            ),
            clip_norm=self.settings.clip_norm,
            first_step=first_step,
            accelerator=self.accelerator,
        )

    def _evaluate(self, evaluate: Callable[[], float], step: int) -> EvalReport:
        started = perf_counter()
        self.model.eval()
        with self.accelerator.autocast():  # float32 master weights of full tuning would be slow without
            score = float(evaluate())
        return EvalReport(step, score, best_step=None, best_score=None, seconds=perf_counter() - started)

    def _save(self, progress: Progress) -> Iterator[Saved]:
        if self.accelerator.is_main_process:
            path = self.checkpoints.save(
                progress, weights=self.weights, optimizer=self.optimizer, scaler=self.accelerator.scaler
            )
            yield Saved(progress.step, path)
        self.accelerator.wait_for_everyone()


def _judged(progress: Progress, score: float, *, patience: int | None) -> Progress:
    """The progress after an evaluation. Ties keep the earlier step; a score that is not a number is no gain."""
    if not math.isnan(score) and (progress.best_score is None or score > progress.best_score):
        return replace(progress, best_step=progress.step, best_score=score, since_best=0)
    since = progress.since_best + 1
    stop = patience is not None and since >= patience
    return replace(progress, since_best=since, finished="early stopping" if stop else None)


@contextmanager
def _gradient_checkpointing(model: Any, wanted: bool) -> Iterator[None]:
    """Recompute activations in the backward pass: less memory, about a third more time, the same gradients."""
    if not wanted:
        yield
        return
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    # transformers 5.2x renamed both. Not re-entrant: that kind sees no gradients behind frozen embeddings.
    enable = getattr(base, "activation_checkpointing_enable", None) or base.gradient_checkpointing_enable
    disable = getattr(base, "activation_checkpointing_disable", None) or base.gradient_checkpointing_disable
    enable({"use_reentrant": False})
    try:
        yield
    finally:
        disable()
        if getattr(base, "_require_grads_hook", None) is not None:  # enable may ask for the embeddings' gradients
            base.disable_input_require_grads()


def _check_rows(prompts: Sequence[Prompt]) -> None:
    if not prompts:
        raise DataError("training data", None, "there are no rows to train on", fix="look at the rejected rows")
    for prompt in prompts:
        if not any(prompt.supervised) or prompt.supervised[0]:
            raise ValueError(f"{prompt.origin}: needs a supervised token, and one before it that predicts it")


def adamw(weights: Mapping[str, Tensor], *, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101) that decays matrices and leaves norms and biases alone.

    The learning rate is set by the loop before every step.
    """
    matrices = [weight for weight in weights.values() if weight.ndim >= 2]
    others = [weight for weight in weights.values() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=(0.9, 0.999), eps=1e-8)
