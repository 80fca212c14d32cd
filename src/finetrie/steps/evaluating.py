"""Evaluate: a trained run answers labelled rows; every answer is kept, and the counts close."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.dataset_info import content_hash
from finetrie.errors import CheckpointError
from finetrie.evaluation.measuring import headline, judged, measure
from finetrie.files import file_hash, read_json, read_jsonl, text_hash, write_json, write_jsonl
from finetrie.inference import LocalEngine
from finetrie.inference.answers import answer
from finetrie.inference.engine import Decoding
from finetrie.inference.served import ServedEngine
from finetrie.models.loading import load_model
from finetrie.prompts import Renderer
from finetrie.records import Example, Prediction
from finetrie.steps.answering import answer_rest, whole_lines
from finetrie.steps.baselining import beside
from finetrie.steps.cleaning import plan, prepared
from finetrie.steps.confidence import add_confidence, answer_dev
from finetrie.steps.endpoint import Endpoint
from finetrie.steps.preparing import load_renderer, load_test, read_like
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.result import Result
from finetrie.steps.store import prediction_from
from finetrie.steps.training import answer_limit, tracker_of, tuning_method
from finetrie.steps.workspace import Workspace, open_workspace
from finetrie.tracking import EventLog, Tracker


def evaluate(
    source: Run | Path | str,
    *,
    data: Path | str | None = None,
    endpoint: Endpoint | None = None,
    progress: Progress | None = None,
    tracker: Tracker | None = None,
) -> Result:
    """Score a trained run on its test rows, or on another labelled file.

    With an `endpoint`, the model behind it is asked in place of the run's own, which need not be trained.

    Results on the test rows lie in the run directory itself, those on another file in `evaluations/NAME-HASH`
    below it: `predictions.jsonl` with one line a row, and `metrics.json`. The baselines of the run are measured on
    its test rows, too, and compared with it.

    Raises:
        CheckpointError: the run is not trained.
        DataError: the other file cannot be used.
        ModelError: the endpoint cannot be asked.
    """
    progress = progress or Quiet()
    if endpoint is not None:
        from finetrie.steps.served import evaluate_served  # which builds on this module

        return evaluate_served(source, endpoint, data=data, progress=progress)
    workspace = open_workspace(source, create=False)
    if not workspace.done("train"):
        raise CheckpointError(f"{workspace.path}: is not trained yet", fix=f"run: finetrie train {source}")
    with workspace.files.lock(notice=progress.notice):
        if data is None:
            return beside(workspace, _evaluate_test(workspace, progress, tracker), progress)
        return _evaluate_other(workspace, Path(data), progress)


def load_base(workspace: Workspace) -> tuple[Any, Renderer]:
    """The base model as it was before tuning, and the renderer that the run's weights were trained with."""
    run = workspace.run
    loaded = load_model(
        run.model.base, revision=run.model.revision, dtype=run.model.dtype, attention=run.model.attention
    )
    folder = workspace.path / tuning_method(run).folder
    return loaded.model, load_renderer(workspace, loaded.tokenizer, folder=folder)


def tuned(workspace: Workspace, base: Any) -> Any:
    """The base with what the run has trained; `base` itself is changed."""
    method = tuning_method(workspace.run)
    return method.load(base, workspace.path / method.folder)


def _evaluate_test(workspace: Workspace, progress: Progress, tracker: Tracker | None) -> Result:
    files, run = workspace.files, workspace.run
    settings = run.evaluation.model_dump(mode="json", exclude={"baselines"})
    done = workspace.done("evaluate")
    if done and done.get("settings") == settings:
        return Result(workspace.path, read_json(files.metrics))
    examples = load_test(workspace)
    base, renderer = load_base(workspace)
    before = _zero_shot(workspace, LocalEngine(base, renderer), renderer, examples, progress)
    target = Target(files.predictions, files.metrics, key=file_hash(files.test))
    engine = LocalEngine(tuned(workspace, base), renderer)
    dev = answer_dev(workspace, engine, renderer, progress=progress)
    metrics = score_rows(workspace, engine, renderer, examples, target=target, progress=progress)
    add_confidence(metrics, dev, [prediction_from(row) for row in read_jsonl(files.predictions)])
    if before is not None:
        metrics["zero_shot"] = before
    write_json(files.metrics, metrics)
    facts = {"rows": len(examples), "seconds": metrics["seconds"], "rows_per_second": metrics["rows_per_second"]}
    with EventLog(files.events, notice=progress.notice) as log:
        log.append("evaluate_finished", **facts)
    with nullcontext(tracker) if tracker else tracker_of(workspace, progress) as open_tracker:
        _track(workspace, metrics, open_tracker)
    workspace.finish("evaluate", settings=settings, **facts)
    return Result(workspace.path, metrics)


def read_other(workspace: Workspace, data: Path, folder: Path, progress: Progress) -> Sequence[Example]:
    """The rows of another file, cleaned and masked as the run's own test rows are; what cannot be used is on record."""
    dataset = read_like(workspace.run, data)
    for notice in dataset.notices:
        progress.notice(notice)
    write_jsonl(folder / "rejected.jsonl", dataset.rejected)
    if dataset.rejected:
        progress.notice(f"{len(dataset.rejected)} rows cannot be used; see {folder / 'rejected.jsonl'}")
    return prepared(workspace.run, dataset, plan(workspace.run, reduce=False), reduce=False).examples


