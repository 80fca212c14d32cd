"""`finetrie train`."""

from __future__ import annotations

import typer

from finetrie.cli.options import Out, Overrides, Source


def train(source: Source, overrides: Overrides = None, out: Out = None) -> None:
    """Prepare the data where that is not done yet, then train; print the run directory.

    Killed at any moment and started again, it continues from the last checkpoint.
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    typer.echo(steps.train(source, out=out, overrides=overrides or [], progress=Terminal()).path)
