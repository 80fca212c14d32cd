"""`finetrie compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetrie.cli.options import AsJson

if TYPE_CHECKING:
    from finetrie.evaluation.paired import PairedTest
    from finetrie.steps.comparing import Comparison, Flip, Pair

EXAMPLES = 3  # flipped rows shown of each kind
LONGEST = 60  # characters of a text that are shown
NARROWEST = 110  # columns of the table where the terminal does not say
LEGEND = "p (Holm): over all pairs. detectable: a true difference of so many points shows in 4 of 5 such test sets."


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_A RUN_B...", help="Folders with predictions.jsonl and metrics.json."),
    ],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Compare by this score only; may be repeated.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write every flipped row to this JSONL file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Is B better than A? Scores, paired tests on the same rows, and which rows flipped.

    Takes run directories, their evaluations/... and baselines/..., and cells of a curve. The rows must be the same.

    Examples:

        finetrie compare runs/news-lora-1a2b3c4d runs/news-full-5e6f7a8b

        finetrie compare runs/news-lora-1a2b3c4d/baselines/tfidf runs/news-lora-1a2b3c4d --out flips.jsonl
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.files import plain

    comparison = steps.compare(*runs, metrics=metric, out=out, progress=Terminal())
    if as_json:
        typer.echo(json.dumps(plain(comparison.as_json()), ensure_ascii=False))
        return
    _print(comparison)
    if out is not None:
        typer.echo(out)


def _print(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    level = f"{100 * comparison.confidence:g} %"
    console.print(f"{comparison.task}, {comparison.rows} rows, {level} intervals\n")
    names = [test.metric for test in comparison.pairs[0].tests]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("", "result", *(words(name) for name in names)):
        table.add_column(title, no_wrap=title != "result")
    for result in comparison.results:
        cells = [_score(result.scores[name].value, result.scores[name].interval) for name in names]
        table.add_row(result.letter, escape(result.name), *map(escape, cells))
    console.print(table)
    console.print()
    tests = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("", "score", "difference", "p", "p (Holm)", "detectable", ""):
        tests.add_column(title, no_wrap=True)
    for pair in comparison.pairs:
        for i, test in enumerate(pair.tests):
            letters = f"{pair.a} → {pair.b}" if i == 0 else ""
            tests.add_row(letters, *map(escape, cells_of(test)), verdict(test, pair, 1 - comparison.confidence))
    console.print(tests)
    console.print(f"[dim]{LEGEND}[/]", soft_wrap=True)
    for pair in comparison.pairs:
        console.print("\n" + escape(flips(pair)), soft_wrap=True)


def cells_of(test: PairedTest) -> tuple[str, ...]:
    """score, difference, p, corrected p and detectable difference, in points of a hundred."""
    difference = "–" if test.difference is None else f"{100 * test.difference:+.1f}"
    if test.interval:
        difference += f" [{100 * test.interval[0]:+.1f}, {100 * test.interval[1]:+.1f}]"
    detectable = "–" if test.detectable is None else f"{100 * test.detectable:.1f}"
    return words(test.metric), difference, _p(test.p), _p(test.p_holm), detectable


def verdict(test: PairedTest, pair: Pair, level: float) -> str:
    """What the corrected p-value allows to say."""
    if test.p_holm is None or test.difference is None:
        return "not defined"
    if test.p_holm > level:
        return "no difference shown"
    return f"{pair.b if test.difference > 0 else pair.a} is better"


def flips(pair: Pair) -> str:
    """How many rows changed sides, and a few of them."""
    fixed, broken = len(pair.wrong_to_right), len(pair.right_to_wrong)
    lines = [
        f"{pair.a} → {pair.b}: {fixed} rows wrong → right, {broken} right → wrong; "
        f"{pair.both_right} right in both, {pair.both_wrong} in neither"
    ]
    for title, rows in (("wrong → right", pair.wrong_to_right), ("right → wrong", pair.right_to_wrong)):
        spread = rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES]  # files are often sorted by label
        lines += [f"  {title}  {_example(flip, pair)}" for flip in spread]
    return "\n".join(lines)


def _example(flip: Flip, pair: Pair) -> str:
    said = f"{flip.id}: gold {_short(flip.gold)}, {pair.a} {_short(flip.a)}, {pair.b} {_short(flip.b)}"
    return said if flip.text is None else f"{said}  {_short(flip.text)}"


def words(metric: str) -> str:
    return metric.replace("_", " ").replace("f1", "F1")


def _short(value: Any) -> str:
    """A label or a text, or entities as WORDS/LABEL, on one line."""
    if isinstance(value, list):
        value = " ".join(f"{item['text']}/{item['label']}" for item in value) or "none"
    line = " ".join(str(value).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _score(value: float | None, interval: list[float] | None) -> str:
    around = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return "–" if value is None else f"{100 * value:.1f}{around}"


def _p(value: float | None) -> str:
    return "–" if value is None else "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
