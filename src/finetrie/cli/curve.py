"""`finetrie curve`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from finetrie.cli.options import AsJson, Out, Overrides, Source


def curve(
    source: Source,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,...", help='Training rows of each point; "all" for all of them.')
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, metavar="N", help="Trainings a point. Default: 3.")] = None,
    baselines: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Such as tfidf,encoder,zero_shot; none for no baseline.")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Tuning methods; none for baselines only. Default: the run's."),
    ] = None,
    models: Annotated[str | None, typer.Option(metavar="MODEL,...", help="Base models. Default: the run's.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="epochs|steps|both", help="The same epochs for every size, or the same steps."),
    ] = None,
    steps_at: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Size whose steps --budget steps takes. Default: the largest."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="ray|ADDRESS", help="Side by side on this machine, or on a Ray cluster.")
    ] = None,
    cpus: Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads of a cell.")] = None,
    gpus: Annotated[float | None, typer.Option(min=0, metavar="N", help="GPUs a cell asks Ray for.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and how long it may take.")] = False,
    out: Out = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """How good with how many labels? Train and measure a grid; print the folder with `curve.json`.

    Each cell of sizes × methods × models × seeds is a run directory of its own, in `curve/` of the run directory.
    Finished cells are not done again, so the same command continues after an interruption. A cell that fails is
    recorded and the others go on; the exit status is then 1.

    Examples:

        finetrie curve finetrie.toml --sizes 100,500,1000,2000 --seeds 3 --baselines tfidf,zero_shot

        finetrie curve finetrie.toml --sizes 100,all --methods lora,full --dry-run

        finetrie curve finetrie.toml --sizes 500,1000,2000 --on ray --cpus 2
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.cli.curve_tables import print_curve, print_plan

    options: dict[str, Any] = {
        "sizes": None if sizes is None else [int(size) if size.isdigit() else size for size in _names(sizes)],
        "seeds": seeds,
        "baselines": None if baselines is None else _names(baselines),
        "methods": None if methods is None else _names(methods),
        "models": None if models is None else _names(models),
        "budget": budget,
        "steps_at": steps_at,
        "on": on,
        "cpus": cpus,
        "gpus": gpus,
    }
    if dry_run:
        plan = steps.plan_curve(source, out=out, overrides=overrides or [], progress=Terminal(), **options)
        print_plan(plan, as_json=as_json)
        return
    result = steps.curve(source, out=out, overrides=overrides or [], progress=Terminal(), **options)
    print_curve(result, as_json=as_json)
    if result.failed:
        raise typer.Exit(1)


def _names(text: str) -> list[str]:
    """What stands between commas; `none` is an empty list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [] if names == ["none"] else names
