"""What a step tells while it works: notices, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Bar(Protocol):
    """One running piece of work."""

    def advance(self, count: int = 1, *, note: str = "") -> None:
        """`count` more units are done; `note` replaces the words at the end of the line."""


class Progress(Protocol):
    """Where a step reports to. The command line draws it; in Python the default is silent."""

    def notice(self, message: str) -> None:
        """Something the user should know, that is not an error."""

    def bar(self, name: str, total: int, *, done: int = 0) -> AbstractContextManager[Bar]:
        """A context in which `total` units of work are done, `done` of them already."""


class _NoBar:
    def advance(self, count: int = 1, *, note: str = "") -> None:
        pass


class Quiet:
    """Keeps notices in a list and draws nothing."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)

    @contextmanager
    def bar(self, name: str, total: int, *, done: int = 0) -> Iterator[Bar]:
        yield _NoBar()
