"""What a run file asks for by name and parameters becomes an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, TypeAlias, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from finetrie.errors import ConfigError, suggest
from finetrie.registry import Registry

T = TypeVar("T")

Asked: TypeAlias = "Sequence[str | Mapping[str, Any]]"
"""Names, or tables of a name and its parameters: `["nfkc", {"name": "urls", "replace_by": "[URL]"}]`."""


def chosen(
    registry: Registry[Callable[..., T]], asked: Asked, *, where: str, given: Mapping[str, Any] | None = None
) -> list[tuple[str, T]]:
    """(name, object) in the order asked for.

    Args:
        where: the setting that asks, for messages.
        given: what a file cannot hold, such as functions; passed on to objects with a parameter of that name.

    Raises:
        UnknownName: nothing of that name; the message lists what there is.
        ConfigError: a parameter is unknown, missing or of another type.
    """
    found = []
    for entry in asked:
        parameters = {"name": entry} if isinstance(entry, str) else dict(entry)
        name = parameters.pop("name", None)
        if not isinstance(name, str):
            raise ConfigError(
                f"{where}: {entry!r} has no name",
                fix=f'write a name ("{registry.names()[0]}") or {{ name = ..., ... }}',
            )
        make = registry.get(name)
        found.append((name, make(**_checked(make, parameters, given or {}, f"{where}: {name}"))))
    return found


def _checked(
    make: Callable[..., Any], parameters: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> dict[str, Any]:
    known = signature(make).parameters
    for name in parameters:
        if name not in known:
            raise ConfigError(
                f"{where}: unknown parameter {name!r}{suggest(name, known)} (parameters: {', '.join(known) or 'none'})",
                fix="correct the name, or leave it out",
            )
    values = {name: value for name, value in given.items() if name in known} | dict(parameters)
    missing = [name for name, known_one in known.items() if known_one.default is Parameter.empty and name not in values]
    if missing:
        raise ConfigError(
            f"{where}: needs the parameter {missing[0]!r}",
            fix=f"add {missing[0]} = ... to its table; a function is given from Python",
        )
    hints = get_type_hints(make)  # of a class: its fields
    return {name: _of_type(hints.get(name, Any), value, f"{where}: {name}") for name, value in values.items()}


def _of_type(hint: Any, value: Any, where: str) -> Any:
    """`value` where it is of the type, without the conversions that hide a mistake ("3" is not 3)."""
    try:
        return TypeAdapter(hint).validate_python(_tuples(value), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {error.errors()[0]['msg']}, got {value!r}", fix="correct the value") from None


def _tuples(value: Any) -> Any:
    """Files hold lists; parameters are tuples, because steps and filters do not change."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value
