"""Checkpoints from which a run continues bit for bit, and of which none is ever half there.

A checkpoint is a folder `step-00000100` with three safetensors files and `state.json`. It is filled under another
name, put on disk, and renamed, so a folder of that name is whole unless somebody damaged it; such a one is ignored.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetrie.errors import CheckpointError
from finetrie.files import replacing_folder, write_json
from finetrie.models.weights import read_tensors, write_tensors
from finetrie.training.identity import differences
from finetrie.training.randomness import random_state, restore_random_state

WEIGHTS, OPTIMIZER, RANDOM, STATE = "weights.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"
KEEP = 2
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is: everything about it that is not a tensor."""

    step: int = 0  # optimiser steps completed; order and learning rate follow from it
    best_step: int | None = None
    best_score: float | None = None
    since_best: int = 0  # evaluations without a gain
    finished: str | None = None  # why no step follows: "completed", "early stopping"; None: more to do


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run: the newest two and the best.

    `weights` are the parameters that move, by name; frozen ones are not stored. Shared tensors are stored once.
    """

    folder: Path
    identity: Mapping[str, str]

    def save(
        self, progress: Progress, *, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, scaler: Any = None
    ) -> Path:
        """Write the state of the run after `progress.step`; then remove what is neither new nor best.

        Raises:
            OutputError: the disk is full or not writable; earlier checkpoints are untouched.
        """
        target = self.path(progress.step)
        generators, generator_tensors = random_state()
        numbers, tensors = _optimizer_state(weights, optimizer)
        with replacing_folder(target) as new:
            write_tensors(new / WEIGHTS, weights)
            write_tensors(new / OPTIMIZER, tensors)
            write_tensors(new / RANDOM, generator_tensors)
            state = {
                "progress": asdict(progress),
                "identity": dict(self.identity),
                "optimizer": numbers,
                "scaler": scaler.state_dict() if scaler is not None else None,
                "random": generators,
                "bytes": {name: (new / name).stat().st_size for name in (WEIGHTS, OPTIMIZER, RANDOM)},
            }
            write_json(new / STATE, state)
        self._remove_old(progress)
        return target

    def latest(self) -> Progress | None:
        """The progress of the newest whole checkpoint; None where there is none.

        Raises:
            CheckpointError: it belongs to another run; the message names what differs.
        """
        for step in sorted(self._steps(), reverse=True):
            state = self._state(step)
            if state is not None:
                self._check_identity(step, state)
                return Progress(**state["progress"])
        return None

    def restore(
        self, step: int, *, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, scaler: Any = None
    ) -> None:
        """Put the weights, the optimiser and all random generators back to where they were after `step`."""
        state = self._state(step)
        if state is None:
            raise CheckpointError(
                f"{self.path(step)}: not a whole checkpoint", fix=f"remove {self.folder} to start over"
            )
        self.restore_weights(step, weights=weights)
        _restore_optimizer(weights, optimizer, state["optimizer"], read_tensors(self.path(step) / OPTIMIZER))
        if scaler is not None and state["scaler"] is not None:
            scaler.load_state_dict(state["scaler"])
        restore_random_state(state["random"], read_tensors(self.path(step) / RANDOM))

    @torch.no_grad()
    def restore_weights(self, step: int, *, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights of `step` into the model's own tensors."""
        saved = read_tensors(self.path(step) / WEIGHTS)
        if set(saved) != set(weights) or any(saved[name].shape != weights[name].shape for name in saved):
            raise CheckpointError(
                f"{self.path(step)}: it holds other weights than the model trains",
                fix=f"undo the change of model or tuning method, or remove {self.folder} to start over",
            )
        for name, weight in weights.items():
            weight.copy_(saved[name])

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _steps(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return [int(found[1]) for child in self.folder.iterdir() if (found := _NAME.fullmatch(child.name))]

    def _state(self, step: int) -> dict[str, Any] | None:
        """The checkpoint's `state.json` if it can be read and all files have the size that it says."""
        folder = self.path(step)
        try:
            state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
            whole = all((folder / name).stat().st_size == size for name, size in state["bytes"].items())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return state if whole else None

    def _check_identity(self, step: int, state: Mapping[str, Any]) -> None:
        if lines := differences(state["identity"], self.identity):
            raise CheckpointError(
                f"{self.path(step)}: belongs to a run with other settings, data or model\n  " + "\n  ".join(lines),
                fix=f"choose another folder (--out), undo the change, or remove {self.folder} to start over",
            )

    def _remove_old(self, progress: Progress) -> None:
        steps = sorted(self._steps())
        keep = {*steps[-KEEP:], progress.step, progress.best_step}
        for step in steps:
            if step not in keep:
                shutil.rmtree(self.path(step), ignore_errors=True)


def _optimizer_state(
    weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The optimiser's state per parameter: plain numbers as JSON, tensors under `KEY/PARAMETER`."""
    numbers: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for name, weight in weights.items():
        for key, value in optimizer.state.get(weight, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{key}/{name}"] = value
            else:
                numbers[f"{key}/{name}"] = value
    return numbers, tensors


def _restore_optimizer(
    weights: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    numbers: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> None:
    """Give every parameter its state back, through `load_state_dict`, which puts it on the right device."""
    current = optimizer.state_dict()
    index = {id(p): i for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"])}
    state: dict[int, dict[str, Any]] = {}
    for path, value in {**numbers, **tensors}.items():
        key, _, name = path.partition("/")
        if name not in weights:
            raise CheckpointError(f"the optimiser's state is of a parameter {name!r} that is not trained")
        state.setdefault(index[id(weights[name])], {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": current["param_groups"]})
