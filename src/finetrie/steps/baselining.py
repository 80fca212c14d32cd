"""Baselines: what a tuned model has to beat, fitted on the same rows and scored on the same test rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from shutil import rmtree
from time import perf_counter
from typing import Any

from finetrie.baselines import DEFAULTS, Asker, Baseline, Fitted, baseline_from
from finetrie.errors import CheckpointError, FinetrieError
from finetrie.evaluation.measuring import judged, measure
from finetrie.evaluation.paired import paired_test
from finetrie.evaluation.row_counts import METRICS, row_counts
from finetrie.files import plain, read_json, read_jsonl, text_hash, write_json, write_jsonl
from finetrie.records import Example, Prediction
from finetrie.steps.answering import answer_rest, whole_lines
from finetrie.steps.preparing import load_part, load_renderer, load_test
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.result import Result
from finetrie.steps.store import example_row, prediction_from
from finetrie.steps.workspace import Workspace, now
from finetrie.tasks import Task, task_from
from finetrie.tracking import EventLog, RunDir
from finetrie.tracking.manifest import environment

FOLDER = "baselines"
"""Where the baselines of a run lie in its directory."""

SETTINGS = {"confidence", "resamples", "decoding", "max_new_tokens"}
"""Settings of `[evaluation]` that can change a number of a baseline."""

Named = str | Mapping[str, Any]


def baseline(
    workspace: Workspace,
    name_or_settings: Named,
    *,
    out: Path,
    train: Sequence[Example] | None = None,
    seed: int = 0,
    asker: Callable[[], Asker] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Fit a baseline on training rows of a prepared run and score it on the run's test rows.

    `out` gets `predictions.jsonl`, `metrics.json` and `manifest.json`, as a run directory has them. What is finished
    there is not done again; a killed one is fitted again and goes on after its last answers.

    Args:
        name_or_settings: "tfidf", or its name and settings: `{"name": "few_shot", "k": 8}`.
        train: training rows; by default all of the run's.
        seed: of what a baseline draws.
        asker: gives the language model to those that prompt; by default the run's base is loaded, and once only
            where the same `shared_asker` serves several calls.

    Raises:
        UnknownName, ConfigError: no such baseline or setting, or it cannot do the run's task.
        CheckpointError: the run is not prepared, or `out` holds another baseline, other rows or other settings.
        DataError: no test rows.
    """
    if not workspace.done("prepare"):
        raise CheckpointError(f"{workspace.path}: is not prepared yet", fix=f"run: finetrie prepare {workspace.path}")
    progress = progress or Quiet()
    asker = asker or shared_asker(workspace)
    cell = _Cell.of(workspace, name_or_settings, out=out, train=train, seed=seed, asker=asker, progress=progress)
    if cell.belongs_to_another():
        raise CheckpointError(
            f"{out}: holds another baseline, or its rows or settings have changed",
            fix="remove the folder, or choose another one",
        )
    return cell.result()


def label(name_or_settings: Named) -> str:
    """What a baseline is called in results, and its folder: its name, and the settings that were given."""
    if isinstance(name_or_settings, str):
        return name_or_settings
    settings = {key: value for key, value in name_or_settings.items() if key != "name"}
    told = (f"{key}={str(value).rstrip('/').rpartition('/')[2]}" for key, value in sorted(settings.items()))
    return "-".join([str(name_or_settings.get("name")), *(re.sub(r"[^\w=.-]", "_", one) for one in told)])


