"""Cleaning: named steps that change texts, in the order the user lists them. A new file here is found by itself.

Nothing is on by default. Labelled data is what somebody looked at, so each step is asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import iter_modules

from finetrie.data.cleaning.applying import Change, Cleaned, LostEntity, Rewrite, Step, clean
from finetrie.data.cleaning.choices import Asked, chosen
from finetrie.registry import Registry

STEPS: Registry[Callable[..., Rewrite]] = Registry(
    "cleaning", builtin=tuple(f"{__name__}.{module.name}" for module in iter_modules(__path__))
)
"""Name → what makes the step from its parameters; built-in and from plug-ins (entry points of `finetrie.cleaning`)."""


def steps_from(asked: Asked, *, where: str = "prepare.clean") -> tuple[Step, ...]:
    """The steps that a run file lists, in its order: names, or tables of a name and parameters.

    >>> [step.name for step in steps_from(["nfkc", {"name": "urls", "replace_by": "[URL]"}])]
    ['nfkc', 'urls']

    Raises:
        UnknownName: no such step; the message lists them.
        ConfigError: a parameter is unknown, missing or of another type.
    """
    return tuple(Step(name, rewrite) for name, rewrite in chosen(STEPS, asked, where=where))


__all__ = ["STEPS", "Change", "Cleaned", "LostEntity", "Rewrite", "Step", "clean", "steps_from"]
