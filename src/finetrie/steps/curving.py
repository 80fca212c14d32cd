"""Curve: how good does it get with how many labels, by which method, and is that better than a baseline?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from finetrie.config import Run
from finetrie.experiments.on_ray import on_ray
from finetrie.experiments.scheduling import Ended, Event, Job, Lost, Started, serially
from finetrie.prompts import kept_prompts
from finetrie.reports import write_curve_page
from finetrie.steps.curve_cells import CellWork, available_cores, do_cell, failure_file, finished, keep_failure, work_of
from finetrie.steps.curve_plan import Study, asked_run, study
from finetrie.steps.curve_results import write_results
from finetrie.steps.progress import Bar, Progress, Quiet
from finetrie.tracking import RunDir

HERE = "here"

BETWEEN = 60.0
"""Seconds between two versions of the results while the grid is at work."""


@dataclass(frozen=True)
class Curve:
    """A learning curve and where everything behind it lies."""

    path: Path  # the directory with curve.json and a run directory for each cell
    curve: Mapping[str, Any]  # the content of curve.json

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the cells without a result."""
        return tuple(cell["name"] for cell in self.curve["cells"] if cell["status"] != "done")


def curve(
    source: Run | Path | str,
    *,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Curve:
    """Train and measure every cell of a grid over training-set sizes; what is done already is not done again.

    Everything lies in `curve/` of the run directory: a run directory for each cell, `curve.html` with its charts in
    `charts/`, and `curve.json`, `curve.csv` and `costs.json`, whose content `finetrie.steps.curve_results` describes.
    A cell that fails is recorded, and the others go on; the next call tries it again.

    Args:
        source: a run file, a run directory, or a `Run`.
        out: the run directory, as for `run`.
        options: settings of `[curve]` that override those of the run file: `sizes=[100, 500, "all"]`, `seeds=3`,
            `methods`, `models`, `baselines`, `budget`, `steps_at`, `on`, `cpus`, `gpus`, `retries`.

    Raises:
        ConfigError: settings, sizes or methods that do not fit the data or each other.
        DataError: the data cannot be used.
    """
    progress = progress or Quiet()
    plan = study(asked_run(source, out, overrides, options), progress=progress)
    with RunDir(plan.folder).lock(notice=progress.notice):
        works = works_of(plan, progress)
        with kept_prompts():  # the cells ask the same rows
            _work_off(plan, works, progress)
        done = frozenset(cell.name for cell in plan.cells if finished(works[cell.name]))
        _tell_shortages(plan, progress)
        found = Curve(plan.folder, write_results(plan, done))
        _draw(plan, progress)
        return found


def _draw(plan: Study, progress: Progress) -> None:
    """The page; one that cannot be drawn must not cost the grid that it is about."""
    try:
        write_curve_page(plan.folder, language=plan.run.report.language)
    except Exception as error:
        progress.notice(f"the page could not be written: {type(error).__name__}: {error}")


def works_of(plan: Study, progress: Progress) -> dict[str, CellWork]:
    """The work of each cell, by name."""
    threads = plan.run.curve.cpus or available_cores()
    return {cell.name: work_of(plan, cell, threads=threads, progress=progress) for cell in plan.cells}


def weight(plan: Study, work: CellWork) -> int:
    """Rows that pass through a model in a cell: what the progress bar counts."""
    tests = len(plan.parts["test"])
    if work.cell.role == "baseline":
        return tests
    training = work.run.training
    if work.cell.steps is not None:
        return work.cell.steps * training.batch_size + tests
    return round(training.epochs * (work.cell.size or 0)) + tests


def _work_off(plan: Study, works: Mapping[str, CellWork], progress: Progress) -> None:
    cells = {cell.name: cell for cell in plan.cells}
    weights = {name: weight(plan, work) for name, work in works.items()}
    open_jobs = [Job(name, work) for name, work in works.items() if not finished(work)]
    over = sum(weights.values()) - sum(weights[job.name] for job in open_jobs)
    settings = plan.run.curve
    with progress.bar("curve", sum(weights.values()), done=over) as bar:
        board = _Board(bar, progress, weights, finished=len(cells) - len(open_jobs))
        if settings.on == HERE:
            events: Iterator[Event] = serially(open_jobs, partial(_do_here, board))
        else:
            events = on_ray(
                open_jobs,
                do_cell,
                address=settings.on,
                cpus=settings.cpus or available_cores(),
                gpus=settings.gpus,
                retries=settings.retries,
            )
        written = monotonic()
        for event in events:
            board.show(event)
            if isinstance(event, Ended):
                keep_failure(plan, cells[event.name], event.failure)
                if event.failure is not None:
                    first = event.failure.message.partition("\n")[0]
                    path = failure_file(plan, cells[event.name])
                    progress.notice(f"{event.name} failed and the others go on: {first} (see {path})")
                if monotonic() - written > BETWEEN:
                    write_results(plan, frozenset(name for name, work in works.items() if finished(work)))
                    written = monotonic()


def _do_here(board: _Board, work: CellWork) -> None:
    do_cell(work, _InCell(board, work.cell.name, work.run.training.batch_size))


class _Board:
    """Draws the whole grid as one bar, which counts rows."""

    def __init__(self, bar: Bar, progress: Progress, weights: Mapping[str, int], *, finished: int) -> None:
        self._bar, self.progress, self._weights = bar, progress, weights
        self._over, self._drawn = finished, dict.fromkeys(weights, 0)
        self._under_way: list[str] = []

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._under_way.append(event.name)
        elif isinstance(event, Lost):
            self.progress.notice(f"the worker of {event.name} was lost ({event.reason}); the cell goes on elsewhere")
        else:
            self._under_way.remove(event.name)
            self._over += 1
            self.forward(event.name, self._weights[event.name] - self._drawn[event.name], "")
        if self._under_way:
            self.forward(self._under_way[0], 0, "")

    def forward(self, name: str, rows: int, note: str) -> None:
        """`rows` more of a cell are done, at most as many as it was expected to take."""
        rows = min(rows, self._weights[name] - self._drawn[name])
        self._drawn[name] += rows
        self._bar.advance(rows, note=f"{self._over} of {len(self._weights)} cells  {name}  {note}".rstrip())


class _InCell:
    """The progress of one cell, as a part of the grid's."""

    def __init__(self, board: _Board, name: str, batch_size: int) -> None:
        self._board, self._name, self._batch_size = board, name, batch_size

    def notice(self, message: str) -> None:
        self._board.progress.notice(f"{self._name}: {message}")

    @contextmanager
    def bar(self, name: str, total: int, *, done: int = 0) -> Iterator[Bar]:
        rows = self._batch_size if name == "training" else 1
        part = _PartBar(self._board, self._name, name, total, rows)
        part.advance(done)
        yield part


@dataclass
class _PartBar:
    """Training or answering of one cell."""

    board: _Board
    cell: str
    what: str
    total: int
    rows: int  # that one unit stands for
    done: int = 0

    def advance(self, count: int = 1, *, note: str = "") -> None:
        self.done += count
        self.board.forward(self.cell, count * self.rows, f"{self.what} {self.done}/{self.total}  {note}")


def _tell_shortages(plan: Study, progress: Progress) -> None:
    """Sizes that hold fewer rows than asked for, because copies of a text stay together."""
    for size in plan.grid.sizes:
        found = {seed: len(subsets.of(size)) for seed, subsets in plan.subsets.items()}
        if short := {seed: rows for seed, rows in found.items() if rows < size}:
            told = ", ".join(f"{rows} rows with seed {seed}" for seed, rows in short.items())
            progress.notice(f"size {size}: {told}, because copies of a text stay together")
