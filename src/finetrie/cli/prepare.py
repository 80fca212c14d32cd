"""`finetrie prepare`."""

from __future__ import annotations

import typer

from finetrie.cli.options import Out, Overrides, RunFile


def prepare(run_file: RunFile, overrides: Overrides = None, out: Out = None) -> None:
    """Read, check, split and render the data; print the run directory. Nothing is trained.

    The directory then holds data/train.jsonl, dev.jsonl and test.jsonl, rejected.jsonl with every row
    that was taken out and why, shortened.jsonl with every text that was cut, and card.json.
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    typer.echo(steps.prepare(run_file, out=out, overrides=overrides or [], progress=Terminal()).path)
