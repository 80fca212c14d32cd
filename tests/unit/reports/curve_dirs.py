"""Folders of learning curves as `finetrie curve` leaves them, small and made at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from finetrie.experiments.aggregate import series
from finetrie.experiments.grid import Cell, Grid, Method
from finetrie.files import write_json, write_jsonl

LABELS = ("体育", "财经", "科技")
ROWS = 60

GRID = Grid(
    sizes=(50, 100, 200, 400),
    seeds=(0, 1, 2),
    methods=(
        Method("lora", "tuned"),
        Method("tfidf", "baseline", asks_model=False),
        Method("zero_shot", "baseline", trains=False),
    ),
    models=("finetrie/tiny",),
)

SKILL = {"lora": (0.5, 0.4), "tfidf": (0.55, 0.2), "zero_shot": (0.7, 0.0)}
"""Share of errors at 50 rows, and the exponent by which more rows reduce it."""


def made(folder: Path, *, failed: Sequence[str] = (), skill: dict[str, tuple[float, float]] = SKILL) -> Path:
    """A curve over four sizes and three seeds; `failed` names cells that failed."""
    cells = list(GRID.cells())
    entries = [_failed(cell) if cell.name in failed else _done(folder, cell, skill) for cell in cells]
    done = {entry["name"]: entry for entry in entries if entry["status"] == "done"}
    curve = {
        "version": 1,
        "task": "classification",
        "scores": ["macro_f1", "accuracy"],
        "confidence": 0.95,
        "settings": {
            "sizes": list(GRID.sizes),
            "seeds": list(GRID.seeds),
            "methods": ["lora"],
            "baselines": ["tfidf", "zero_shot"],
            "models": list(GRID.models),
            "budgets": ["epochs"],
        },
        "data": {
            "rows": {"train": 400, "dev": 40, "test": ROWS},
            "sha256": dict.fromkeys(("train", "dev", "test"), "0" * 64),
        },
        "cells": entries,
        "series": series("classification", cells, done, resamples=100, targets=(0.6,)),
        "comparisons": [_test(size, metric, skill) for size in GRID.sizes for metric in ("macro_f1", "accuracy")],
    }
    write_json(folder / "curve.json", curve)
    write_json(folder / "costs.json", {"cells": [_cost(entry) for entry in entries if entry["status"] == "done"]})
    return folder


def _done(folder: Path, cell: Cell, skill: dict[str, tuple[float, float]]) -> dict[str, Any]:
    draw = Random(cell.name)
    share = _score(cell.method, cell.size, skill) + draw.uniform(-0.005, 0.005)
    right = round(share * ROWS)
    rows = [_row(i, right=i < right, lost=cell.method == "zero_shot" and i >= ROWS - 5) for i in range(ROWS)]
    write_jsonl(folder / cell.name / "predictions.jsonl", rows)
    counts = {name: sum(row["outcome"] == name for row in rows) for name in ("correct", "wrong", "out_of_label_set")}
    scores = {"macro_f1": share, "accuracy": right / ROWS}
    return {
        "name": cell.name,
        "method": cell.method,
        "role": cell.role,
        "model": cell.model,
        "size": cell.size,
        "seed": cell.seed,
        "budget": cell.budget,
        "steps": cell.steps,
        "status": "done",
        "rows": cell.size or 0,
        "dev_rows": (cell.size or 0) // 10,
        "scores": scores,
        "intervals": {name: [max(0.0, value - 0.02), min(1.0, value + 0.02)] for name, value in scores.items()},
        "outcomes": {**counts, "unparsable": 0, "failed": 0},
        "per_label": {label: share - 0.1 * i for i, label in enumerate(LABELS)},
        "cost": {"trainable": 1000 if cell.role == "tuned" else None, "tokens_computed": 20 * (cell.size or 0) or None},
    }


def _score(method: str, size: int | None, skill: dict[str, tuple[float, float]]) -> float:
    error, exponent = skill[method]
    return 1 - error * ((size or 50) / 50) ** -exponent


def _failed(cell: Cell) -> dict[str, Any]:
    about = {
        name: getattr(cell, name) for name in ("name", "method", "role", "model", "size", "seed", "budget", "steps")
    }
    return {**about, "status": "failed", "error": {"kind": "ModelError", "message": "the loss is not a number"}}


def _row(i: int, *, right: bool, lost: bool) -> dict[str, Any]:
    gold = LABELS[i % 3]
    said = "天气" if lost else gold if right else LABELS[(i + 1) % 3]
    outcome = "out_of_label_set" if lost else "correct" if right else "wrong"
    return {
        "id": str(i),
        "text": f"第{i}条新闻",
        "gold": gold,
        "prediction": said,
        "outcome": outcome,
        "probability": 0.6,
    }


def _test(size: int, metric: str, skill: dict[str, tuple[float, float]]) -> dict[str, Any]:
    a, b = (_score(name, size, skill) for name in ("lora", "tfidf"))
    p = 0.001 if abs(a - b) > 0.05 else 0.4
    return {
        "a": f"lora-finetrie_tiny-n{size}-seed0",
        "b": f"tfidf-n{size}-seed0",
        "a_score": a,
        "b_score": b,
        "size": size,
        "seed": 0,
        "metric": metric,
        "difference": b - a,
        "interval": [b - a - 0.1, b - a + 0.1],
        "p": p,
        "p_holm": p,
        "test": "exact McNemar",
        "detectable": 0.08,
    }


def _cost(entry: dict[str, Any]) -> dict[str, Any]:
    seconds = {"seconds": 9.0, "training_seconds": 5.0, "answering_seconds": 2.0}
    return {"name": entry["name"], **seconds, "peak_memory_bytes": 2**29}
