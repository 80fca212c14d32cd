"""How far a classifier's probabilities can be trusted: what dev rows teach, judged on the test rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetrie.evaluation.abstain import Confidences, abstain_report
from finetrie.evaluation.measuring import judged
from finetrie.evaluation.temperature import fit_temperature, temperature_report
from finetrie.files import file_hash, read_jsonl, text_hash, write_jsonl
from finetrie.inference import LocalEngine
from finetrie.inference.answers import answer
from finetrie.prompts import Renderer
from finetrie.records import Example, Prediction
from finetrie.steps.answering import answer_rest, whole_lines
from finetrie.steps.progress import Progress
from finetrie.steps.store import prediction_from
from finetrie.steps.training import answer_limit, dev_rows
from finetrie.steps.workspace import Workspace

DEV_PREDICTIONS = "dev_predictions.jsonl"


def answer_dev(
    workspace: Workspace, engine: LocalEngine, renderer: Renderer, *, progress: Progress
) -> list[Prediction]:
    """The dev rows that chose the weights, with their distributions over labels; kept in `dev_predictions.jsonl`.

    Empty without dev rows, and for a task without such distributions. What the same weights have answered is not
    asked again, and an interrupted call is continued.
    """
    examples = dev_rows(workspace) if renderer.task.name == "classification" else []
    if not examples:
        return []
    weights = workspace.done("train") or {}
    key = text_hash(file_hash(workspace.files.dev), str(weights.get("finished")))
    path, done = workspace.path / DEV_PREDICTIONS, workspace.done("answer_dev")
    if done and done["key"] == key and path.exists():
        return [prediction_from(row) for row in read_jsonl(path)]
    partial = workspace.path / f".{DEV_PREDICTIONS}.{key[:12]}.partial"
    rows = whole_lines(partial)
    with progress.bar("dev rows", len(examples), done=len(rows)) as bar:
        answer_rest(rows, partial, examples, lambda chunk: _asked(workspace, engine, renderer, chunk), bar)
    write_jsonl(path, rows)
    partial.unlink(missing_ok=True)
    workspace.finish("answer_dev", key=key, rows=len(rows))
    return [prediction_from(row) for row in rows]


def add_confidence(metrics: dict[str, Any], dev: Sequence[Prediction], test: Sequence[Prediction]) -> None:
    """Put `temperature` and `abstain` into the calibration of test scores: fitted on dev rows, judged on test rows.

    Without dev rows that have a distribution, nothing is added.
    """
    (dev_gold, dev_said), (gold, said) = _distributions(dev), _distributions(test)
    found = fit_temperature(dev_gold, dev_said)
    if found is not None:
        metrics["calibration"]["temperature"] = temperature_report(found, gold, said)
        metrics["calibration"]["abstain"] = abstain_report(
            Confidences.of(dev_gold, dev_said), Confidences.of(gold, said), confidence=metrics["confidence"]
        )


def _asked(
    workspace: Workspace, engine: LocalEngine, renderer: Renderer, examples: Sequence[Example]
) -> list[Prediction]:
    said = answer(
        engine,
        renderer,
        examples,
        decoding="argmax",
        decodings=("argmax", "probabilities"),
        max_new_tokens=answer_limit(workspace.run, renderer),
    )
    return judged(renderer.task, examples, list(said))


def _distributions(predictions: Sequence[Prediction]) -> tuple[list[str], list[Any]]:
    return [p.gold for p in predictions], [p.probabilities for p in predictions]
