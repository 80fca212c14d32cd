"""Cells become curves: one point a size, with its mean, spread, intervals and costs over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from finetrie.evaluation.row_counts import METRICS
from finetrie.evaluation.seeds import spread
from finetrie.experiments.fitting import Point, fit_curve, variance_of
from finetrie.experiments.grid import Cell

SCORES: Mapping[str, tuple[str, ...]] = {
    "classification": ("macro_f1", "accuracy"),
    "ner": ("entity_f1", "macro_f1"),
    "instruction": ("char_f1", "exact_match"),
}
"""The scores a curve is drawn of, the one that chooses checkpoints first."""

assert all(set(SCORES[task]) <= set(METRICS[task]) for task in SCORES)  # two results can be compared by each of them

COSTS = ("trainable", "steps", "rows_seen", "tokens_given", "tokens_computed")
"""Costs that are the same on every machine; seconds and memory stand in costs.json."""


def scores_of(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """The scores of a metrics.json that a curve is drawn of."""
    return {name: _score(metrics, name)[0] for name in SCORES[metrics["task"]]}


def intervals_of(metrics: Mapping[str, Any]) -> dict[str, list[float] | None]:
    """The intervals over test sets of the same scores; None where metrics.json has none."""
    return {name: _score(metrics, name)[1] for name in SCORES[metrics["task"]]}


def _score(metrics: Mapping[str, Any], name: str) -> tuple[float | None, list[float] | None]:
    if name == "macro_f1":
        return metrics["macro"]["f1"], metrics.get("macro_f1_ci")
    if name == "entity_f1":
        return metrics["micro"]["f1"], metrics.get("micro_f1_ci")
    return metrics[name], metrics.get(f"{name}_ci")


def series(
    task: str,
    cells: Sequence[Cell],
    results: Mapping[str, Mapping[str, Any]],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    targets: Sequence[float] = (),
) -> list[dict[str, Any]]:
    """One entry a curve, in the order of the cells.

    Args:
        results: cell name -> its entry of curve.json with "scores", "intervals" and "cost"; cells that failed or are
            not done are absent, and their points have fewer seeds.
        targets: scores to find the number of rows for.
    """
    curves: dict[tuple[str, str | None, str | None], list[Cell]] = {}
    for cell in cells:
        curves.setdefault(cell.series, []).append(cell)
    found = []
    for members in curves.values():
        first = members[0]
        points = _points(task, members, results, confidence)
        entry: dict[str, Any] = {
            "name": series_name(first, models=len({cell.model for cell in cells if cell.model is not None})),
            "method": first.method,
            "role": first.role,
            "model": first.model,
            "budget": first.budget,
            "trains": first.size is not None,
            "points": points,
        }
        if first.size is not None:
            fits = {
                metric: fit_curve(
                    _fit_points(points, metric, confidence),
                    targets=targets,
                    confidence=confidence,
                    resamples=resamples,
                ).as_json()
                for metric in SCORES[task]
            }
            entry["fit"] = fits
        found.append(entry)
    return found


def series_name(cell: Cell, *, models: int) -> str:
    """What a curve is called in words: the method, and what else tells it from the others."""
    parts = [cell.method.replace("_", "-") if cell.role == "baseline" else cell.method]
    if cell.model is not None and models > 1:
        parts.append(cell.model.rstrip("/").rpartition("/")[2])
    if cell.budget == "steps":
        parts.append(f"{cell.steps} steps")
    return " · ".join(parts)


def _points(
    task: str, cells: Sequence[Cell], results: Mapping[str, Mapping[str, Any]], confidence: float
) -> list[dict[str, Any]]:
    by_size: dict[int | None, list[Cell]] = {}
    for cell in cells:
        by_size.setdefault(cell.size, []).append(cell)
    points = []
    for size, members in by_size.items():
        done = [results[cell.name] for cell in members if cell.name in results]
        scores = {metric: _over_seeds(metric, done, confidence) for metric in SCORES[task]}
        points.append(
            {
                "size": size,
                "rows": _mean([result["rows"] for result in done]),
                "dev_rows": _mean([result["dev_rows"] for result in done]),
                "seeds": [cell.seed for cell in members if cell.name in results],
                "missing": [cell.seed for cell in members if cell.name not in results],
                "scores": scores,
                "cost": {name: _mean([result["cost"].get(name) for result in done]) for name in COSTS},
                "outcomes": _mean_counts([result["outcomes"] for result in done]),
            }
        )
    return points


def _over_seeds(metric: str, done: Sequence[Mapping[str, Any]], confidence: float) -> dict[str, Any]:
    """The mean and what is uncertain about it: the seeds (`interval`), and the test rows (`test_interval`)."""
    known = [result["scores"][metric] for result in done if result["scores"][metric] is not None]
    found = spread(known, confidence=confidence)
    ends = [result["intervals"][metric] for result in done if result["intervals"][metric] is not None]
    return {
        "mean": found.mean,
        "sd": found.sd,
        "interval": None if found.interval is None else list(found.interval),
        "interval_kind": found.kind,
        "test_interval": [mean(end[i] for end in ends) for i in (0, 1)] if ends else None,
        "values": known,
    }


def _fit_points(points: Sequence[Mapping[str, Any]], metric: str, confidence: float) -> list[Point]:
    return [
        Point(
            point["size"],
            tuple(point["scores"][metric]["values"]),
            variance_of(point["scores"][metric]["test_interval"], confidence=confidence),
        )
        for point in points
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def _mean_counts(counts: Sequence[Mapping[str, int]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: mean(one.get(name, 0) for one in counts) for name in names}
