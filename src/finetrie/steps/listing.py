"""Info: what a run file can name."""

from __future__ import annotations

import inspect
from importlib import import_module

from finetrie.errors import UnknownName
from finetrie.registry import Registry


def info(topic: str) -> dict[str, str]:
    """Names of what a run file can ask for, each with its first line of documentation; topics are `REGISTRIES`."""
    registry = _registry(topic)
    return {name: _about(registry.get(name)) for name in registry.names()}


def _about(found: object) -> str:
    """What an object says of itself: its `about`, or the first line of its documentation."""
    return getattr(found, "about", None) or (inspect.getdoc(found) or "").partition("\n")[0]


REGISTRIES = {
    "tasks": ("finetrie.tasks", "TASKS"),
    "methods": ("finetrie.tuning.base", "METHODS"),
    "formats": ("finetrie.data.formats", "FORMATS"),
    "wordings": ("finetrie.tasks", "WORDINGS"),
    "cleaning": ("finetrie.data.cleaning", "STEPS"),
    "filters": ("finetrie.data.filters", "FILTERS"),
    "baselines": ("finetrie.baselines", "BASELINES"),
    "personal_data": ("finetrie.data.privacy", "KINDS"),
}
"""Topic → the module and the name of its registry; imported only when asked for."""


def _registry(topic: str) -> Registry[object]:
    if topic not in REGISTRIES:
        raise UnknownName(f"unknown topic {topic!r} (available: {', '.join(REGISTRIES)})")
    module, name = REGISTRIES[topic]
    found: Registry[object] = getattr(import_module(module), name)
    return found
