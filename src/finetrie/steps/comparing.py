"""Compare: two or more results on the same rows, which of them is better, and on which rows they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import isnan
from pathlib import Path
from typing import Any, Literal

from finetrie.errors import CheckpointError, ConfigError, DataError, UnknownName, suggest
from finetrie.evaluation.paired import POWER, PairedTest, paired_test, with_holm
from finetrie.evaluation.row_counts import METRICS, RowCounts, row_counts
from finetrie.files import read_json, read_jsonl, write_jsonl
from finetrie.records import Outcome, Prediction
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.store import prediction_from

NAMED = 5
"""At most this many rows are named in a message; all differing rows are counted."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Change = Literal["right_to_wrong", "wrong_to_right"]


@dataclass(frozen=True)
class Score:
    value: float | None
    interval: list[float] | None


@dataclass(frozen=True)
class Compared:
    """One result: its letter in the table, where it lies, and its scores."""

    letter: str
    name: str
    path: Path
    scores: dict[str, Score]


@dataclass(frozen=True)
class Flip:
    """A row that one result has right and the other has not."""

    id: str
    text: str | None
    gold: Any
    a: Any  # what A answered; its raw words where they are no answer
    b: Any


@dataclass(frozen=True)
class Pair:
    """B against A: a test for each score, and the rows on which they part."""

    a: str  # letters
    b: str
    tests: tuple[PairedTest, ...]
    right_to_wrong: tuple[Flip, ...]  # right in A, not in B
    wrong_to_right: tuple[Flip, ...]
    both_right: int
    both_wrong: int


@dataclass(frozen=True)
class Comparison:
    """All results, and every pair of them. p-values are corrected over all pairs, score by score."""

    task: str
    rows: int
    confidence: float
    results: tuple[Compared, ...]
    pairs: tuple[Pair, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "power": POWER}


