"""The plan of a curve and how long it may take: from finished cells, else from a few real steps of each method."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finetrie.config import Run
from finetrie.experiments.grid import Cell
from finetrie.steps.curve_cells import MARK, available_cores, do_cell, failure_file, seconds_of, work_of
from finetrie.steps.curve_plan import FOLDER, Asked, Study, asked_run, study, with_first_model
from finetrie.steps.curving import HERE
from finetrie.steps.progress import Bar, Progress, Quiet
from finetrie.steps.store import write_examples
from finetrie.steps.workspace import open_workspace

TRIAL_STEPS, TRIAL_ANSWERS = 3, 64
"""Optimiser steps and test rows that a method is measured on."""

Key = tuple[str, str | None]
"""A method and its model: what shares a speed."""


@dataclass(frozen=True)
class Speed:
    """What a cell of one method takes."""

    training: float  # seconds a row that passes through training, or that a baseline is fitted on
    answering: float  # seconds a test row
    start: float  # seconds besides: loading, preparing, the report
    trial: bool  # from a few steps, not from finished cells


@dataclass(frozen=True)
class Line:
    """One cell of the plan."""

    name: str
    method: str
    model: str | None
    size: int | None
    seed: int | None
    rows: int | None
    dev_rows: int | None
    steps: int | None  # of the optimiser
    state: str  # "done", "to do", or "failed before"
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a grid would do."""

    folder: Path
    lines: tuple[Line, ...]
    slots: int  # cells at a time, as far as this machine can tell
    basis: str  # of the estimate, in words

    @property
    def side(self) -> str:
        return ", one cell after another" if self.slots == 1 else f", {self.slots} cells side by side"

    def totals(self) -> dict[str, Any]:
        waiting = [line for line in self.lines if line.state != "done"]
        seconds = sum(line.seconds for line in waiting) / self.slots
        return {"open": len(waiting), "seconds": seconds, "estimate": self.basis}


def plan_curve(
    source: Run | Path | str,
    *,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Plan:
    """The cells that `curve` would work off with the same arguments, and an estimate of their time.

    No cell is begun, and nothing is left on disk. A method without a finished cell is tried on a few steps and answers,
    which takes as long as loading its model does.

    Raises:
        FinetrieError: as `curve` does.
    """
    progress = progress or Quiet()
    call = asked_run(source, out, overrides, options)
    with TemporaryDirectory(prefix="finetrie-plan-") as scratch:
        place = call.directory or open_workspace(with_first_model(call.run), out=out)
        if not place.done("prepare"):
            call = Asked(call.run, Path(scratch) / "run")
        asked = study(call, progress=_Planning(progress, scratch))
        real, tried = replace(asked, place=place.path / FOLDER), replace(asked, place=Path(scratch) / "curve")
        speeds = _speeds(real, tried, progress)
        lines = tuple(_line(real, cell, speeds[cell.method, cell.model]) for cell in real.cells)
        trials = [speed.trial for speed in speeds.values()]
        return Plan(real.folder, lines, _slots(call.run), _basis(trials))


@dataclass(frozen=True)
class _Planning:
    """Tells what `told` would, but does not send the user to a folder that is removed again."""

    told: Progress
    scratch: str

    def notice(self, message: str) -> None:
        if self.scratch not in message:
            self.told.notice(message)

    def bar(self, name: str, total: int, *, done: int = 0) -> AbstractContextManager[Bar]:
        return self.told.bar(name, total, done=done)


def _line(plan: Study, cell: Cell, speed: Speed) -> Line:
    rows = dev_rows = steps = None
    if cell.size is not None and cell.seed is not None:
        rows = len(plan.subsets[cell.seed].of(cell.size))
        dev_rows = min(plan.dev_rows(cell.size), len(plan.parts["dev"]))
        if cell.role == "tuned":
            training = plan.training(cell)
            steps = round(training.epochs * math.ceil(rows / training.batch_size))
    state = "done" if _done(plan, cell) else "failed before" if failure_file(plan, cell).exists() else "to do"
    seconds = speed.start + _passes(plan, cell) * speed.training + len(plan.parts["test"]) * speed.answering
    return Line(cell.name, cell.method, cell.model, cell.size, cell.seed, rows, dev_rows, steps, state, seconds)


def _passes(plan: Study, cell: Cell) -> float:
    """Rows that pass through the training of a cell."""
    if cell.size is None or cell.seed is None:
        return 0.0
    rows = len(plan.subsets[cell.seed].of(cell.size))
    return plan.training(cell).epochs * rows if cell.role == "tuned" else float(rows)


def _done(plan: Study, cell: Cell) -> bool:
    return (plan.directory(cell) / MARK).exists()


def _speeds(real: Study, tried: Study, progress: Progress) -> dict[Key, Speed]:
    cells: dict[Key, list[Cell]] = {}
    for cell in real.cells:
        cells.setdefault((cell.method, cell.model), []).append(cell)
    speeds = {}
    with progress.bar("measuring", len(cells)) as bar:
        for key, members in cells.items():
            if done := [cell for cell in members if _done(real, cell)]:
                timed = [seconds_of(real, cell) for cell in done]
                passes = sum(_passes(real, cell) for cell in done)
                speeds[key] = _speed(timed, passes, len(real.parts["test"]) * len(done), trial=False)
            else:
                speeds[key] = _trial(tried, members[0])
            bar.advance(note=key[0])
    return speeds


def _trial(plan: Study, cell: Cell) -> Speed:
    """A cell of the smallest size with a few steps, no dev rows and a few answers."""
    cell = replace(cell, size=plan.grid.sizes[0], seed=plan.grid.seeds[0])
    work = work_of(plan, cell, threads=plan.run.curve.cpus or available_cores(), progress=Quiet())
    test = plan.shared / "trial.jsonl"
    asked = write_examples(test, plan.parts["test"][:TRIAL_ANSWERS])
    data = work.run.data.model_copy(update={"test": str(test.resolve()), "dev": None})
    run, passes = work.run.model_copy(update={"data": data}), _passes(plan, cell)
    if cell.role == "tuned":
        steps = math.ceil(cell.size / run.training.batch_size) if cell.size else 1
        epochs = min(1.0, TRIAL_STEPS / steps)
        changed = {"epochs": epochs, "eval_every": None}
        run = run.model_copy(update={"training": run.training.model_copy(update=changed)})
        passes = epochs * (cell.size or 0)
    do_cell(replace(work, run=run))
    return _speed([seconds_of(plan, cell)], passes, asked, trial=True)


def _speed(timed: Sequence[Mapping[str, Any]], passes: float, answers: int, *, trial: bool) -> Speed:
    training = sum(one["training_seconds"] or 0.0 for one in timed)
    answering = sum(one["answering_seconds"] or 0.0 for one in timed)
    besides = max(sum(one["seconds"] for one in timed) - training - answering, 0.0)
    return Speed(training / max(passes, 1), answering / max(answers, 1), besides / len(timed), trial)


def _slots(run: Run) -> int:
    """Cells at a time on this machine; what a cluster has room for is not known before it is asked."""
    if run.curve.on == HERE:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // (run.curve.cpus or available_cores()))


def _basis(trials: Sequence[bool]) -> str:
    few = f"measured on {TRIAL_STEPS} training steps and {TRIAL_ANSWERS} answers of each method"
    if all(trials):
        return few
    return "taken from finished cells" + (f"; where there are none, {few}" if any(trials) else "")
