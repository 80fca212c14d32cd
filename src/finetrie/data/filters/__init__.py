"""Filters: named questions to one row, each answered with None (keep it) or a `Drop` with its reason.

A new file here is found by itself. Nothing is on by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import iter_modules
from typing import Any

from finetrie.data.cleaning.choices import Asked, chosen
from finetrie.data.filters.base import Drop, Filter, first_drop
from finetrie.registry import Registry

FILTERS: Registry[Callable[..., Filter]] = Registry(
    "filters", builtin=tuple(f"{__name__}.{module.name}" for module in iter_modules(__path__))
)
"""Name → what makes the filter from its parameters; built-in and from plug-ins (entry points of `finetrie.filters`)."""


def filters_from(
    asked: Asked, *, where: str = "prepare.filters", given: Mapping[str, Any] | None = None
) -> tuple[Filter, ...]:
    """The filters that a run file lists, in its order: names, or tables of a name and parameters.

    Args:
        given: functions that filters take by name, such as `count` of the filter "tokens".

    Raises:
        UnknownName: no such filter; the message lists them.
        ConfigError: a parameter is unknown, missing or of another type.
    """
    return tuple(made for _, made in chosen(FILTERS, asked, where=where, given=given))


__all__ = ["FILTERS", "Drop", "Filter", "filters_from", "first_drop"]
