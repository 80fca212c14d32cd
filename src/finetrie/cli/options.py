"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunFile = Annotated[Path, typer.Argument(metavar="RUN.toml", help="Run file; `finetrie init` writes one.")]
Source = Annotated[Path, typer.Argument(metavar="RUN", help="A run file, or a run directory.")]
RunDirectory = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run directory, as `finetrie run` prints it.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override one setting; may be repeated."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="The run directory. Default: runs/NAME-HASH, the same for the same run."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
