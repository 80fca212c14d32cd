"""`finetrie convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    src: Annotated[Path, typer.Argument(metavar="SRC", help="A labelled file, or FOLDER#NAME of a dataset_info.json.")],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="The file to write; replaced when it exists.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="alpaca, messages, sharegpt, human_assistant, conll, doccano, label_studio, cluener, ccf, uie, fudan, "
            "jsonl, json, csv, tsv, excel or parquet. Default: by the ending of DST.",
        ),
    ] = None,
    format: Annotated[str, typer.Option("--from", metavar="FORMAT", help="Format of SRC.")] = "auto",
    encoding: Annotated[str, typer.Option(help="Encoding of SRC.")] = "auto",
    kind: Annotated[
        str | None, typer.Option(help="What the rows are: classification, ner or instruction. Default: as they look.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    target: Annotated[str | None, typer.Option(help="Column with the label, the entities or the answer.")] = None,
    options: Annotated[str | None, typer.Option(help="Column with a row's own candidate labels.")] = None,
    scheme: Annotated[str, typer.Option(help="Tags of CoNLL: BIO, BMES or BIOES.")] = "BIO",
    instruction: Annotated[
        str | None, typer.Option(help="What labelled texts ask, for rows without an instruction of their own.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the question: auto, zh or en.")] = "auto",
    wording: Annotated[str, typer.Option(help="How the question is put; `finetrie info wordings`.")] = "default",
    on_bad_row: Annotated[
        str, typer.Option(help="stop: write nothing; reject: leave bad rows out, listed in DST's name.rejected.jsonl.")
    ] = "stop",
) -> None:
    """Write a labelled file in another form; print its path.

    What the other form cannot hold is counted and said. Labels become questions and answers in the forms for
    instructions, asked as training would ask them.

    Examples:

        finetrie convert entities.jsonl entities.bio --to conll --scheme BIOES

        finetrie convert reviews.xlsx reviews.json --to alpaca --instruction "Positive or negative?"
    """
    from finetrie.cli.console import Terminal
    from finetrie.steps.converting import convert as run_convert

    converted = run_convert(
        src,
        dst,
        to=to,
        format=format,
        encoding=encoding,
        kind=kind,
        text=text,
        target=target,
        options=options,
        on_bad_row=on_bad_row,
        scheme=scheme,
        instruction=instruction,
        language=language,
        wording=wording,
        progress=Terminal(),
    )
    typer.echo(converted.path)