def compare(
    *folders: Path | str,
    metrics: Sequence[str] | None = None,
    out: Path | str | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Test whether results on the same rows differ, and find the rows that flipped.

    Args:
        folders: two or more folders with `predictions.jsonl` and `metrics.json`: run directories, their
            `evaluations/...` or `baselines/...`, cells of a curve.
        metrics: which scores; default: all of the task (see `evaluation.row_counts.METRICS`).
        out: a JSONL file for every row that flipped in some pair.

    Raises:
        CheckpointError: a folder is not evaluated yet.
        DataError: the results are not about the same rows, or not about the same task.
        UnknownName: the task has no such score.
    """
    progress = progress or Quiet()
    if len(folders) < 2:
        raise ConfigError(f"{len(folders)} result to compare; expected two or more", fix="finetrie compare RUN_A RUN_B")
    results = [_Result.read(Path(folder)) for folder in folders]
    task = _same_task(results)
    chosen = _chosen(task, metrics)
    first = results[0]
    results = [first, *(_aligned(first, other, progress) for other in results[1:])]
    labels = _all_labels(results, progress)
    gold = [prediction.gold for prediction in first.predictions]
    settings: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
    counts = [[row_counts(task, name, gold, r.predictions, labels=labels) for name in chosen] for r in results]
    letters = LETTERS if len(results) <= len(LETTERS) else [str(i + 1) for i in range(len(results))]
    named = _short_names([result.path for result in results])
    compared = tuple(
        Compared(letter, name, result.path, {c.metric: _score(c, settings) for c in mine})
        for letter, name, result, mine in zip(letters, named, results, counts, strict=False)
    )
    pairs = _pairs(compared, results, counts, settings, progress)
    comparison = Comparison(task, len(gold), confidence, compared, pairs)
    if out is not None:
        write_jsonl(Path(out), flip_rows(comparison))
    return comparison


def flip_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Every flipped row of every pair, as it is written with `out`."""
    names = {result.letter: result.name for result in comparison.results}
    changes: tuple[Change, ...] = ("right_to_wrong", "wrong_to_right")
    return [
        {"from": names[pair.a], "to": names[pair.b], "change": change, **asdict(flip)}
        for pair in comparison.pairs
        for change in changes
        for flip in getattr(pair, change)
    ]


@dataclass(frozen=True)
class _Result:
    """What an evaluation left in a folder."""

    path: Path
    metrics: Mapping[str, Any]
    rows: list[dict[str, Any]]  # lines of predictions.jsonl
    predictions: list[Prediction]

    @classmethod
    def read(cls, folder: Path) -> _Result:
        files = folder / "predictions.jsonl", folder / "metrics.json"
        if missing := [path.name for path in files if not path.is_file()]:
            found = "no such folder" if not folder.is_dir() else f"holds no {' and no '.join(missing)}"
            raise CheckpointError(f"{folder}: {found}", fix=f"evaluate it first: finetrie evaluate {folder}")
        try:
            rows, metrics = list(read_jsonl(files[0])), read_json(files[1])
            predictions = [prediction_from(row) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(files[0], None, f"is not what an evaluation writes: {error!r}") from error
        if repeated := [row for row, n in Counter(p.id for p in predictions).items() if n > 1]:
            raise DataError(files[0], None, f"{len(repeated)} ids stand in it twice ({_named(repeated)})")
        if len(rows) != metrics.get("n") or not rows or any(p.outcome is None for p in predictions):
            found = f"{len(rows)} rows, {sum(p.outcome is None for p in predictions)} of them without an outcome"
            raise DataError(
                files[0],
                None,
                f"{found}, and metrics.json is about {metrics.get('n')}; expected the same labelled rows in both",
                fix=f"evaluate again: finetrie evaluate {folder}",
            )
        return cls(folder, metrics, rows, predictions)


def _same_task(results: Sequence[_Result]) -> str:
    tasks = {str(result.metrics.get("task")): result.path for result in results}
    if len(tasks) > 1:
        raise DataError(
            results[0].path,
            None,
            "not the same task: " + "; ".join(f"{path} is {task}" for task, path in tasks.items()),
            fix="compare results of one task",
        )
    return next(iter(tasks))


def _chosen(task: str, metrics: Sequence[str] | None) -> tuple[str, ...]:
    known = METRICS[task]
    for name in metrics or ():
        if name not in known:
            raise UnknownName(
                f"metric {name!r}: {task} has none of that name{suggest(name, known)}", fix="one of " + ", ".join(known)
            )
    return tuple(dict.fromkeys(metrics)) if metrics else known


def _aligned(first: _Result, other: _Result, progress: Progress) -> _Result:
    """The other result in the first one's order of rows."""
    place = {prediction.id: i for i, prediction in enumerate(other.predictions)}
    ids = [prediction.id for prediction in first.predictions]
    known = set(ids)
    only_first = [row for row in ids if row not in place]
    only_other = [row for row in place if row not in known]
    order = [place[row] for row in ids if row in place]
    pairs = [(p, other.predictions[place[p.id]]) for p in first.predictions if p.id in place]
    relabelled = [p.id for p, q in pairs if p.gold != q.gold]
    if only_first or only_other or relabelled:
        parts = ((only_first, f"only in {first.path}"), (only_other, f"only in {other.path}"))
        found = [f"{len(rows)} {where} ({_named(rows)})" for rows, where in parts if rows]
        found += [f"{len(relabelled)} with another gold target ({_named(relabelled)})"] if relabelled else []
        raise DataError(
            other.path,
            None,
            f"not the same rows as {first.path}: " + "; ".join(found),
            fix="evaluate both on one file: finetrie evaluate RUN --data FILE, and compare the folders it prints",
        )
    reworded = sum(a.get("text") != other.rows[i].get("text") for a, i in zip(first.rows, order, strict=True))
    if reworded:
        progress.notice(f"{reworded} rows have another text in {other.path} than in {first.path}; compared by id")
    return _Result(other.path, other.metrics, [other.rows[i] for i in order], [other.predictions[i] for i in order])


def _named(rows: Sequence[str]) -> str:
    return ", ".join(rows[:NAMED]) + (", ..." if len(rows) > NAMED else "")


def _all_labels(results: Sequence[_Result], progress: Progress) -> tuple[str, ...]:
    """The labels of all results: macro averages must be over the same ones."""
    sets = [_labels(result.metrics) for result in results]
    if any(set(labels) != set(sets[0]) for labels in sets):
        progress.notice("the results have different label sets; macro scores are over the labels of all of them")
    return tuple(dict.fromkeys(label for labels in sets for label in labels))


def _labels(metrics: Mapping[str, Any]) -> Sequence[str]:
    if metrics["task"] == "classification":
        return list(metrics["confusion"]["labels"])
    return list(metrics.get("per_label", ()))


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as it takes to tell them apart."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-depth:]) for p in parts]
        if len(set(names)) == len(set(parts)):
            return names
    return [str(path) for path in paths]


def _score(counts: RowCounts, settings: Mapping[str, Any]) -> Score:
    return Score(None if isnan(counts.value) else counts.value, counts.interval(**settings))


def _pairs(
    compared: Sequence[Compared],
    results: Sequence[_Result],
    counts: Sequence[Sequence[RowCounts]],
    settings: Mapping[str, Any],
    progress: Progress,
) -> tuple[Pair, ...]:
    chosen = list(combinations(range(len(results)), 2))
    tests: list[list[PairedTest]] = []
    with progress.bar("comparing", len(chosen)) as bar:
        for a, b in chosen:
            tests.append([paired_test(x, y, **settings) for x, y in zip(counts[a], counts[b], strict=True)])
            bar.advance()
    corrected = [with_holm(column) for column in zip(*tests, strict=True)]  # one column a score
    return tuple(
        _pair(compared[a].letter, compared[b].letter, results[a], results[b], tuple(row))
        for (a, b), row in zip(chosen, zip(*corrected, strict=True), strict=True)
    )


def _pair(a: str, b: str, of_a: _Result, of_b: _Result, tests: tuple[PairedTest, ...]) -> Pair:
    flips: dict[tuple[bool, bool], list[Flip]] = {(x, y): [] for x in (False, True) for y in (False, True)}
    for i, (p, q) in enumerate(zip(of_a.predictions, of_b.predictions, strict=True)):
        row = of_a.rows[i]
        flip = Flip(p.id, row.get("text"), row["gold"], _said(row), _said(of_b.rows[i]))
        flips[p.outcome is Outcome.CORRECT, q.outcome is Outcome.CORRECT].append(flip)
    return Pair(
        a,
        b,
        tests,
        right_to_wrong=tuple(flips[True, False]),
        wrong_to_right=tuple(flips[False, True]),
        both_right=len(flips[True, True]),
        both_wrong=len(flips[False, False]),
    )


def _said(row: Mapping[str, Any]) -> Any:
    """What was answered, with the entities that the text does not hold; the raw words where they are no answer."""
    if row["prediction"] is None:
        return row["completion"]
    missing = row.get("details", {}).get("hallucinated", ())
    return (
        [*row["prediction"], *({"text": t, "label": label} for t, label in missing)] if missing else row["prediction"]
    )
