"""`finetrie init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Labelled files or FOLDER#NAME: train; test and dev if any.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="A folder, owner/name, hf:..., ms:..., or finetrie/tiny.")
    ] = "Qwen/Qwen2.5-1.5B-Instruct",
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the run file goes.")] = Path(
        "finetrie.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing run file.")] = False,
) -> None:
    """Look at labelled files and write a short run file for them; print its path.

    Detects the format, the task, the columns, the labels and the encoding, and says what it found.

    Examples:

        finetrie init train.jsonl test.jsonl

        finetrie init reviews.csv --model finetrie/tiny --out reviews.toml
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    typer.echo(steps.init(data, model=model, out=out, force=force, progress=Terminal()))
