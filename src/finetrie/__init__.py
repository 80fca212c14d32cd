"""finetrie: a labelled file in, a tuned, measured and served language model out.

>>> import finetrie
>>> finetrie.init(["train.jsonl", "test.jsonl"])                     # doctest: +SKIP
>>> result = finetrie.run("finetrie.toml")                           # doctest: +SKIP
>>> result.metrics["accuracy"]                                       # doctest: +SKIP
>>> finetrie.predict_texts(result.path, ["央行宣布下调存款准备金率"])  # doctest: +SKIP

Everything the command line does is a function here; see `finetrie.steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetrie.config import Run, load_run, parse_run
    from finetrie.steps import (
        check,
        compare,
        convert,
        curve,
        demo,
        evaluate,
        init,
        mix,
        plan_curve,
        predict,
        predict_texts,
        prepare,
        report,
        run,
        serve,
        train,
        write,
    )

__version__ = "0.1.0"

_STEPS = (
    "check",
    "compare",
    "convert",
    "curve",
    "demo",
    "evaluate",
    "init",
    "mix",
    "plan_curve",
    "predict",
    "predict_texts",
    "prepare",
    "report",
    "run",
    "serve",
    "train",
    "write",
)
_CONFIG = ("Run", "load_run", "parse_run")

__all__ = ["__version__", *_CONFIG, *_STEPS]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import finetrie` costs nothing."""
    if name in _STEPS:
        from finetrie import steps

        return getattr(steps, name)
    if name in _CONFIG:
        from finetrie import config

        return getattr(config, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
