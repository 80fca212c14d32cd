"""`finetrie predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetrie.cli.options import RunDirectory


def predict(
    directory: RunDirectory,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSONL, JSON, CSV, TSV, or text with one text a line; - for stdin.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where the answers go. Default: FILE.predicted.jsonl or .csv."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text. Default: as in the run.")] = None,
) -> None:
    """Answer unlabelled rows: the same rows plus `prediction` and `probability`; print the file's path.

    Only valid labels are predicted. Rows that cannot be answered stay in the file, with the reason.
    Started again after an interruption, it goes on where it stopped.

    Examples:

        finetrie predict runs/news-lora-1a2b3c4d unlabelled.csv

        echo 央行宣布下调存款准备金率 | finetrie predict runs/news-lora-1a2b3c4d -
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    if file == "-":
        import json
        import sys

        texts = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
        for row in steps.predict_texts(directory, texts, progress=Terminal()):
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    typer.echo(steps.predict(directory, Path(file), out=out, text=text, progress=Terminal()))
