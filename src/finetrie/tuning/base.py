"""What a tuning method is, and the registry of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import nn

from finetrie.registry import Registry


class Method(Protocol):
    """Chooses the weights that move, and writes and reads exactly those.

    Laws, checked for every method: what `prepare` returns computes what the base computes, until it is trained;
    equal seeds give equal weights and leave the global random state alone; after `save` and `load` on a fresh base
    the logits are the same.

    Weights that move are float32 whatever the base's dtype: with 8 bits of mantissa, bf16 drops an update smaller than
    1/256 of the weight, which is most of them at usual learning rates. Run the forward pass under autocast instead.
    """

    name: ClassVar[str]
    folder: ClassVar[str]  # where in a run directory `save` is pointed to: "adapter" or "model"

    def prepare(self, model: Any, *, seed: int = 0) -> Any:
        """Freeze and extend `model` (changed in place); only what is to be trained has `requires_grad`.

        Raises:
            ModelError: the settings do not fit this model.
        """

    def save(self, model: Any, folder: Path) -> Path:
        """Write what was trained as safetensors; `folder` is replaced whole, and returned.

        Raises:
            OutputError: the place is not writable or the disk is full.
        """

    def load(self, model: Any, folder: Path) -> Any:
        """Put what `save` wrote on the base `model` (changed in place); nothing requires gradients.

        Raises:
            CheckpointError: the folder is incomplete or belongs to another base.
        """


METHODS: Registry[Callable[..., Method]] = Registry("methods", builtin=("finetrie.tuning.lora", "finetrie.tuning.full"))
"""Name in `tuning.method` → class; its keyword arguments are the method's other settings."""


class Counts(NamedTuple):
    """Numbers of parameters; shared tensors count once."""

    trainable: int
    total: int

    @property
    def share(self) -> float:
        """Trained part of all parameters, in [0, 1]."""
        return self.trainable / self.total


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that move, by name, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def trainable_counts(model: nn.Module) -> Counts:
    parameters = list(model.parameters())
    return Counts(sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed` inside, and afterwards the global generators as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
