"""What a finished run prints: a few lines of scores, and the paths to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from finetrie.steps.result import Result


def print_result(result: Result) -> None:
    """Scores to stderr for a person; the run directory to stdout for a script."""
    for line in lines(result.metrics):
        typer.echo(line, err=True)
    typer.echo(f"report: {result.path / 'report.html'}", err=True)
    typer.echo(result.path)


def print_metrics(result: Result) -> None:
    for line in lines(result.metrics):
        typer.echo(line)


def lines(metrics: Mapping[str, Any]) -> list[str]:
    """The headline of a metrics.json as lines of text."""
    if metrics["task"] == "ner":
        micro = metrics["micro"]
        shown = [
            _line("entity F1", micro["f1"], metrics["micro_f1_ci"]),
            f"precision   {_percent(micro['precision'])}   recall {_percent(micro['recall'])}",
        ]
    elif metrics["task"] == "classification":
        shown = [
            _line("accuracy", metrics["accuracy"], metrics["accuracy_ci"]),
            _line("macro F1", metrics["macro"]["f1"], metrics["macro_f1_ci"]),
            f"majority    {_percent(metrics['majority']['accuracy'])}   (always {metrics['majority']['label']})",
        ]
    else:
        shown = [_line("exact match", metrics["exact_match"], metrics["exact_match_ci"])]
    if (before := metrics.get("zero_shot")) is not None:
        value, name = before["score"], before["metric"].replace("_", " ")
        shown.append(f"untuned     {_percent(value)}   ({name} of the base model, {before['n']} rows)")
    shown += [_baseline(name, found) for name, found in (metrics.get("baselines") or {}).items()]
    counts = metrics["outcomes"]
    parts = " + ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    shown.append(f"rows        {metrics['n']} = {parts}")
    return shown


VERDICTS = {
    "better": "this model is better",
    "worse": "better than this model",
    "unclear": "these rows do not show which is better",
}


def _baseline(name: str, found: Mapping[str, Any]) -> str:
    """One line on what the model had to beat, and whether it did."""
    if "error" in found:
        return f"{name:<11} –   (not measured: {found['error'].splitlines()[0]})"
    scores = ("accuracy", "micro_f1", "exact_match")
    metric = next(metric for metric in scores if metric in found)
    against = found["against"]
    p = against["p"]
    sure = "" if p is None else ", p < .001" if p < 0.001 else f", p = {p:.3f}".replace("0.", ".", 1)
    line = _line(name, found[metric], found.get(f"{metric}_ci"))
    return f"{line}   {VERDICTS[against['verdict']]}{sure}"


def _line(name: str, value: float | None, interval: list[float] | None) -> str:
    around = f"   [{_percent(interval[0])}, {_percent(interval[1])}]" if interval else ""
    return f"{name:<11} {_percent(value)}{around}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
