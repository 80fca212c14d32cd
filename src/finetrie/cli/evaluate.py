"""`finetrie evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finetrie.cli.options import AsJson, Source


def evaluate(
    source: Source,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="Another labelled file in place of the test rows."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score a trained run on its test rows, or on another labelled file; print the scores.

    Examples:

        finetrie evaluate runs/news-lora-1a2b3c4d

        finetrie evaluate runs/news-lora-1a2b3c4d --data last_month.jsonl --json
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.cli.summary import print_metrics

    result = steps.evaluate(source, data=data, progress=Terminal())
    if as_json:
        typer.echo(json.dumps(result.metrics, ensure_ascii=False))
    else:
        print_metrics(result)
