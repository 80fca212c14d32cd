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
    from finetrie.steps.demo import demo
    from finetrie.steps.evaluate import evaluate
    from finetrie.steps.info import info
    from finetrie.steps.init import init
    from finetrie.steps.predict import predict, predict_texts
    from finetrie.steps.prepare import prepare
    from finetrie.steps.report import report
    from finetrie.steps.run import run
    from finetrie.steps.train import train

__all__ = ["demo", "evaluate", "info", "init", "predict", "predict_texts", "prepare", "report", "run", "train"]

_HOME = {"predict_texts": "predict"}


def __getattr__(name: str) -> Any:
    """Import a step on first use: `finetrie init` should not wait for torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    step = getattr(import_module(f"{__name__}.{_HOME.get(name, name)}"), name)
    globals()[name] = step  # the function, not the submodule that importing it has bound to this name
    return step
