"""Errors that a user can fix. Anything else that escapes is a bug in this package.

FinetrieError
├── ConfigError      a setting is unknown, missing or contradicts another
├── DataError        an input file, or rows in it, cannot be used; knows the file and the rows
├── ModelError       a model cannot be found, loaded or used as asked
├── UnknownName      no task, format or method of that name
├── OutputError      a place to write to is missing, full or not writable
└── CheckpointError  a saved model or run is incomplete or belongs to something else

Every message has four parts, in this order: where, what was found, what was expected, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class FinetrieError(Exception):
    """Base class: the command line prints its message and exits with status 2."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem + (f"\n  fix: {fix}" if fix else ""))


class ConfigError(FinetrieError):
    """A setting is unknown, missing or contradicts another."""


class ModelError(FinetrieError):
    """A model cannot be found, loaded or used as asked."""


class CheckpointError(FinetrieError):
    """A saved model or run directory is incomplete or belongs to something else."""


class OutputError(FinetrieError):
    """A place to write to is missing, full or not writable."""


class UnknownName(FinetrieError, LookupError):
    """No registered object has this name."""


class DataError(FinetrieError, ValueError):
    """An input file, or a row of it, cannot be used.

    `line` counts from 1 and is None when the file as a whole is the problem.
    """

    def __init__(self, path: Path | str, line: int | None, problem: str, *, fix: str = "") -> None:
        self.path, self.line = Path(path), line
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}", fix=fix)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return `", did you mean 'x'?"` for the closest known name, or an empty string."""
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
