"""The forms labelled data comes in: one file a form. A new file here is found by itself."""

from __future__ import annotations

from pkgutil import iter_modules

from finetrie.data.formats.base import Format
from finetrie.registry import Registry

FORMATS: Registry[Format] = Registry(
    "format", builtin=tuple(f"{__name__}.{module.name}" for module in iter_modules(__path__))
)
"""Name → format, built-in and from plug-ins (entry points of the group `finetrie.format`)."""
