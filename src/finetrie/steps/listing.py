"""Info: what a run file can name."""

from __future__ import annotations

import inspect

from finetrie.errors import UnknownName
from finetrie.registry import Registry


def info(topic: str) -> dict[str, str]:
    """Names of tasks, methods, formats or wordings, each with its first line of documentation."""
    registry = _registry(topic)
    return {name: _about(registry.get(name)) for name in registry.names()}


def _about(found: object) -> str:
    """What an object says of itself: its `about`, or the first line of its documentation."""
    return getattr(found, "about", None) or (inspect.getdoc(found) or "").partition("\n")[0]


def _registry(topic: str) -> Registry[object]:
    if topic == "tasks":
        from finetrie.tasks import TASKS as found
    elif topic == "methods":
        from finetrie.tuning.base import METHODS as found  # type: ignore[assignment]
    elif topic == "formats":
        from finetrie.data.formats import FORMATS as found  # type: ignore[assignment]
    elif topic == "wordings":
        from finetrie.tasks import WORDINGS as found  # type: ignore[assignment]
    else:
        raise UnknownName(f"unknown topic {topic!r} (available: tasks, methods, formats, wordings)")
    return found  # type: ignore[return-value]
