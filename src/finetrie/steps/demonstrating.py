"""Demo: the whole job offline, on the embedded data set and the embedded base model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetrie.config import parse_run
from finetrie.data.sample import sample_path
from finetrie.errors import UnknownName
from finetrie.steps.looking import SMALL
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.result import Result
from finetrie.steps.running import run

TARGETS = {"classification": "label", "ner": "entities"}


def demo_settings(task: str = "classification") -> dict[str, Any]:
    """The demo as a run file's tree.

    Raises:
        UnknownName: no demo for that task.
    """
    if task not in TARGETS:
        raise UnknownName(f"unknown demo {task!r} (available: {', '.join(TARGETS)})")
    ner = task == "ner"
    return {
        "data": {
            "train": str(sample_path("train")),
            "test": str(sample_path("test")),
            "format": "jsonl",
            "text": "text",
            "target": TARGETS[task],
        },
        "task": {"kind": task, "language": "zh"},
        "model": {"base": "finetrie/tiny", "max_tokens": 512 if ner else 256},
        "tuning": SMALL["tuning"],
        "training": {**SMALL["training"], "dev_rows": 200},
        "evaluation": {"zero_shot": 50 if ner else 200},
    }


def demo(
    task: str = "classification",
    out: Path = Path("demo"),
    *,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> Result:
    """Prepare, tune, measure and report on embedded data, in a few minutes on two cores, without network."""
    settings = parse_run(demo_settings(task), overrides, where="demo", folder=Path.cwd())
    return run(settings, out=out, progress=progress or Quiet())
