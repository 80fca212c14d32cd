"""`finetrie prepare`."""

from __future__ import annotations

from typing import Annotated

import typer

from finetrie.cli.options import Out, Overrides, RunFile

UNDECIDED = 1  # the exit status when a person has something to decide


def prepare(
    run_file: RunFile,
    overrides: Overrides = None,
    out: Out = None,
    review: Annotated[
        bool, typer.Option("--review", help="Print the file of conflicts to decide instead; status 1 if there are any.")
    ] = False,
) -> None:
    """Read, check, clean, split and render the data; print the run directory. Nothing is trained.

    The directory then holds data/train.jsonl, dev.jsonl and test.jsonl, rejected.jsonl with every row
    that was taken out and why, changes.jsonl with every text that cleaning or masking changed, shortened.jsonl
    with every text that was cut, review.jsonl with what needs your decision, and card.json.

    Fill in `decision` in a copy of review.jsonl and name it in prepare.decisions: keep, row, partner, neither,
    or the right label.
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    workspace = steps.prepare(run_file, out=out, overrides=overrides or [], review=review, progress=Terminal())
    if not review:
        typer.echo(workspace.path)
        return
    typer.echo(workspace.files.review)
    if workspace.files.review.stat().st_size:
        raise typer.Exit(UNDECIDED)
