"""`finetrie report`."""

from __future__ import annotations

from typing import Annotated

import typer

from finetrie.cli.options import RunDirectory


def report(
    directory: RunDirectory,
    language: Annotated[str | None, typer.Option(help="en or zh. Default: as in the run file.")] = None,
) -> None:
    """Write report.html of a run, or curve.html of a learning curve, again; print its path. Loads no model."""
    from finetrie import steps

    typer.echo(steps.report(directory, language=language))
