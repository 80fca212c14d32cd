"""What the page says about training, data, speed and how to get the numbers again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetrie.reports.digest import Row
from finetrie.reports.numbers import duration, is_number, number, percent
from finetrie.reports.results import SPLITS, Broken, Results
from finetrie.reports.words import Words

LONGEST_VALUE = 300
NOTICES = 30
CONFLICTS = 5
LABELS = 20


@dataclass(frozen=True)
class Check:
    """One finding of the data checks."""

    name: str
    hint: str
    count: int | None


@dataclass(frozen=True)
class Stage:
    name: str
    seconds: float | None
    rows_per_second: float | None
    rows: int | None


@dataclass(frozen=True)
class LabelTable:
    """Rows (or entities) per label and split; the labels beyond the largest are summed up."""

    rows: list[tuple[str, tuple[int, ...]]]
    splits: tuple[str, ...]
    largest: int
    left_out: int


def problems(results: Results, words: Words) -> list[str]:
    """What a reader must know before trusting the page."""
    said = unread(results.missing, results.broken, words)
    if last(results.events, "step") and not last(results.events, "train_finished"):
        said.append(words("problem_training"))
    if results.metrics.get("failed_requests"):
        said.append(words("problem_failed", n=number(results.metrics["failed_requests"])))
    return said


def unread(missing: Sequence[str], broken: Sequence[Broken], words: Words) -> list[str]:
    """Files that are not there or could not be read."""
    said = [words("problem_missing", files=words("comma").join(missing))] if missing else []
    for one in broken:
        if one.lines:
            said.append(words("problem_broken_lines", file=one.file, n=number(one.lines)))
        else:
            said.append(words("problem_broken", what=f"{one.file}: {one.error}"))
    return said


def training(results: Results, words: Words) -> list[str]:
    """How training went, in sentences."""
    end, events = last(results.events, "train_finished"), results.events
    said = []
    if end:
        said.append(
            words(
                "training_sentence",
                steps=number(end.get("steps")),
                rows=number(end.get("rows")),
                time=duration(end.get("seconds"), words.language),
            )
        )
        step = end.get("best_step")
        best = [e for e in events if e.get("event") == "evaluation" and e.get("step") == step]
        if step is not None and best:
            score, metric = percent(best[-1].get("score")), _metric(best[-1].get("metric"), words)
            said.append(words("training_best", step=number(step), metric=metric, score=score))
    elif not last(events, "step"):
        said.append(words("training_none"))
    starts = sum(e.get("event") == "run_started" for e in events)
    if starts > 1:
        said.append(words("training_resumed", n=starts - 1))
    return said


def created(results: Results) -> str:
    """When the run was made, to the minute."""
    return str(results.manifest.get("created") or "").replace("T", " ")[:16]


def dev_metric(events: Sequence[Row], words: Words) -> str:
    """Name of the score that chose the weights."""
    return _metric((last(events, "evaluation") or {}).get("metric", "?"), words)


def _metric(name: Any, words: Words) -> str:
    known = {"macro_f1": "macro_f1", "entity_f1": "micro_f1", "char_f1": "char_f1", "accuracy": "accuracy"}
    return words(known[name]) if name in known else str(name)


def speed(results: Results, words: Words) -> list[Stage]:
    trained, evaluated = (last(results.events, f"{name}_finished") for name in ("train", "evaluate"))
    if not evaluated and is_number(results.metrics.get("seconds")):
        evaluated = {**results.metrics, "rows": results.metrics.get("n")}
    stages = [("stage_training", trained), ("stage_evaluation", evaluated)]
    return [
        Stage(words(name), event.get("seconds"), event.get("rows_per_second"), event.get("rows"))
        for name, event in stages
        if event
    ]


def tokens_saved(events: Sequence[Row]) -> dict[str, Any] | None:
    """Tokens given and computed in training, and the share saved; None where no step tells."""
    steps = {e.get("step"): e for e in events if e.get("event") == "step" and is_number(e.get("tokens_given"))}
    given = sum(e["tokens_given"] for e in steps.values())
    computed = sum(e.get("tokens_computed") or e["tokens_given"] for e in steps.values())
    return {"given": given, "computed": computed, "share": 1 - computed / given} if given else None


def hardware(results: Results) -> str | None:
    """GPUs, else the processor and its cores, as the manifest names them."""
    gpus, cpu = results.manifest.get("gpus"), results.manifest.get("cpu")
    if gpus:
        return ", ".join(map(str, gpus))
    if isinstance(cpu, dict):
        return f"{cpu.get('name')} × {cpu.get('cores')}"
    return None


def length_summary(lengths: Sequence[int]) -> dict[str, int] | None:
    if not lengths:
        return None
    median, p95 = (int(q) for q in np.quantile(lengths, [0.5, 0.95], method="higher"))
    return {"median": median, "p95": p95, "longest": max(lengths)}


def label_table(results: Results) -> LabelTable | None:
    """Labels by split, the most frequent first."""
    splits = tuple(name for name in SPLITS if results.splits[name].rows)
    counts = [results.splits[name].labels for name in splits]
    totals = sum(c.total() for c in counts)
    if not totals:
        return None
    labels = sorted({label for c in counts for label in c}, key=lambda label: (-sum(c[label] for c in counts), label))
    rows = [(label, tuple(c[label] for c in counts)) for label in labels[:LABELS]]
    return LabelTable(rows, splits, max(sum(row) for _, row in rows), max(0, len(labels) - LABELS))


def data_checks(results: Results, words: Words) -> list[Check]:
    """What was found in the data; None where nobody looked."""
    card = results.card
    duplicates, conflicts, overlap = card.get("duplicates"), card.get("conflicts"), card.get("overlap")
    rejected = sum(sample.count for sample in results.rejected.values())
    shortened = sum(sample.count for sample in results.shortened.values())
    found = {
        "duplicates": sum(_count(part) or 0 for part in duplicates.values()) if isinstance(duplicates, dict) else None,
        "conflicts": _count(conflicts),
        "overlap": _count(overlap.get("train_test")) if isinstance(overlap, dict) else None,
        "shortened": shortened,
        "rejected": rejected,
    }
    return [Check(words(f"check_{name}"), words(f"check_{name}_hint"), count) for name, count in found.items()]


def _count(value: Any) -> int | None:
    if isinstance(value, dict):
        value = value.get("count")
    return int(value) if is_number(value) else None


def conflict_examples(results: Results) -> list[dict[str, Any]]:
    """Texts with different labels, as the data card lists them: `{"text", "rows": [{"origin", "target"}]}`."""
    conflicts = results.card.get("conflicts")
    examples = conflicts.get("examples") if isinstance(conflicts, dict) else None
    return [
        {
            "text": str(group.get("text", "")),
            "rows": [
                {"origin": str(row.get("origin", "")), "target": target_in_words(row.get("target"))}
                for row in group.get("rows", [])[:4]
            ],
        }
        for group in (examples or [])[:CONFLICTS]
        if isinstance(group, dict)
    ]


def target_in_words(target: Any) -> str:
    """A label as it is; entities as `label: words`."""
    if isinstance(target, list):
        return "; ".join(f"{item.get('label')}: {item.get('text', '')}" for item in target if isinstance(item, dict))
    return str(target)


def kept(ranges: Any) -> int | None:
    """Characters inside half-open ranges."""
    return sum(end - start for start, end in ranges) if isinstance(ranges, list) else None


def settings(run: Row) -> list[tuple[str, list[tuple[str, str]]]]:
    """The run file, section by section."""
    return [
        (name, [(key, _shown(value)) for key, value in section.items()])
        for name, section in run.items()
        if isinstance(section, dict) and section
    ]


def provenance(results: Results) -> list[tuple[str, str]]:
    """The manifest as rows, without the settings, which have a table of their own."""
    identity = results.manifest.get("identity")
    hashes = identity.get("files", identity) if isinstance(identity, dict) else identity
    return flat({**results.manifest, "identity": hashes} if hashes else results.manifest)


def flat(tree: Mapping[str, Any], *, prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as dotted names and values."""
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            rows += flat(value, prefix=f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", _shown(value)))
    return rows


def command(results: Results) -> str:
    """The command that repeats the run: as it was recorded, or from the run file."""
    told = results.manifest.get("command")
    if isinstance(told, list):
        return " ".join(map(str, told))
    return str(told) if told else "finetrie run run.toml"


def notices(results: Results) -> list[str]:
    """Warnings of the run, each once, in order."""
    said = [str(e.get("message", "")) for e in results.events if e.get("event") == "notice"]
    more = results.card.get("notices")
    return list(dict.fromkeys([*said, *(map(str, more) if isinstance(more, list) else ())]))[:NOTICES]


def last(events: Sequence[Row], name: str) -> Row | None:
    """The last event of that name."""
    return next((event for event in reversed(events) if event.get("event") == name), None)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {_shown(item)}" for key, item in value.items())
    elif isinstance(value, list):
        text = ", ".join(map(_shown, value))
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "–"}[value]
    else:
        text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " …"