def _evaluate_other(workspace: Workspace, data: Path, progress: Progress) -> Result:
    key = content_hash(data)
    folder = workspace.path / "evaluations" / f"{data.stem}-{key[:8]}"
    examples = read_other(workspace, data, folder, progress)
    target = Target(folder / "predictions.jsonl", folder / "metrics.json", key=key)
    base, renderer = load_base(workspace)
    engine = LocalEngine(tuned(workspace, base), renderer)
    metrics = score_rows(workspace, engine, renderer, examples, target=target, progress=progress)
    write_json(target.metrics, metrics)
    return Result(folder, metrics)


@dataclass(frozen=True)
class Target:
    """Where the answers to one set of rows go."""

    predictions: Path
    metrics: Path
    key: str  # hash of the rows


def score_rows(
    workspace: Workspace,
    engine: LocalEngine | ServedEngine,
    renderer: Renderer,
    examples: Sequence[Example],
    *,
    target: Target,
    progress: Progress,
) -> dict[str, Any]:
    """Answer labelled rows and score the answers; goes on where an interrupted call with the same target stopped."""
    run = workspace.run
    chosen = headline_decoding(run, engine)
    partial = _partial(target, workspace)
    rows = whole_lines(partial)
    with progress.bar("evaluating", len(examples), done=len(rows)) as bar:
        seconds = answer_rest(rows, partial, examples, lambda chunk: _judged(engine, renderer, chunk, run), bar)
    for notice in engine.notices:
        progress.notice(notice)
    predictions = [prediction_from(row) for row in rows]
    decoding = chosen if renderer.task.name == "classification" else "free"
    metrics = measure(
        renderer.task,
        examples,
        predictions,
        confidence=run.evaluation.confidence,
        resamples=run.evaluation.resamples,
        decoding=decoding,
        seconds=seconds,
    )
    write_jsonl(target.predictions, rows)
    partial.unlink(missing_ok=True)
    return metrics


def _partial(target: Target, workspace: Workspace) -> Path:
    """Answers so far; the name says of which rows, weights and settings, so that nothing else continues it."""
    weights = workspace.done("train") or {}
    key = text_hash(
        target.key, str(weights.get("finished")), workspace.run.evaluation.model_dump_json(exclude={"baselines"})
    )
    return target.predictions.with_name(f".{target.predictions.name}.{key[:12]}.partial")


def headline_decoding(run: Run, engine: LocalEngine | ServedEngine) -> Decoding:
    """The decoding that the run asks for, or the nearest that a server can give."""
    wanted = run.evaluation.decoding
    if wanted in engine.decodings:
        return wanted
    return "constrained" if "constrained" in engine.decodings else "free"


def _judged(
    engine: LocalEngine | ServedEngine, renderer: Renderer, chunk: Sequence[Example], run: Run
) -> list[Prediction]:
    predictions = answer(
        engine,
        renderer,
        chunk,
        decoding=headline_decoding(run, engine),
        decodings=engine.decodings,
        max_new_tokens=answer_limit(run, renderer),
    )
    return judged(renderer.task, chunk, list(predictions))


def _zero_shot(
    workspace: Workspace, engine: LocalEngine, renderer: Renderer, examples: Sequence[Example], progress: Progress
) -> dict[str, Any] | None:
    """Headline scores of the base model before tuning, on the first rows of the test set; kept for a second call."""
    count = min(workspace.run.evaluation.zero_shot, len(examples))
    if not count:
        return None
    path, asked = workspace.path / "zero_shot.json", workspace.run.evaluation
    settings = asked.model_dump(mode="json", include={"decoding", "max_new_tokens", "confidence"})
    if path.exists() and (before := dict(read_json(path))).get("n") == count and before.get("settings") == settings:
        return before
    chosen = examples[:: len(examples) // count][:count]
    with progress.bar("zero-shot", count) as bar:
        answered = _judged(engine, renderer, chosen, workspace.run)
        bar.advance(count)
    metrics = measure(
        renderer.task, chosen, answered, decoding=asked.decoding, confidence=asked.confidence, resamples=100
    )
    name, value = ("accuracy", metrics["accuracy"]) if "accuracy" in metrics else headline(metrics)
    summary: dict[str, Any] = {
        "n": count,
        "metric": name,
        "score": value,
        **{key: metrics[key] for key in ("accuracy", "accuracy_ci", "micro", "by_decoding") if key in metrics},
        "outcomes": metrics["outcomes"],
        "settings": settings,
    }
    write_json(path, summary)
    return summary


def _track(workspace: Workspace, metrics: dict[str, Any], tracker: Tracker) -> None:
    """Scores and a table of predictions for the trackers."""
    if not tracker.active:
        return
    name, value = headline(metrics)
    tracker.log({f"test/{name}": value}, (workspace.done("train") or {})["steps"])
    columns = ("id", "text", "gold", "prediction", "outcome", "probability")
    rows = [[row.get(column) for column in columns] for row in read_jsonl(workspace.files.predictions)]
    tracker.table("test/predictions", columns, rows)
