"""The user's verbs, in Python: what each command of the command line calls.

Every function takes a run file, a run directory or a `Run`, does one step, and says on disk what it did.
A step whose result is already there is not done again, so an interrupted run continues where it stopped.

>>> from finetrie import steps
>>> result = steps.run("finetrie.toml")                              # doctest: +SKIP
>>> result.metrics["accuracy"], result.path                          # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetrie.steps.baselining import baseline
    from finetrie.steps.checking import check
    from finetrie.steps.comparing import compare
    from finetrie.steps.converting import convert
    from finetrie.steps.curve_estimate import plan_curve
    from finetrie.steps.curving import curve
    from finetrie.steps.demonstrating import demo
    from finetrie.steps.evaluating import evaluate
    from finetrie.steps.listing import info
    from finetrie.steps.looking import init
    from finetrie.steps.mixing import mix
    from finetrie.steps.predicting import predict, predict_texts
    from finetrie.steps.preparing import prepare
    from finetrie.steps.reporting import report
    from finetrie.steps.running import run
    from finetrie.steps.serving import serve
    from finetrie.steps.training import train
    from finetrie.steps.writing import preview_write, write

__all__ = [
    "baseline",
    "check",
    "compare",
    "convert",
    "curve",
    "demo",
    "evaluate",
    "info",
    "init",
    "mix",
    "plan_curve",
    "predict",
    "predict_texts",
    "prepare",
    "preview_write",
    "report",
    "run",
    "serve",
    "train",
    "write",
]

_MODULES = {
    "baseline": "baselining",
    "check": "checking",
    "compare": "comparing",
    "convert": "converting",
    "curve": "curving",
    "demo": "demonstrating",
    "evaluate": "evaluating",
    "info": "listing",
    "init": "looking",
    "mix": "mixing",
    "plan_curve": "curve_estimate",
    "predict": "predicting",
    "predict_texts": "predicting",
    "prepare": "preparing",
    "preview_write": "writing",
    "report": "reporting",
    "run": "running",
    "serve": "serving",
    "train": "training",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    """Import a step on first use: `finetrie init` should not wait for torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
