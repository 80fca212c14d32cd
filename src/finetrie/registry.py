"""Names in files become objects here; installed plug-ins can add their own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from finetrie.errors import UnknownName, suggest

T = TypeVar("T")


class Registry(Generic[T]):
    """A dictionary that explains itself, and that plug-ins can extend.

    Built-in objects live in modules of `package`, which are imported on the first look-up. A plug-in
    declares an entry point in the group `finetrie.<kind>`; it is imported when its name is asked for.
    """

    def __init__(self, kind: str, *, builtin: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self._builtin = builtin
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate a class or function to make it available under `name`."""

        def add(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} {name!r} is already registered: {self._items[name]!r}")
            self._items[name] = item
            return item

        return add

    def names(self) -> list[str]:
        """All names, built-in and from plug-ins, sorted."""
        self._import_builtin()
        return sorted({*self._items, *(e.name for e in entry_points(group=f"finetrie.{self.kind}"))})

    def get(self, name: str) -> T:
        """Return the object called `name`; raise UnknownName, which lists what there is."""
        self._import_builtin()
        if name not in self._items:
            for entry in entry_points(group=f"finetrie.{self.kind}", name=name):
                self._items[name] = entry.load()
        if name not in self._items:
            known = self.names()
            raise UnknownName(
                f"unknown {self.kind} {name!r}{suggest(name, known)} (available: {', '.join(known) or 'none'})"
            )
        return self._items[name]

    def _import_builtin(self) -> None:
        for module in self._builtin:
            import_module(module)
