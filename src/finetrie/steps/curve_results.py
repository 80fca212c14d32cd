"""`curve.json`, `curve.csv` and `costs.json`: what a grid found, and what it took.

`curve.json` depends on the rows, the settings and the seeds only: killed and continued, on another machine of the same
kind or on Ray, it comes out byte for byte the same. What a clock or a machine has measured stands in `costs.json`.

    version         1
    task            "classification", "ner" or "instruction"
    scores          names of the scores, the first one is the one to look at
    confidence      level of every interval
    settings        sizes, seeds, methods, baselines, models, budgets, steps, dev_fraction
    data            rows of the parts that all cells share, labels, SHA-256 of each part, and of each model's prompts
    cells           one entry a cell, in the order of work:
        name            its folder beside this file
        method, role ("tuned" or "baseline"), model, size, seed, budget, steps
        status          "done", "failed" or "missing" (not begun, or interrupted)
        error           {kind, message} of a failed one
        rows, dev_rows  labelled rows that it had; rows may be a few below size, because copies stay together
        scores, intervals       {score: value}, {score: [low, high]} over test sets
        outcomes, out_of_label_set      what became of the test rows
        per_label       {label: F1}
        cost            trainable, parameters, steps, best_step, rows_seen, tokens_given, tokens_computed
    series          one entry a curve: name, method, role, model, budget, trains, and
        points          size, rows, dev_rows, seeds (done), missing (seeds), outcomes and cost as means over seeds, and
                        scores: {score: {mean, sd, interval, interval_kind, test_interval, values}}; interval is that
                        of the mean over seeds ("t", or the "range" of two), test_interval that of one result over
                        test sets
        fit             {score: see finetrie.experiments.fitting.CurveFit}; absent where nothing is trained
    comparisons     paired tests of two series on the same test rows, for each size and score, with the first seed that
                    both have done: a, b (cells), a_score, b_score, size, seed, and see
                    finetrie.evaluation.paired.PairedTest. p_holm counts all
                    tests of one size and score; a series that does not train stands against every size

    costs.json: {"cells": [{name, seconds (last attempt), training_seconds, answering_seconds, training_rows_per_second,
    answers_per_second, peak_memory_bytes, threads, host, finished}], "total_seconds"}; training and answering seconds
    count every step and answer once, whatever was interrupted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

from finetrie.evaluation.paired import paired_test, with_holm
from finetrie.evaluation.row_counts import RowCounts, row_counts
from finetrie.experiments.aggregate import SCORES, series
from finetrie.experiments.grid import Cell
from finetrie.files import file_hash, read_json, read_jsonl, write_json, write_text
from finetrie.steps.curve_cells import record, seconds_of
from finetrie.steps.curve_plan import Study
from finetrie.steps.progress import Quiet
from finetrie.steps.store import prediction_from
from finetrie.tracking import RunDir

VERSION = 1


def write_results(study: Study, done: frozenset[str], *, targets: Sequence[float] = ()) -> dict[str, Any]:
    """Write all three files from the cells that are done; returns the content of curve.json."""
    curve = results(study, done, targets=targets)
    write_json(study.folder / "curve.json", curve)
    write_text(study.folder / "curve.csv", _table(curve))
    timed = [seconds_of(study, cell) for cell in study.cells if cell.name in done]
    write_json(study.folder / "costs.json", {"cells": timed, "total_seconds": sum(one["seconds"] for one in timed)})
    return curve


def results(study: Study, done: frozenset[str], *, targets: Sequence[float] = ()) -> dict[str, Any]:
    """The content of curve.json; `done` names the finished cells."""
    run, grid = study.run, study.grid
    task, confidence = run.task.kind, run.evaluation.confidence
    cells = [record(study, cell, done=cell.name in done) for cell in study.cells]
    by_name = {entry["name"]: entry for entry in cells if entry["status"] == "done"}
    curves = series(
        task,
        study.cells,
        by_name,
        confidence=confidence,
        resamples=min(1000, run.evaluation.resamples),
        targets=targets,
    )
    return {
        "version": VERSION,
        "task": task,
        "scores": list(SCORES[task]),
        "confidence": confidence,
        "settings": {
            "sizes": list(grid.sizes),
            "seeds": list(grid.seeds),
            "methods": list(study.tunings),
            "baselines": list(study.baselines),
            "models": [_shown(model) for model in grid.models],
            "budgets": list(grid.budgets),
            "steps": grid.steps,
            "dev_fraction": run.data.dev_fraction,
        },
        "data": _data(study),
        "cells": [{**entry, "model": _shown(entry["model"])} for entry in cells],
        "series": [{**entry, "model": _shown(entry["model"])} for entry in curves],
        "comparisons": comparisons(study, [cell for cell in study.cells if cell.name in by_name]),
    }


def _shown(model: str | None) -> str | None:
    """A model by its name; a folder without the path to it, which is another one on another machine."""
    return model if model is None or not Path(model).is_absolute() else Path(model).name


def _data(study: Study) -> dict[str, Any]:
    files = study.base.files
    prompts = {
        _shown(model): read_json(study.workspace(model, progress=Quiet()).files.prompt) for model in study.grid.models
    }
    task = next(iter(prompts.values()))["task"]
    return {
        "rows": {name: len(rows) for name, rows in study.parts.items()},
        "labels": list(task.get("labels", ())),
        "sha256": {name: file_hash(getattr(files, name)) for name in study.parts},
        "prompt_hash": {name: frozen["hash"] for name, frozen in prompts.items()},
    }


def comparisons(study: Study, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Every two series, row by row, at every size; see the top of this module."""
    run, found = study.run, []
    frozen = read_json(study.base.files.prompt)["task"]
    counts: dict[tuple[str, str], RowCounts] = {}
    for size in study.grid.sizes:
        pairs = _pairs([cell for cell in cells if cell.size in (size, None)])
        for metric in SCORES[run.task.kind]:
            tests = []
            for a, b in pairs:
                for cell in (a, b):
                    if (cell.name, metric) not in counts:
                        counts[cell.name, metric] = _counts(study, cell, metric, frozen.get("labels", ()))
                tests.append(
                    paired_test(
                        counts[a.name, metric],
                        counts[b.name, metric],
                        confidence=run.evaluation.confidence,
                        resamples=run.evaluation.resamples,
                    )
                )
            for (a, b), test in zip(pairs, with_holm(tests), strict=True):
                seed = next((cell.seed for cell in (a, b) if cell.seed is not None), None)
                scores = asdict(test)
                named = {"a": a.name, "b": b.name, "a_score": scores.pop("a"), "b_score": scores.pop("b")}
                found.append({**named, "size": size, "seed": seed, **scores})
    return found


