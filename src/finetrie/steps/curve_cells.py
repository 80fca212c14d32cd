"""One cell of a curve: done in its own directory, marked when it is finished, and read back as a record."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from time import perf_counter
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from finetrie.config import Run, save_run
from finetrie.errors import ConfigError
from finetrie.experiments.aggregate import intervals_of, scores_of
from finetrie.experiments.grid import Cell, slug
from finetrie.experiments.scheduling import Failure
from finetrie.files import read_json, read_jsonl, write_json
from finetrie.steps.baselining import baseline
from finetrie.steps.curve_plan import Named, Study, fingerprint
from finetrie.steps.preparing import prepare
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.workspace import now, open_workspace
from finetrie.tracking import RunDir
from finetrie.tracking.rundir import Locked

MARK = "cell.json"
"""Written last: a cell without it is not finished."""

PATIENCE = 60.0
"""Seconds to wait for a process that still holds a cell, such as a worker whose grid has just been killed."""

PREPARED_BY_ANOTHER = 3600.0
"""Seconds to wait while another worker prepares the rows that several baselines share."""

T = TypeVar("T")


@dataclass(frozen=True)
class CellWork:
    """All that a process needs to know to do a cell, wherever it runs."""

    cell: Cell
    run: Run
    out: Path
    fingerprint: str
    threads: int
    named: Named | None = None  # a baseline and its settings
    prepared: Path | None = None  # the run whose rows and prompts a baseline uses; made by the first that needs it


def work_of(study: Study, cell: Cell, *, threads: int, progress: Progress) -> CellWork:
    """A cell as work, its rows written; paths are absolute."""
    run, out = study.cell_run(cell, progress=progress), study.directory(cell).resolve()
    if cell.role == "tuned":
        return CellWork(cell, run, out, fingerprint(run), threads)
    model = cell.model or study.run.model.base
    if cell.size is None:
        prepared = study.workspace(model, progress=progress).path.resolve()
    else:
        prepared = (study.shared / f"seed{cell.seed}" / f"n{cell.size}-{slug(model)}").resolve()
    return CellWork(cell, run, out, fingerprint(run), threads, study.baselines[cell.method], prepared)


def finished(work: CellWork) -> bool:
    """Whether the directory holds this very cell, done."""
    mark = work.out / MARK
    return mark.exists() and read_json(mark).get("fingerprint") == work.fingerprint


def do_cell(work: CellWork, progress: Progress | None = None) -> None:
    """Do what is left of a cell, with its number of threads.

    Raises:
        FinetrieError: see `run` and `baseline`.
    """
    progress = progress or Quiet()
    if not Path(work.run.data.train).exists():
        raise ConfigError(
            f"{work.run.data.train}: {socket.gethostname()} does not see this file",
            fix="put the run directory (--out) into a folder that every machine of the cluster shares",
        )
    begun = perf_counter()
    with _threads(work.threads), _PeakMemory() as memory:
        _when_free(lambda: _do(work, progress))
    mark = {
        "cell": asdict(work.cell),
        "fingerprint": work.fingerprint,
        "finished": now(),
        "seconds": perf_counter() - begun,  # of the last attempt
        "peak_memory_bytes": memory.bytes,
        "threads": work.threads,
        "host": socket.gethostname(),
    }
    write_json(work.out / MARK, mark)


def _do(work: CellWork, progress: Progress) -> None:
    if work.cell.role == "tuned":
        from finetrie.steps.running import run  # brings torch, which most baselines do without

        run(work.run, out=work.out, progress=progress)
        rmtree(RunDir(work.out).checkpoints, ignore_errors=True)  # the weights are saved; a grid would fill the disk
        return
    assert work.named is not None
    assert work.prepared is not None
    if work.cell.size is None:
        prepared = open_workspace(work.prepared)
    else:
        prepared = _when_free(
            lambda: prepare(work.run, out=work.prepared, progress=progress), patience=PREPARED_BY_ANOTHER
        )
    if (work.out / MARK).exists():  # of other settings, such as [evaluation]: else it would count as finished
        rmtree(work.out)
    seed = work.run.training.seed
    baseline(prepared, work.named, out=work.out, seed=seed, progress=progress)
    save_run(work.run, RunDir(work.out).run_file)


def _when_free(action: Callable[[], T], *, patience: float = PATIENCE) -> T:
    until = time.monotonic() + patience
    while True:
        try:
            return action()
        except Locked:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with this many threads: sums are then added up in the same order, wherever the cell runs."""
    with threadpool_limits(limits=count):
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


