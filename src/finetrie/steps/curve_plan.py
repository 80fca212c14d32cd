"""What a curve consists of: the rows that all cells share, the grid, and the run file of each cell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finetrie.baselines import DEFAULTS, baseline_from
from finetrie.config import METHODS, Curve, Data, Prepare, Run, Training, load_run, parse_run
from finetrie.errors import ConfigError, suggest
from finetrie.experiments.grid import Budget, Cell, Grid, Method, slug
from finetrie.experiments.subsets import Subsets, check_sizes, dev_subset
from finetrie.files import file_hash, read_json, text_hash
from finetrie.records import Example
from finetrie.steps.baselining import label
from finetrie.steps.preparing import load_part, no_test_rows, prepare
from finetrie.steps.progress import Progress
from finetrie.steps.store import write_examples
from finetrie.steps.workspace import Workspace, must_be_there, open_workspace

FOLDER, SHARED = "curve", "shared"
Named = str | Mapping[str, Any]


@dataclass(frozen=True)
class Tuning:
    """One way to tune: settings of `[tuning]`, and of `[training]` where they differ from the run's."""

    tuning: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A grid, and everything its cells have in common."""

    run: Run  # with the first model
    base: Workspace  # the run directory: rows and prompts of the first model
    grid: Grid
    tunings: Mapping[str, Tuning]  # by method name
    baselines: Mapping[str, Named]  # by method name
    place: Path | None = None  # another folder for the cells, where nothing may be left behind

    @property
    def folder(self) -> Path:
        return self.place or self.base.path / FOLDER

    @property
    def shared(self) -> Path:
        """What the cells share: their rows, and the prompts of further models."""
        return self.folder / SHARED

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(self.grid.cells())

    @cached_property
    def parts(self) -> Mapping[str, Sequence[Example]]:
        """The prepared rows; training subsets are drawn from "train"."""
        return {name: load_part(self.base, name) for name in ("train", "dev", "test")}

    @cached_property
    def subsets(self) -> Mapping[int, Subsets]:
        """By seed."""
        kind = self.run.task.kind
        return {seed: Subsets(self.parts["train"], kind=kind, seed=seed) for seed in self.grid.seeds}

    def directory(self, cell: Cell) -> Path:
        return self.folder / cell.name

    def rows(self, cell: Cell) -> tuple[Path, Path | None]:
        """The files of a cell's training and dev rows, written once for all cells of that size and seed.

        Dev rows grow with the size, in the proportion that the run asks for: somebody with 100 labels has no 500 others
        to choose a checkpoint by. They are nested, too.
        """
        assert cell.size is not None
        assert cell.seed is not None
        train = self.shared / f"seed{cell.seed}" / f"n{cell.size}.jsonl"
        if not train.exists():
            pool = self.parts["train"]
            write_examples(train, (pool[i] for i in self.subsets[cell.seed].of(cell.size)))
        count = min(self.dev_rows(cell.size), len(self.parts["dev"]))
        if not count:
            return train, None
        dev = train.with_name(f"n{cell.size}-dev.jsonl")
        if not dev.exists():
            pool = self.parts["dev"]
            chosen = dev_subset(pool, count, kind=self.run.task.kind, seed=cell.seed)
            write_examples(dev, (pool[i] for i in chosen))
        return train, dev

    def dev_rows(self, size: int) -> int:
        share = self.run.data.dev_fraction
        return max(1, round(share * size)) if share and self.parts["dev"] else 0

    def workspace(self, model: str, *, progress: Progress) -> Workspace:
        """The prepared rows and frozen prompts of a model; the original files are read for the first model only."""
        if model == self.run.model.base:
            return self.base
        files = self.base.files
        dev = files.dev if self.parts["dev"] else None
        return prepare(self._reading(files.train, dev, model), out=self.shared / slug(model), progress=progress)

    def cell_run(self, cell: Cell, *, progress: Progress) -> Run:
        """The run that is this cell: it repeats the cell alone, from the rows that lie beside it."""
        model = cell.model or self.run.model.base
        prompt = read_json(self.workspace(model, progress=progress).files.prompt)
        if cell.size is None:
            dev = self.base.files.dev if self.parts["dev"] else None
            run = self._reading(self.base.files.train, dev, model)
        else:
            run = self._reading(*self.rows(cell), model)
        changes: dict[str, Any] = {"model": run.model.model_copy(update={"reserve": prompt["reserve"]})}
        if cell.role == "baseline":
            changes["curve"] = Curve(
                sizes=["all"], seeds=1, methods=[], baselines=[_plain(self.baselines[cell.method])]
            )
            if cell.seed is not None:
                changes["training"] = run.training.model_copy(update={"seed": cell.seed})
            return run.model_copy(update=changes)
        tuning = self.tunings[cell.method].tuning
        changes |= {
            "training": self.training(cell),
            "tuning": METHODS[tuning["method"]].model_validate(dict(tuning)),
        }
        return run.model_copy(update=changes)

    def training(self, cell: Cell) -> Training:
        """The loop of a tuned cell. As many evaluations as the largest size has, where the budget fixes the steps."""
        assert cell.size is not None
        assert cell.seed is not None
        own = {**self.tunings[cell.method].training, "seed": cell.seed}
        training = self.run.training.model_copy(update=own)
        if cell.steps is None:
            return training
        each = math.ceil(len(self.subsets[cell.seed].of(cell.size)) / training.batch_size)
        rounds = max(1, round(training.epochs))
        fixed = {"epochs": cell.steps / each, "eval_every": max(1, cell.steps // rounds)}
        return training.model_copy(update=fixed)

    def _reading(self, train: Path, dev: Path | None, model: str) -> Run:
        """The run on prepared rows: nothing is cleaned, divided or asked otherwise a second time."""
        run = self.run
        task = read_json(self.base.files.prompt)["task"]
        data = Data(
            train=str(train.resolve()),
            dev=str(dev.resolve()) if dev is not None else None,
            test=str(self.base.files.test.resolve()),
            dev_fraction=0.0,
            format="prepared",
            reasoning=run.data.reasoning,
            overlap="keep",
        )
        frozen = {"labels": list(task["labels"])} if task.get("labels") else {}
        return run.model_copy(
            update={
                "data": data,
                "prepare": Prepare(),
                "task": run.task.model_copy(update={**frozen, "language": task["language"]}),
                "model": run.model.model_copy(
                    update={"base": model, "revision": run.model.revision if model == run.model.base else None}
                ),
                "evaluation": run.evaluation.model_copy(update={"zero_shot": 0, "baselines": []}),
                "curve": Curve(),
            }
        )


def fingerprint(run: Run) -> str:
    """What a finished cell must agree in to be the same cell: its settings, and the bytes of its rows."""
    tree = run.model_dump(mode="json", include={"task", "model", "tuning", "training", "evaluation", "curve"})
    files = (run.data.train, run.data.dev, run.data.test)
    hashes = [file_hash(Path(path)) if path is not None else "" for path in files]
    return text_hash(json.dumps(tree, sort_keys=True), *hashes)


def with_options(run: Run, options: Mapping[str, Any]) -> Run:
    """The run with other settings of `[curve]`; raises ConfigError as a run file would."""
    given = {name: value for name, value in options.items() if value is not None}
    tree = run.model_dump(mode="python", exclude_none=True)
    models = [str(Path(model).resolve()) if Path(model).is_dir() else model for model in given.get("models", ())]
    given |= {"models": models} if models else {}
    return parse_run({**tree, "curve": {**tree["curve"], **given}}, where="finetrie curve")


def with_first_model(run: Run) -> Run:
    """The run whose directory the grid lies in: that of the first model."""
    base = (run.curve.models or [run.model.base])[0]
    revision = run.model.revision if base == run.model.base else None
    return run.model_copy(update={"model": run.model.model_copy(update={"base": base, "revision": revision})})


@dataclass(frozen=True)
class Asked:
    """A run with the options of a curve in its `[curve]`, and the directory it shall have or has."""

    run: Run
    out: Path | None  # None: the one that its settings and data name
    directory: Workspace | None = None  # where a run directory was given


def asked_run(
    source: Run | Path | str, out: Path | None, overrides: Sequence[str], options: Mapping[str, Any]
) -> Asked:
    """What `curve` was called with."""
    if not isinstance(source, Run) and Path(source).is_dir():
        found = open_workspace(source, overrides=overrides)
        return Asked(with_options(found.run, options), out or found.path, found if out is None else None)
    if not isinstance(source, Run):
        must_be_there(Path(source))
    run = source if isinstance(source, Run) else load_run(Path(source), overrides)
    return Asked(with_options(run, options), out)


def study(asked: Asked, *, progress: Progress) -> Study:
    """Prepare the rows of a run, where that is not done, and lay out its grid.

    Raises:
        ConfigError: sizes beyond the rows or below the number of labels; methods or baselines that do not fit.
        DataError: see `prepare`; no test rows.
    """
    run, settings = with_first_model(asked.run), asked.run.curve
    models = tuple(dict.fromkeys(settings.models or [run.model.base]))
    tunings = _tunings(run)
    baselines = _baselines(run)
    methods = [Method(name, "tuned") for name in tunings]
    for name, named in baselines.items():
        found = baseline_from(named, where="curve.baselines")
        methods.append(Method(name, "baseline", trains=found.trains, asks_model=found.prompts))
    if not methods:
        raise ConfigError("curve: neither a method nor a baseline is asked for", fix="name one: --baselines tfidf")
    seeds = tuple(range(run.training.seed, run.training.seed + settings.seeds))
    Grid((), seeds, tuple(methods), models)  # names that clash are told before the data is read
    base = _prepared(asked, run, progress)
    empty = Study(run, base, Grid((), seeds, tuple(methods), models), tunings, baselines)
    if not empty.parts["test"]:
        raise no_test_rows(run)
    sizes = _sizes(settings.sizes, empty)
    budgets: tuple[Budget, ...] = ("epochs", "steps") if settings.budget == "both" else (settings.budget,)
    steps = None
    if "steps" in budgets:
        each = math.ceil((settings.steps_at or sizes[-1]) / run.training.batch_size)
        steps = max(1, math.ceil(run.training.epochs * each - 1e-9))
    grid = Grid(sizes, seeds, tuple(methods), models, budgets, steps)
    return Study(run, base, grid, tunings, baselines)


def _prepared(asked: Asked, run: Run, progress: Progress) -> Workspace:
    """The run directory with its rows; a given one needs its files no more, once it is prepared."""
    found = asked.directory
    if found is not None and found.done("prepare") and found.run.model.base == run.model.base:
        return replace(found, run=run)
    return prepare(run, out=asked.out, progress=progress)


def _sizes(asked: Sequence[Any], empty: Study) -> tuple[int, ...]:
    rows = len(empty.parts["train"])
    least = max(subsets.least for subsets in empty.subsets.values())
    if not asked:
        return tuple(sorted({max(least, rows // part) for part in (8, 4, 2, 1)}))
    sizes = sorted({rows if size == "all" else size for size in asked})
    check_sizes(sizes, rows=rows, least=least)
    return tuple(sizes)


def _tunings(run: Run) -> dict[str, Tuning]:
    own = run.tuning.model_dump(mode="python")
    asked = run.curve.methods
    if asked is None:
        return {own["method"]: Tuning(own)}
    found: dict[str, Tuning] = {}
    for entry in asked:
        table: dict[str, Any] = {"method": entry} if isinstance(entry, str) else dict(entry)
        named = table.get("name")
        method = table.setdefault("method", named if named in METHODS else own["method"])
        if method not in METHODS:
            raise ConfigError(
                f"curve.methods: no such method {method!r}{suggest(str(method), METHODS)}",
                fix=f"methods are {', '.join(METHODS)}; baselines go into curve.baselines",
            )
        name, training = str(table.pop("name", method)), table.pop("training", {})
        chosen = {**own, **table} if method == own["method"] else table
        tree = run.model_dump(mode="python", exclude_none=True)
        checked = parse_run(
            {**tree, "tuning": chosen, "training": {**tree["training"], **training}}, where=f"curve.methods: {name}"
        )
        _once(name, found)
        found[name] = Tuning(checked.tuning.model_dump(mode="python"), training)
    return found


def _baselines(run: Run) -> dict[str, Named]:
    kind, asked = run.task.kind, run.curve.baselines
    if asked is None:
        asked = run.evaluation.baselines
    if asked is None:
        asked = list(DEFAULTS.get(kind, ()))
    found: dict[str, Named] = {}
    for entry in asked:
        baseline_from(entry, where="curve.baselines", kind=kind)
        name = label(entry)
        _once(name, found)
        found[name] = entry
    return found


def _once(name: str, found: Mapping[str, Any]) -> None:
    if name in found:
        raise ConfigError(f"curve: {name!r} stands there twice", fix='give each a name: {name = "...", ...}')


def _plain(asked: Named) -> str | dict[str, Any]:
    return asked if isinstance(asked, str) else dict(asked)