def _pairs(cells: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Of every two series the cells of the first seed that both have; what is not trained goes with any seed."""
    lines: dict[tuple[str, str | None, str | None], dict[int | None, Cell]] = {}
    for cell in cells:
        lines.setdefault(cell.series, {})[cell.seed] = cell
    pairs = []
    for a, b in combinations(lines.values(), 2):
        both = [(one, other) for one in a.values() for other in b.values() if _same_rows(one, other)]
        if both and not (both[0][0].seed is None and both[0][1].seed is None):
            pairs.append(both[0])
    return pairs


def _same_rows(a: Cell, b: Cell) -> bool:
    return a.seed == b.seed or None in (a.seed, b.seed)


def _counts(study: Study, cell: Cell, metric: str, labels: Sequence[str]) -> RowCounts:
    rows = [prediction_from(row) for row in read_jsonl(RunDir(study.directory(cell)).predictions)]
    return row_counts(study.run.task.kind, metric, [row.gold for row in rows], rows, labels=labels)


def _table(curve: Mapping[str, Any]) -> str:
    """One line a cell, for a spreadsheet."""
    scores = curve["scores"]
    plain = ("name", "method", "role", "model", "budget", "steps", "size", "rows", "dev_rows", "seed", "status")
    costs = ("trainable", "rows_seen", "tokens_given", "tokens_computed")
    header = [*plain, *(part for score in scores for part in (score, f"{score}_low", f"{score}_high"))]
    header += ["out_of_label_set", *costs, "error"]
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(header)
    for cell in curve["cells"]:
        line: list[Any] = [cell.get(name) for name in plain]
        for score in scores:
            line += [cell.get("scores", {}).get(score), *(cell.get("intervals", {}).get(score) or (None, None))]
        line += [cell.get("out_of_label_set"), *(cell.get("cost", {}).get(name) for name in costs)]
        line.append((cell.get("error") or {}).get("message"))
        table.writerow(line)
    return stream.getvalue()
