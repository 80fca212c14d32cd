"""Run: all the steps in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finetrie.config import Run
from finetrie.steps.evaluating import evaluate
from finetrie.steps.preparing import prepare
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.reporting import report
from finetrie.steps.result import Result
from finetrie.steps.training import tracker_of, train


def run(
    source: Run | Path | str,
    *,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> Result:
    """Prepare, train, evaluate and report; what is already done is not done again."""
    progress = progress or Quiet()
    workspace = prepare(source, out=out, overrides=overrides, progress=progress)
    if workspace.done("evaluate"):
        result = evaluate(workspace.path, progress=progress)
    else:
        with tracker_of(workspace, progress) as tracker:
            train(workspace.path, progress=progress, tracker=tracker)
            result = evaluate(workspace.path, progress=progress, tracker=tracker)
    try:
        report(workspace.path)
    except Exception as error:  # a page that cannot be drawn must not cost the run that it is about
        progress.notice(f"the report could not be written: {type(error).__name__}: {error}")
    return result
