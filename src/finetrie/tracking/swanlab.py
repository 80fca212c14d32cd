"""SwanLab as a sink: settings, curves and a table of predictions, in the cloud or on disk to be synced later."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from shlex import quote
from typing import Any, Literal
from uuid import uuid4

from finetrie.errors import ConfigError
from finetrie.files import Notice, plain, write_text

TABLE_ROWS = 200
CELL_CHARACTERS = 300
"""A table is for looking at; all rows and whole texts are in `predictions.jsonl`."""


class SwanLabSink:
    """One SwanLab experiment for one run, also when the run is interrupted and resumed.

    The experiment's id is kept in `folder/experiment`. A resumed run continues it: in the cloud directly, offline by
    one more folder, which `swanlab sync --id` joins to the first.

    Args:
        folder: where SwanLab writes; inside the run directory.
        mode: "offline" needs no account and no network; "cloud" needs `swanlab login` or SWANLAB_API_KEY.
        project, name: as shown by SwanLab; without a name SwanLab invents one.
        notice: receives the address of the experiment, or the exact command that uploads it.

    Raises:
        ConfigError: the package is not installed.
    """

    name = "SwanLab"

    def __init__(
        self,
        folder: Path,
        *,
        mode: Literal["offline", "cloud"],
        project: str = "finetrie",
        name: str | None = None,
        notice: Notice,
    ) -> None:
        if find_spec("swanlab") is None:
            raise ConfigError(
                f'tracking.swanlab is "{mode}", but the package swanlab is not installed',
                fix='pip install "finetrie[swanlab]", or set tracking.swanlab = "off"',
            )
        self._folder, self._mode = folder.absolute(), mode
        self._project, self._experiment = project, name
        self._notice = notice
        self._run: Any = None

    def start(self, settings: Mapping[str, Any]) -> None:
        """Open the experiment.

        Raises:
            ConfigError: cloud mode, and nobody is logged in.
        """
        import swanlab

        self._folder.mkdir(parents=True, exist_ok=True)
        with _unheard():
            try:
                self._run = swanlab.init(
                    mode="online" if self._mode == "cloud" else "offline",
                    log_dir=str(self._folder),
                    project=self._project,
                    name=self._experiment,
                    id=self._id(),
                    resume="allow",
                    config=plain(dict(settings)),
                    # No prompt may wait for a key, and our output stays ours.
                    settings=swanlab.Settings(interactive=False, terminal={"proxy_type": "none"}),
                )
            except RuntimeError as error:
                if "API key" not in str(error):
                    raise
                raise ConfigError(
                    'tracking.swanlab is "cloud", but no SwanLab account is logged in',
                    fix='run: swanlab login (or set SWANLAB_API_KEY), or set tracking.swanlab = "offline"',
                ) from error
        if self._mode == "cloud":
            self._notice(f"SwanLab: {self._run.url}")

    def log(self, values: Mapping[str, float], step: int) -> None:
        with redirect_stdout(sys.stderr):
            self._run.log(dict(values), step=step)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show the first rows of a table, and say in its caption how many there are."""
        import swanlab

        shown = [[_cell(value) for value in row] for row in rows[:TABLE_ROWS]]
        table = swanlab.echarts.Table()
        table.add(list(columns), shown)
        with redirect_stdout(sys.stderr):
            self._run.log({name: swanlab.ECharts(table, caption=f"{len(shown)} of {len(rows)} rows")})

    def finish(self, *, error: str | None = None) -> None:
        """Flush and close; offline, give the command that uploads everything of this run."""
        if self._run is None:
            return
        run, self._run = self._run, None
        with _unheard():
            if error is None:
                run.finish()
            else:
                run.finish(state="crashed", error=error)
        if self._mode == "offline":
            self._notice(f"to upload this run to SwanLab: {self.upload_command()}")

    def upload_command(self) -> str:
        """The shell command that uploads this experiment: one folder for each time the run was started or resumed."""
        folders = sorted(self._folder.glob(f"run-*-{self._id()}"))
        join = f"--id {self._id()} " if len(folders) > 1 else ""
        return " && ".join(f"swanlab sync {join}{quote(str(folder))}" for folder in folders)

    def _id(self) -> str:
        """The experiment's id: made up once for a run directory, then read back."""
        file = self._folder / "experiment"
        if not file.exists():
            write_text(file, uuid4().hex[:21] + "\n")
        return file.read_text(encoding="utf-8").strip()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep SwanLab's greetings out of stdout, which belongs to the command's result."""
    with redirect_stdout(StringIO()):
        yield
