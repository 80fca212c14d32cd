"""Where a run is shown besides its own event log, and the guard that keeps those places from stopping it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from finetrie.errors import FinetrieError
from finetrie.files import Notice


class Sink(Protocol):
    """A place that shows a run. Any method may raise; `Tracker` then goes on without the sink."""

    name: str  # as warnings call it

    def start(self, settings: Mapping[str, Any]) -> None:
        """Begin with the run's settings, nested by section."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Numbers at an optimiser step, such as `{"train/loss": 0.5}`."""

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table, such as predictions beside their gold labels."""

    def finish(self, *, error: str | None = None) -> None:
        """End; `error` says why the run broke off, None that it is done."""


class Tracker:
    """Fans out to sinks. A sink that raises costs one notice and is switched off; the run goes on.

    Only a FinetrieError from `start` passes through: it is a setting the user can correct, found before any work is
    done. As a context manager it finishes the sinks, with the exception as the error.
    """

    def __init__(self, sinks: Sequence[Sink], notice: Notice) -> None:
        self._sinks = list(sinks)
        self._notice = notice

    @property
    def active(self) -> bool:
        """Whether anybody is listening."""
        return bool(self._sinks)

    def start(self, settings: Mapping[str, Any]) -> None:
        self._each(lambda sink: sink.start(settings), passing=FinetrieError)

    def log(self, values: Mapping[str, float], step: int) -> None:
        self._each(lambda sink: sink.log(values, step))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._each(lambda sink: sink.table(name, columns, rows))

    def finish(self, *, error: str | None = None) -> None:
        """End every sink; calling it again does nothing."""
        self._each(lambda sink: sink.finish(error=error))
        self._sinks = []

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(error=None if error is None else f"{type(error).__name__}: {error}")

    def _each(self, call: Callable[[Sink], None], *, passing: type[Exception] | tuple[()] = ()) -> None:
        for sink in list(self._sinks):
            try:
                call(sink)
            except passing:
                raise
            except (Exception, SystemExit) as error:  # some trackers exit the process when they cannot log in
                self._sinks.remove(sink)
                self._notice(
                    f"{sink.name} is switched off for the rest of this run: {type(error).__name__}: {error}"
                    " (events.jsonl has everything)"
                )
