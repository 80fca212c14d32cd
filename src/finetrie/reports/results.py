"""What a run directory tells: every result file, read once, and a list of what is not there.

A report is wanted most when something went wrong, so a missing or half-written file is a fact to show,
never an exception. Large files are streamed: what stays in memory is what the page can hold.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrie.reports.digest import Digest, Row, Sample, digest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SPLITS = ("train", "dev", "test")


@dataclass
class SplitFacts:
    """One of train, dev and test: its size, its labels, its lengths."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)  # classification: rows; ner: entities
    lengths: list[int] = field(default_factory=list)  # characters a text


@dataclass(frozen=True)
class Broken:
    """A file that could not be read, or not all of it."""

    file: str
    lines: int  # unreadable lines of a JSONL file; 0: the whole file, because of `error`
    error: str = ""


@dataclass(frozen=True)
class Results:
    """The content of a run directory as far as the page needs it."""

    folder: Path
    run: Row
    manifest: Row
    card: Row
    metrics: Row
    baselines: dict[str, Row]  # name -> metrics of another model on the same rows
    events: list[Row]
    splits: dict[str, SplitFacts]
    rejected: dict[str, Sample]  # by rule
    shortened: dict[str, Sample]  # by split
    digest: Digest
    missing: tuple[str, ...]  # files that are not there
    broken: tuple[Broken, ...]


def load_results(folder: Path) -> Results:
    """Read every result file of a run directory; what cannot be read is noted, never raised."""
    reader = Reader(folder)
    run, metrics = reader.toml("run.toml"), reader.json("metrics.json")
    return Results(
        folder=folder,
        run=run,
        manifest=reader.json("manifest.json"),
        card=reader.json("data/card.json"),
        metrics=metrics,
        baselines=_baselines(metrics),
        events=list(reader.jsonl("events.jsonl")),
        splits={name: _split_facts(reader.jsonl(f"data/{name}.jsonl")) for name in SPLITS},
        rejected=_sample_by("rule", reader.jsonl("data/rejected.jsonl", expected=False)),
        shortened=_sample_by("split", reader.jsonl("data/shortened.jsonl", expected=False)),
        digest=digest(reader.jsonl("predictions.jsonl")),
        missing=tuple(reader.missing),
        broken=tuple(reader.broken),
    )


class Reader:
    """Reads files of one folder and remembers what was not there or not readable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing: list[str] = []
        self.broken: list[Broken] = []

    def json(self, name: str) -> Row:
        return self._whole(name, json.loads)

    def toml(self, name: str) -> Row:
        return self._whole(name, tomllib.loads)

    def jsonl(self, name: str, *, expected: bool = True) -> Iterator[Row]:
        """The objects of a JSONL file; lines that are not objects (a crash while writing) are counted as broken."""
        path, bad = self.folder / name, 0
        try:
            with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
                for line in lines:
                    row = _object(line)
                    if row is not None:
                        yield row
                    elif line.strip():
                        bad += 1
        except OSError:
            if expected:
                self.missing.append(name)
        if bad:
            self.broken.append(Broken(name, bad))

    def _whole(self, name: str, parse: Any) -> Row:
        path = self.folder / name
        try:
            value = parse(path.read_text(encoding="utf-8"))
        except OSError:
            self.missing.append(name)
            return {}
        except ValueError as error:  # JSON, TOML and UTF-8 errors are all ValueErrors
            self.broken.append(Broken(name, 0, str(error)))
            return {}
        if not isinstance(value, dict):
            self.broken.append(Broken(name, 0, f"expected an object, found {type(value).__name__}"))
            return {}
        return value


def _object(line: str) -> Row | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _split_facts(rows: Iterator[Row]) -> SplitFacts:
    facts = SplitFacts()
    for row in rows:
        facts.rows += 1
        facts.lengths.append(len(str(row.get("text", ""))))
        target = row.get("target")
        if isinstance(target, str) and len(target) <= 100:  # longer ones are free answers, not labels
            facts.labels[target] += 1
        elif isinstance(target, list):
            facts.labels.update(str(item["label"]) for item in target if isinstance(item, dict) and "label" in item)
    return facts


def _sample_by(key: str, rows: Iterator[Row]) -> dict[str, Sample]:
    samples: dict[str, Sample] = {}
    for row in rows:
        samples.setdefault(str(row.get(key, "?")), Sample()).add(row)
    return samples


def _baselines(metrics: Row) -> dict[str, Row]:
    """Other models on the same rows: the base model before tuning, and what else was measured beside it."""
    others = metrics.get("baselines")
    named = {"zero_shot": metrics.get("zero_shot"), **(others if isinstance(others, dict) else {})}
    return {name: found for name, found in named.items() if isinstance(found, dict)}
