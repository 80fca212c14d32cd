"""What a tuned model has to beat: simple ways to solve the same task, on the same rows.

A new file here is found by itself. A run file names baselines in `evaluation.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import iter_modules
from typing import Any

from finetrie.baselines.base import Asker, Baseline, Fitted
from finetrie.data.cleaning.choices import chosen
from finetrie.errors import ConfigError
from finetrie.registry import Registry

BASELINES: Registry[Callable[..., Baseline]] = Registry(
    "baselines", builtin=tuple(f"{__name__}.{module.name}" for module in iter_modules(__path__) if not module.ispkg)
)
"""Name → what makes it from its settings; built-in and from plug-ins (entry points of `finetrie.baselines`)."""

DEFAULTS: Mapping[str, tuple[str, ...]] = {"classification": ("tfidf",), "ner": ("dictionary",), "instruction": ()}
"""What a run measures beside its model where its file does not say; each costs seconds."""


def baseline_from(asked: str | Mapping[str, Any], *, where: str = "baseline", kind: str | None = None) -> Baseline:
    """A baseline by its name, or from a table of its `name` and settings.

    Args:
        kind: the task it must be able to do.

    Raises:
        UnknownName: no such baseline; the message lists them.
        ConfigError: a setting is unknown or of another type, or it cannot do the task.
    """
    found: Baseline = chosen(BASELINES, [asked], where=where)[0][1]
    if kind is not None and kind not in found.kinds:
        able = [name for name in BASELINES.names() if kind in getattr(BASELINES.get(name), "kinds", ())]
        raise ConfigError(f"{where}: {found.name} cannot do {kind}", fix=f"choose one of: {', '.join(able) or 'none'}")
    return found


__all__ = ["BASELINES", "DEFAULTS", "Asker", "Baseline", "Fitted", "baseline_from"]