@dataclass(frozen=True)
class _Cell:
    """One baseline on one set of training rows, and where its results go."""

    place: Workspace  # the folder of the results
    run: Workspace  # the prepared run
    baseline: Baseline
    task: Task[Any]
    train: Sequence[Example]
    test: Sequence[Example]
    seed: int
    asker: Callable[[], Asker]
    progress: Progress

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        asked: Named,
        *,
        out: Path,
        train: Sequence[Example] | None,
        seed: int,
        asker: Callable[[], Asker],
        progress: Progress,
    ) -> _Cell:
        frozen = read_json(workspace.files.prompt)
        task = task_from(frozen["task"])
        found = baseline_from(asked, where="baselines", kind=task.name)
        rows = list(train) if train is not None else load_part(workspace, "train")
        test = load_test(workspace)
        identity = {
            "baseline": {"name": asked} if isinstance(asked, str) else dict(asked),
            "run": workspace.identity,
            "task": frozen["task"],
            "train": {"rows": len(rows), "sha256": _rows_hash(rows)},
            "test": {"rows": len(test), "sha256": _rows_hash(test)},
            "seed": seed,
            "evaluation": workspace.run.evaluation.model_dump(mode="json", include=SETTINGS),
        }
        if found.prompts:
            identity["prompt_hash"] = frozen["hash"]
        else:  # what the model and its tuning are is no matter
            identity["run"] = {name: workspace.identity.get(name) for name in ("data", "prepare")}
        place = Workspace(workspace.run, RunDir(out), json.loads(json.dumps(plain(identity))))
        return cls(place, workspace, found, task, rows, test, seed, asker, progress)

    def belongs_to_another(self) -> bool:
        return bool(found := self.place.manifest()) and found.get("identity") != self.place.identity

    def result(self) -> Result:
        """What lies in the folder, measured first where it is not finished."""
        with self.place.files.lock(notice=self.progress.notice):
            if not self.place.manifest():
                facts = {"created": now(), "identity": self.place.identity, "stages": {}, **environment()}
                write_json(self.place.files.manifest, facts)
            if not self.place.done("evaluate"):
                self.score()
        return Result(self.place.path, read_json(self.place.files.metrics))

    def score(self) -> None:
        run, files = self.run.run, self.place.files
        started = perf_counter()
        fitted = self.baseline.fit(
            self.train,
            dev=load_part(self.run, "dev"),
            task=self.task,
            seed=self.seed,
            asker=self.asker,
        )
        fitting = perf_counter() - started + fitted.facts.get("shared_seconds", 0.0)
        partial_file = files.predictions.with_name(f".{files.predictions.name}.partial")
        rows = whole_lines(partial_file)
        with self.progress.bar(self.baseline.name, len(self.test), done=len(rows)) as bar:
            seconds = answer_rest(rows, partial_file, self.test, partial(self._judged, fitted), bar)
        if self.baseline.prompts:
            for notice in getattr(self.asker().engine, "notices", ()):
                self.progress.notice(notice)
        metrics = measure(
            self.task,
            self.test,
            [prediction_from(row) for row in rows],
            confidence=run.evaluation.confidence,
            resamples=run.evaluation.resamples,
            decoding=run.evaluation.decoding if self.baseline.prompts and self.task.name == "classification" else None,
            seconds=seconds,
        )
        metrics["baseline"] = {
            **self.place.identity["baseline"],
            "train_rows": len(self.train),
            "fit_seconds": fitting,
            "facts": dict(fitted.facts),
        }
        write_jsonl(files.predictions, rows)
        write_json(files.metrics, metrics)
        partial_file.unlink(missing_ok=True)
        self.place.finish("fit", seconds=fitting, rows=len(self.train), facts=plain(dict(fitted.facts)))
        self.place.finish("evaluate", seconds=seconds, rows=len(self.test))

    def _judged(self, fitted: Fitted, chunk: Sequence[Example]) -> list[Prediction]:
        return judged(self.task, chunk, list(fitted.predict(chunk)))


def _rows_hash(rows: Sequence[Example]) -> str:
    return text_hash(*(json.dumps(example_row(row), sort_keys=True, ensure_ascii=True) for row in rows))


def shared_asker(workspace: Workspace) -> Callable[[], Asker]:
    """The run's base model as it was before tuning, asked as the run asks; loaded when first called for, and kept."""

    @cache
    def load() -> Asker:
        from finetrie.inference import LocalEngine
        from finetrie.models.loading import load_model
        from finetrie.steps.training import answer_limit

        run = workspace.run
        loaded = load_model(
            run.model.base, revision=run.model.revision, dtype=run.model.dtype, attention=run.model.attention
        )
        renderer = load_renderer(workspace, loaded.tokenizer)
        engine = LocalEngine(loaded.model, renderer)
        limit = answer_limit(run, renderer)
        return Asker(engine, renderer, decoding=run.evaluation.decoding, max_new_tokens=limit)

    return load


