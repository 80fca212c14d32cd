"""What the folder of a learning curve tells: its files, read once, and the lines a reader compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

from finetrie.records import Outcome
from finetrie.reports.digest import Row
from finetrie.reports.numbers import DASH, is_number
from finetrie.reports.results import Broken, Reader


@dataclass(frozen=True)
class CurveResults:
    """The content of `curve.json` and `costs.json`; answers of single cells are read when they are asked for."""

    folder: Path
    curve: Row
    costs: Mapping[str, Row]  # by name of the cell
    missing: tuple[str, ...]
    broken: tuple[Broken, ...]

    @property
    def score(self) -> str:
        """The score to look at first."""
        return str(self.curve["scores"][0])

    @cached_property
    def cells(self) -> dict[str, Row]:
        return {cell["name"]: cell for cell in self.curve.get("cells") or ()}

    @property
    def series(self) -> list[Row]:
        return list(self.curve.get("series") or ())

    @cached_property
    def largest(self) -> int | None:
        """The largest size with a result."""
        done = [cell["size"] for cell in self.cells.values() if cell["status"] == "done" and cell["size"]]
        return max(done, default=None)

    def leader(self) -> Row | None:
        """The best tuned series at the largest size; the best of all where nothing was tuned."""
        tuned = [one for one in self.series if one["role"] == "tuned"]
        return self._best(tuned) or self._best(self.series)

    def rival(self, leader: Row) -> Row | None:
        """The best baseline beside the leader."""
        return self._best([one for one in self.series if one["role"] == "baseline" and one is not leader])

    def _best(self, lines: Sequence[Row]) -> Row | None:
        scored = [(self.at_largest(one), one) for one in lines]
        known = [(point["scores"][self.score]["mean"], one) for point, one in scored if point is not None]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def at_largest(self, line: Row) -> Row | None:
        """A series' point at the largest size, or its only one where it is not trained; None without a score."""
        for point in line["points"]:
            if point["size"] in (self.largest, None) and is_number(point["scores"][self.score]["mean"]):
                found: Row = point
                return found
        return None

    def cells_of(self, line: Row, size: int | None) -> list[Row]:
        """The finished cells of one point, one a seed."""
        return [
            cell
            for cell in self.cells.values()
            if cell["status"] == "done" and _key(cell) == _key(line) and cell["size"] in (size, None)
        ]

    def line_of(self, cell: str) -> Row | None:
        """The series that a cell belongs to."""
        found = self.cells.get(cell)
        return next((one for one in self.series if found is not None and _key(one) == _key(found)), None)

    def cost(self, line: Row, size: int | None, name: str) -> float | None:
        """A cost as its mean over the seeds of a point: "seconds", "memory" (GiB), or one of curve.json's."""
        values = [self.cell_cost(cell, name) for cell in self.cells_of(line, size)]
        known = [value for value in values if is_number(value)]
        return mean(known) if known else None

    def cell_cost(self, cell: Row, name: str) -> Any:
        """A cost of one cell; None where it is unknown."""
        measured = self.costs.get(cell["name"], {})
        if name == "seconds":
            parts = [measured.get("training_seconds"), measured.get("answering_seconds")]
            known = [part for part in parts if is_number(part)]
            return sum(known) if known else None
        if name == "memory":
            size = measured.get("peak_memory_bytes")
            return float(size) / 2**30 if size is not None else None
        return (cell.get("cost") or {}).get(name)

    def answers(self, cell: Row) -> Iterator[Row]:
        """The lines of a cell's `predictions.jsonl`; none where it is not there."""
        return Reader(self.folder).jsonl(f"{cell['name']}/predictions.jsonl", expected=False)


@dataclass(frozen=True)
class Disagreement:
    """A test row that one of two models has right."""

    id: str
    text: str
    gold: str
    first: str  # what each says
    second: str
    sureness: float  # probability of the wrong answer; 0 where there is none


def load_curve(folder: Path) -> CurveResults:
    """Read the files of a learning curve; what cannot be read is noted, never raised."""
    reader = Reader(folder)
    curve, costs = reader.json("curve.json"), reader.json("costs.json")
    timed = {cell["name"]: cell for cell in costs.get("cells") or () if isinstance(cell, dict) and "name" in cell}
    return CurveResults(folder, curve, timed, tuple(reader.missing), tuple(reader.broken))


def disagreements(results: CurveResults, first: Row, second: Row) -> tuple[list[Disagreement], list[Disagreement]]:
    """Rows that only the first cell has right, and rows that only the second has, the surest mistakes first."""
    others = {row.get("id"): row for row in results.answers(second)}
    won: list[Disagreement] = []
    lost: list[Disagreement] = []
    for one in results.answers(first):
        other = others.get(one.get("id"))
        if other is None:
            continue
        right, other_right = (row.get("outcome") == Outcome.CORRECT.value for row in (one, other))
        if right != other_right:
            (won if right else lost).append(_disagreement(one, other, wrong=other if right else one))
    for found in (won, lost):
        found.sort(key=lambda row: (-row.sureness, row.id))
    return won, lost


def _disagreement(one: Row, other: Row, *, wrong: Row) -> Disagreement:
    sureness = wrong.get("probability")
    return Disagreement(
        id=str(one.get("id")),
        text=str(one.get("text", "")),
        gold=said(one.get("gold")),
        first=said(one.get("prediction"), one),
        second=said(other.get("prediction"), other),
        sureness=float(sureness or 0.0),
    )


def said(answer: Any, row: Row | None = None) -> str:
    """A label or entities as words; what the model wrote, where that is neither."""
    if isinstance(answer, list):
        named = [f"{item.get('text')} ({item.get('label')})" for item in answer if isinstance(item, dict)]
        return " · ".join(named) or DASH
    if answer is None:
        return str((row or {}).get("completion") or DASH)
    return str(answer)


def _key(one: Row) -> tuple[Any, ...]:
    return one["method"], one["model"], one["budget"]
