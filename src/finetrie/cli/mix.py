"""`finetrie mix`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetrie.cli.options import Overrides

if TYPE_CHECKING:
    from finetrie.steps.mixing import MixedFile


def mix(
    out: Annotated[
        Path, typer.Argument(metavar="OUT|MIX.toml", help="The file to write, or a mix file that says all.")
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE[:WEIGHT]", help="Labelled files; a weight is a share of the mix."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Rows wanted. Default: as many as there are.")
    ] = None,
    cap: Annotated[int | None, typer.Option("--cap", min=1, help="Rows of each source at most.")] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W,W,...", help="One for each source, instead of behind its name."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the order of the rows. Default: 0.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="Form of OUT, as in `finetrie convert`.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Mix rows of several labelled files into one, by weights or caps; print its path.

    A row that asks what a row of an earlier source asks is left out. The rows left out, with reasons, and the source of
    every row are listed beside OUT. A mix file can also clean, filter, mask and take out near copies: it takes the
    section [prepare] of a run file.

    Examples:

        finetrie mix train.json ours.jsonl:2 open.json:1 --to alpaca --rows 5000

        finetrie mix mix.toml
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    given: list[Path | str | dict[str, object]] = [*(sources or ())]
    if weights is not None:
        shares = weights.replace("，", ",").split(",")
        if len(shares) != len(given):
            raise typer.BadParameter(f"{len(shares)} weights for {len(given)} sources", param_hint="--weights")
        try:
            given = [{"path": str(path), "weight": float(share)} for path, share in zip(given, shares, strict=True)]
        except ValueError:
            raise typer.BadParameter(f"{weights!r} is no list of numbers", param_hint="--weights") from None
    is_file = out.suffix == ".toml"
    if is_file and given:
        raise typer.BadParameter("a mix file names its sources itself")
    if not is_file and not given:
        raise typer.BadParameter("name at least one source: finetrie mix OUT SOURCE...")
    mixed = steps.mix(
        out if is_file else given,
        None if is_file else out,
        rows=rows,
        cap=cap,
        seed=seed,
        to=to,
        overrides=overrides or (),
        progress=Terminal(),
    )
    _print(mixed)
    typer.echo(mixed.path)


def _print(mixed: MixedFile) -> None:
    """What was taken from each source, on stderr."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    taken = sum(source.taken for source in mixed.sources)
    always = ("read", "taken")
    columns = [
        name
        for name in ("read", "bad", "dropped", "duplicates", "left_out", "unwritable", "taken")
        if name in always or any(getattr(source, name) for source in mixed.sources)
    ]
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("source", overflow="fold")
    for name in (*columns, "share"):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for source in mixed.sources:
        counts = [str(getattr(source, name)) for name in columns]
        table.add_row(escape(source.name), *counts, f"{100 * source.taken / max(1, taken):.1f} %")
    Console(stderr=True, highlight=False).print(table)