def beside(workspace: Workspace, result: Result, progress: Progress) -> Result:
    """The result of a run with its baselines: measured where they are not yet, and compared row by row.

    They lie in `baselines/NAME`; `metrics.json` gets a summary of each. One that fails is a notice and has its
    `error` in place of scores: it never stops the run that it is about.
    """
    asked, before = _asked(workspace), workspace.done("baselines")
    if not asked and "baselines" not in result.metrics:
        return result
    facts = plain({"asked": list(asked), "of": workspace.done("evaluate")})
    known = before is not None and {name: before.get(name) for name in facts} == facts and not before["failed"]
    if known and "baselines" in result.metrics:
        return result
    asker = shared_asker(workspace)
    summaries = {label(one): _tried(workspace, one, asker, progress) for one in asked}
    metrics = {name: value for name, value in result.metrics.items() if name != "baselines"}
    if summaries:
        metrics["baselines"] = plain(summaries)
    write_json(workspace.files.metrics, metrics)
    workspace.finish("baselines", **facts, failed=[name for name, found in summaries.items() if "error" in found])
    return Result(result.path, metrics)


def _asked(workspace: Workspace) -> Sequence[Named]:
    asked = workspace.run.evaluation.baselines
    return DEFAULTS.get(workspace.run.task.kind, ()) if asked is None else asked


def _tried(workspace: Workspace, asked: Named, asker: Callable[[], Asker], progress: Progress) -> dict[str, Any]:
    try:
        return _summary(workspace, asked, asker, progress)
    except Exception as error:  # whatever goes wrong with a baseline must not cost the run that it is about
        said = str(error) if isinstance(error, FinetrieError) else f"{type(error).__name__}: {error}"
        message = f"baseline {label(asked)} could not be measured: {said}"
        progress.notice(message)
        with EventLog(workspace.files.events, notice=progress.notice) as log:
            log.append("notice", message=message)
        return {"error": said}


def _summary(workspace: Workspace, asked: Named, asker: Callable[[], Asker], progress: Progress) -> dict[str, Any]:
    folder, seed = workspace.path / FOLDER / label(asked), workspace.run.training.seed
    cell = _Cell.of(workspace, asked, out=folder, train=None, seed=seed, asker=asker, progress=progress)
    if cell.belongs_to_another():  # of settings that the run had before
        rmtree(folder)
    result = cell.result()
    found, about = result.metrics, dict(result.metrics["baseline"])
    fitting = about.pop("fit_seconds")
    return {
        "n": found["n"],
        **_scores(found),
        "outcomes": found["outcomes"],
        "seconds": fitting + (found["seconds"] or 0.0),
        "settings": about,
        "against": _against(workspace, result.path),
    }


def _scores(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of a metrics.json that fit on one line of a comparison."""
    kept = ("accuracy", "accuracy_ci", "macro_f1_ci", "micro", "micro_f1_ci", "exact_match", "char_f1", "char_f1_ci")
    scores = {name: metrics[name] for name in kept if name in metrics}
    for name in ("macro", "micro"):
        if name in metrics:
            scores[f"{name}_f1"] = metrics[name]["f1"]
    return scores


def _against(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """The run's model (`b`) against a baseline (`a`) on the same rows, by the first score of the task."""
    task = task_from(read_json(workspace.files.prompt)["task"])
    metric = METRICS[task.name][0]
    counts: Callable[[Path], Any] = partial(_counts, task, metric)
    evaluation = workspace.run.evaluation
    test = paired_test(
        counts(folder / "predictions.jsonl"),
        counts(workspace.files.predictions),
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
    )
    known = test.p is not None and test.difference is not None and test.p < 1 - evaluation.confidence
    verdict = "unclear" if not known else "better" if (test.difference or 0) > 0 else "worse"
    return {**asdict(test), "verdict": verdict}


def _counts(task: Task[Any], metric: str, predictions: Path) -> Any:
    rows = [prediction_from(row) for row in read_jsonl(predictions)]
    return row_counts(task.name, metric, [row.gold for row in rows], rows, labels=task.labels)