class _PeakMemory:
    """The most memory that this process held while the block ran; on a GPU, of the GPU. None where it is unknown."""

    bytes: int | None = None

    def __enter__(self) -> _PeakMemory:
        self._cuda = (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available()
        if self._cuda:
            sys.modules["torch"].cuda.reset_peak_memory_stats()
        else:
            try:
                Path("/proc/self/clear_refs").write_text(
                    "5", encoding="ascii"
                )  # Linux: the peak starts again from here
            except OSError:
                self._unknown = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._cuda:
            self.bytes = int(sys.modules["torch"].cuda.max_memory_allocated())
        elif not getattr(self, "_unknown", False):
            lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            peak = next((line for line in lines if line.startswith("VmHWM:")), None)
            self.bytes = int(peak.split()[1]) * 1024 if peak else None


def failure_file(study: Study, cell: Cell) -> Path:
    return study.shared / "failed" / f"{cell.name}.json"


def keep_failure(study: Study, cell: Cell, failure: Failure | None) -> None:
    """Record why a cell failed; a success removes what was recorded before."""
    path = failure_file(study, cell)
    if failure is None:
        path.unlink(missing_ok=True)
    else:
        write_json(path, {"cell": asdict(cell), "time": now(), **asdict(failure)})


def record(study: Study, cell: Cell, *, done: bool) -> dict[str, Any]:
    """A cell as curve.json holds it: nothing in it depends on time, machine or place."""
    entry: dict[str, Any] = {"name": cell.name, **asdict(cell)}
    path = failure_file(study, cell)
    if not done:
        failed = read_json(path) if path.exists() else None
        error = {"kind": failed["kind"], "message": failed["message"]} if failed else None
        return {**entry, "status": "failed" if failed else "missing", "error": error}
    files = RunDir(study.directory(cell))
    metrics = read_json(files.metrics)
    return {
        **entry,
        "status": "done",
        "rows": _count(study, cell, "train"),
        "dev_rows": _count(study, cell, "dev"),
        "scores": scores_of(metrics),
        "intervals": intervals_of(metrics),
        "outcomes": metrics["outcomes"],
        "out_of_label_set": metrics.get("out_of_label_set", {}).get("count"),
        "per_label": {label: scores["f1"] for label, scores in metrics.get("per_label", {}).items()},
        "cost": cost_of(files, metrics),
    }


def _count(study: Study, cell: Cell, part: str) -> int:
    """Labelled rows that the cell has used."""
    if cell.size is None:
        return 0
    train, dev = study.rows(cell)
    path = train if part == "train" else dev
    return sum(1 for _ in read_jsonl(path)) if path is not None else 0


def cost_of(files: RunDir, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell took, counted and not timed: parameters, optimiser steps, rows and tokens of training."""
    if "baseline" in metrics:
        facts = metrics["baseline"]["facts"]
        return {"trainable": facts.get("trainable"), "features": facts.get("features")}
    trained = read_json(files.manifest)["stages"]["train"]
    steps = training_steps(files)
    return {
        "trainable": trained["trainable"],
        "parameters": trained["model"]["parameters"],
        "steps": trained["steps"],
        "best_step": trained["best_step"],
        "rows_seen": sum(step["rows"] for step in steps),
        "tokens_given": sum(step["tokens_given"] for step in steps),
        "tokens_computed": sum(step["tokens_computed"] for step in steps),
    }


def training_steps(files: RunDir) -> list[dict[str, Any]]:
    """The optimiser steps of a training, each once: a step that was done again after a crash counts as one."""
    last = {row["step"]: row for row in read_jsonl(files.events) if row["event"] == "step"}
    return [last[step] for step in sorted(last)]


def seconds_of(study: Study, cell: Cell) -> dict[str, Any]:
    """What a finished cell took in time and memory; another machine, or a second attempt, gives other numbers."""
    files = RunDir(study.directory(cell))
    metrics, mark = read_json(files.metrics), read_json(files.path / MARK)
    kept = ("seconds", "peak_memory_bytes", "threads", "host", "finished")
    timed: dict[str, Any] = {"name": cell.name, **{name: mark[name] for name in kept}}
    if "baseline" in metrics:
        timed["training_seconds"] = metrics["baseline"]["fit_seconds"]
    else:
        steps = training_steps(files)
        timed["training_seconds"] = sum(step["seconds"] for step in steps)
        timed["training_rows_per_second"] = _rate(sum(step["rows"] for step in steps), timed["training_seconds"])
    timed["answering_seconds"] = metrics["seconds"]
    timed["answers_per_second"] = metrics["rows_per_second"]
    return timed


def _rate(count: float, seconds: float) -> float | None:
    return count / seconds if seconds else None


def available_cores() -> int:
    """Threads that a cell may use by default: what the user allows this process."""
    if asked := os.environ.get("OMP_NUM_THREADS", ""):
        return max(1, int(asked)) if asked.isdigit() else 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
