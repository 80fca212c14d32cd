"""Evaluate a served model: the rows of a run, asked of whatever stands behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.dataset_info import content_hash
from finetrie.endpoints import Cache
from finetrie.errors import DataError
from finetrie.files import file_hash, write_json
from finetrie.inference import ServedEngine
from finetrie.models.loading import load_tokenizer
from finetrie.prompts import Renderer
from finetrie.records import Example, Rejection
from finetrie.steps.endpoint import Endpoint
from finetrie.steps.evaluating import Target, headline_decoding, read_other, score_rows
from finetrie.steps.preparing import load_renderer, load_test, prepare
from finetrie.steps.progress import Progress
from finetrie.steps.result import Result
from finetrie.steps.training import tuning_method
from finetrie.steps.workspace import Workspace
from finetrie.tracking import RunDir

ANSWERS = "answers.sqlite"
"""Every answer of the server, kept before it is used; the same command again asks only what has no answer."""


def evaluate_served(
    source: Run | Path | str, endpoint: Endpoint, *, data: Path | str | None, progress: Progress
) -> Result:
    """Score the model behind an endpoint on the run's test rows, or on another labelled file.

    The run is prepared where it is not yet: its data, labels and prompts count, its weights do not.

    Raises:
        ModelError: the endpoint cannot be asked at all, or has gone.
        DataError: no rows.
    """
    workspace = prepare(source, progress=progress)
    rows = content_hash(Path(data)) if data is not None else file_hash(workspace.files.test)
    key = endpoint.key(rows)
    name = re.sub(r"[^\w.]+", "-", endpoint.client.model).strip("-.") or "model"
    stem = f"{Path(data).stem}-" if data is not None else ""
    folder = workspace.path / "evaluations" / f"{stem}{name}-{key[:8]}"
    with RunDir(folder).lock(notice=progress.notice):
        examples = read_other(workspace, Path(data), folder, progress) if data is not None else load_test(workspace)
        renderer = served_renderer(workspace)
        with served_engine(endpoint, renderer, examples[0], folder / ANSWERS, progress) as engine:
            for notice in engine.notices:
                progress.notice(notice)
            _say_other_decoding(workspace.run, engine, renderer, progress)
            target = Target(folder / "predictions.jsonl", folder / "metrics.json", key=key)
            metrics = score_rows(workspace, engine, renderer, examples, target=target, progress=progress)
        metrics["endpoint"] = _described(endpoint, engine)
        write_json(target.metrics, metrics)
    if failed := metrics["outcomes"]["failed"]:
        progress.notice(f"{failed} rows have no answer; the same command asks for them again, and for nothing else")
    return Result(folder, metrics)


def served_renderer(workspace: Workspace) -> Renderer:
    """The run's renderer, without its model."""
    run = workspace.run
    folder = workspace.path / tuning_method(run).folder if workspace.done("train") else None
    return load_renderer(workspace, load_tokenizer(run.model.base, revision=run.model.revision), folder=folder)


@contextmanager
def served_engine(
    endpoint: Endpoint, renderer: Renderer, example: Example, answers: Path, progress: Progress
) -> Iterator[ServedEngine]:
    """An engine that has seen what the server can do with `example`, and keeps its answers in a file."""
    asked = next(renderer.render_many([example], labelled=False))
    if isinstance(asked, Rejection):
        raise DataError(example.origin, None, asked.reason)
    with Cache(answers) as cache:
        if known := len(cache):
            progress.notice(
                f"{known} answers of an earlier call are used as they are; if that name has other weights now, "
                f"remove {answers}"
            )
        yield ServedEngine.connect(
            endpoint.client, renderer, asked, _candidates(renderer, example), route=endpoint.route, cache=cache
        )


def _candidates(renderer: Renderer, example: Example) -> tuple[str, ...]:
    task = renderer.task
    return tuple(example.options or task.labels) if task.closed else ()


def _say_other_decoding(run: Run, engine: ServedEngine, renderer: Renderer, progress: Progress) -> None:
    chosen = headline_decoding(run, engine)
    if renderer.task.name == "classification" and chosen != run.evaluation.decoding:
        progress.notice(f"scored by {chosen} answers: the server cannot give {run.evaluation.decoding} ones")


def _described(endpoint: Endpoint, engine: ServedEngine) -> dict[str, Any]:
    """What was asked of whom, for metrics.json."""
    client = endpoint.client
    return {
        "host": client.host,
        "model": client.model,
        "route": engine.abilities.route,
        "parameters": dict(client.parameters),
        "decodings": engine.decodings,
        "notices": engine.notices,
    }
