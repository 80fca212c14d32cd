"""The cells of a grid: sizes × methods × models × seeds × budgets, each with a name that never changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from finetrie.errors import ConfigError

Role = Literal["tuned", "baseline"]
Budget = Literal["epochs", "steps"]


@dataclass(frozen=True, slots=True)
class Method:
    """One line of a comparison: a tuning method or a baseline."""

    name: str
    role: Role
    trains: bool = True  # False: it looks at no training row and is the same for every size and seed
    asks_model: bool = True  # False: it needs no language model


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a grid: one training, or one baseline, and its answers to the test rows.

    What does not matter to a method is None: the size and seed of one that does not train, the model of one that
    needs none, the budget of a baseline.
    """

    method: str
    role: Role
    model: str | None = None
    size: int | None = None
    seed: int | None = None
    budget: Budget | None = None
    steps: int | None = None  # optimiser steps, where the budget fixes them

    @property
    def name(self) -> str:
        """The cell's folder; it says all that tells the cell from others of its grid."""
        parts = [self.method]
        if self.model is not None:
            parts.append(slug(self.model))
        if self.size is not None:
            parts.append(f"n{self.size}")
        if self.steps is not None:
            parts.append(f"{self.steps}steps")
        if self.seed is not None:
            parts.append(f"seed{self.seed}")
        return "-".join(parts)

    @property
    def series(self) -> tuple[str, str | None, str | None]:
        """What the points of one curve have in common."""
        return self.method, self.model, self.budget


@dataclass(frozen=True, slots=True)
class Grid:
    """Everything that is compared."""

    sizes: tuple[int, ...]  # ascending
    seeds: tuple[int, ...]
    methods: tuple[Method, ...]
    models: tuple[str, ...]
    budgets: tuple[Budget, ...] = ("epochs",)
    steps: int | None = None  # of every cell under the budget "steps"

    def __post_init__(self) -> None:
        names = [method.name for method in self.methods]
        for what, values in (("methods", names), ("models", [slug(model) for model in self.models])):
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ConfigError(
                    f"curve.{what}: {', '.join(twice)} stands there twice", fix="give each a name of its own"
                )

    def cells(self) -> Iterator[Cell]:
        """All cells: first those without training, then by size, so that a curve grows from its left end."""
        for method in self.methods:
            if not method.trains:
                for model in self._models(method):
                    yield Cell(method.name, method.role, model)
        for size in self.sizes:
            for seed in self.seeds:
                for method in self.methods:
                    if method.trains:
                        yield from self._of(method, size, seed)

    def _of(self, method: Method, size: int, seed: int) -> Iterator[Cell]:
        for model in self._models(method):
            if method.role == "baseline":
                yield Cell(method.name, "baseline", model, size, seed)
                continue
            for budget in self.budgets:
                steps = self.steps if budget == "steps" else None
                yield Cell(method.name, "tuned", model, size, seed, budget, steps)

    def _models(self, method: Method) -> tuple[str | None, ...]:
        return self.models if method.asks_model else (None,)


def slug(name: str) -> str:
    """A model's name as a folder's: the last part of a path, owner and name of a hub."""
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    kept = parts[-1:] if name.startswith(("/", ".", "~")) or len(parts) > 2 or ":\\" in name else parts
    return re.sub(r"[^\w.]+", "_", "_".join(kept)).strip("_") or "model"
