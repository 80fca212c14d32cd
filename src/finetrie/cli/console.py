"""How the command line shows progress: on stderr, so that stdout stays the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from finetrie.steps.progress import Bar


class Terminal:
    """A `finetrie.steps.progress.Progress` drawn with rich."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._shown: set[str] = set()

    def notice(self, message: str) -> None:
        if message not in self._shown:
            self._shown.add(message)
            self._console.print(f"[yellow]note:[/] {escape(message)}", soft_wrap=True)

    @contextmanager
    def bar(self, name: str, total: int, *, done: int = 0) -> Iterator[Bar]:
        columns = RichProgress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=self._quiet,
        )
        with columns as drawn:
            task = drawn.add_task(name, total=total, completed=done, note="")

            class _Bar:
                def advance(self, count: int = 1, *, note: str = "") -> None:
                    drawn.advance(task, count)
                    if note:
                        drawn.update(task, note=note)

            yield _Bar()
