"""What `finetrie curve` prints: the plan of a grid, and its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from finetrie.steps.curve_estimate import Plan
    from finetrie.steps.curving import Curve

WIDTH = 110
"""Of a table that goes into a file or a pipe; a terminal has its own width."""


def print_curve(result: Curve, *, as_json: bool = False) -> None:
    """Scores by size to stderr for a person; the folder, or curve.json, to stdout."""
    if as_json:
        typer.echo(json.dumps(result.curve, ensure_ascii=False))
        return
    score = result.curve["scores"][0]
    sizes = result.curve["settings"]["sizes"]
    table = Table(title=f"{score.replace('_', ' ')}, mean over seeds (± standard deviation)", title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(str(size), justify="right")
    for line in result.curve["series"]:
        points = {point["size"]: point["scores"][score] for point in line["points"]}
        table.add_row(line["name"], *(_cell(points.get(size, points.get(None))) for size in sizes))
    _console(stderr=True).print(table)
    for name in result.failed:
        typer.echo(f"no result: {name}", err=True)
    typer.echo(result.path)


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None or found["mean"] is None:
        return "–"
    shown = f"{100 * found['mean']:.1f} %"
    return shown if found["sd"] is None else f"{shown} ± {100 * found['sd']:.1f}"


def print_plan(plan: Plan, *, as_json: bool = False) -> None:
    """The plan is the result of a dry run, so it goes to stdout."""
    if as_json:
        typer.echo(json.dumps({"cells": [asdict(line) for line in plan.lines], **plan.totals()}, ensure_ascii=False))
        return
    table = Table(title=f"{len(plan.lines)} cells in {plan.folder}", title_justify="left")
    for column in ("cell", "rows", "dev rows", "steps", "state"):
        table.add_column(column, justify="right" if column in ("rows", "dev rows", "steps") else "left")
    table.add_column("estimate", justify="right")
    for line in plan.lines:
        numbers = ("" if number is None else str(number) for number in (line.rows, line.dev_rows, line.steps))
        table.add_row(line.name, *numbers, line.state, "" if line.state == "done" else duration(line.seconds))
    _console(stderr=False).print(table)
    totals = plan.totals()
    typer.echo(f"to do: {totals['open']} of {len(plan.lines)} cells, about {duration(totals['seconds'])}{plan.side}")
    typer.echo(f"the estimate is {plan.basis}")


def duration(seconds: float | None) -> str:
    """A rough time in words."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)
