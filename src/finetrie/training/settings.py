"""The optimiser's settings, without the run file."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from finetrie.training.schedule import ScheduleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `fit` needs to know beside model, rows and objective. Steps are optimiser steps."""

    epochs: float = 3.0
    batch_size: int = 16  # rows per step, over all devices
    learning_rate: float = 1e-4
    schedule: ScheduleName = "linear"
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0  # on matrices only
    clip_norm: float = 1.0  # 0: off
    precision: str = "auto"  # auto, bf16, fp16, fp32
    gradient_checkpointing: bool = False
    eval_every: int | None = None  # steps; None: once an epoch
    patience: int | None = None  # evaluations without a gain before the run stops; None: never
    save_every: int = 100  # steps; every evaluation saves as well
    seed: int = 0

    def identity(self) -> dict[str, str]:
        """What two runs must have in common to be the same run: all but how often it is saved."""
        return {f"training.{name}": str(value) for name, value in asdict(self).items() if name != "save_every"}
