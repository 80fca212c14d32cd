"""Wrong labels planted in real data: how many the ranked lists find, and how much of a list is planted.

    OMP_NUM_THREADS=2 python benchmarks/quality.py --out benchmarks/results/quality.json

For each data set and seed, 5 % of the labels are replaced by another label of the set, drawn evenly. A list is scored
at its own cut and at k = planted, where precision equals recall. What was wrong before anything was planted counts
against precision. For entities, 5 % of the mentions get another label, and in a run of its own 5 % lose theirs;
`findable` are those whose words are labelled in enough other places to be missed.

`scale` judges headlines made by joining halves of real ones of the same class: time and peak memory, not quality.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from finetrie.data.quality import Suspects, find_suspects, minority_labels, unlabelled_mentions
from finetrie.data.quality.entities import MIN_LABELLED
from finetrie.data.reading import read
from finetrie.files import write_text
from finetrie.records import Example, Span

SHARE = 0.05


def main() -> None:
    options = _options()
    results: dict[str, Any] = {}
    for name in options.sets:
        rows = _rows(options.shared, name)
        if name == "ccfbdci_ner":
            results[name] = {"rows": len(rows), "mentions": sum(len(row.target or ()) for row in rows)}
            results[name] |= _measured(options.seeds, lambda seed, rows=rows: _entity_labels(rows, seed))
            results[f"{name}, labels removed"] = _measured(
                options.seeds, lambda seed, rows=rows: _removed_labels(rows, seed)
            )
        else:
            results[name] = {"rows": len(rows), "labels": len({row.target for row in rows})}
            results[name] |= _measured(options.seeds, lambda seed, rows=rows: _classes(rows, seed))
        print(json.dumps({name: results[name]}, ensure_ascii=False), flush=True)
    if options.scale:
        results["scale"] = _scale(_rows(options.shared, "tnews"), options.scale)
    record = {"share": SHARE, "seeds": options.seeds, "machine": _machine(), "results": results}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    print(text)
    if options.out:
        write_text(options.out, text + "\n")


def _classes(rows: Sequence[Example], seed: int) -> dict[str, Any]:
    random = Random(seed)
    labels = sorted({str(row.target) for row in rows})
    chosen = set(random.sample(range(len(rows)), round(SHARE * len(rows))))
    changed = [
        replace(row, target=random.choice([x for x in labels if x != row.target])) if i in chosen else row
        for i, row in enumerate(rows)
    ]
    planted = {rows[i].id: str(rows[i].target) for i in chosen}
    suspects, seconds = _suspects(changed, "classification", len(planted), seed)
    ranked = [(s.id in planted, s.suggested == planted.get(s.id)) for s in suspects.ranked]
    return _scores(ranked, suspects.cut, len(planted)) | {"seconds": seconds}


def _entity_labels(rows: Sequence[Example], seed: int) -> dict[str, Any]:
    """Another label for 5 % of the mentions: the model's list, and the list by the words alone."""
    random = Random(seed)
    labels = sorted({span.label for row in rows for span in _spans(row)})
    planted: dict[tuple[str, int, int], str] = {}
    changed = []
    for row in rows:
        spans = []
        for span in _spans(row):
            if random.random() < SHARE:
                planted[row.id, span.start, span.end] = span.label
                span = replace(span, label=random.choice([x for x in labels if x != span.label]))
            spans.append(span)
        changed.append(replace(row, target=tuple(spans)))
    suspects, seconds = _suspects(changed, "ner", len(planted), seed)
    ranked = [
        (key in planted, s.suggested == planted.get(key))
        for s in suspects.ranked
        if s.span and (key := (s.id, s.span.start, s.span.end))
    ]
    by_words = minority_labels(changed)
    hits = sum((f.id, f.given.start, f.given.end) in planted for f in by_words if isinstance(f.given, Span) and f.id)
    return _scores(ranked, suspects.cut, len(planted)) | {
        "seconds": seconds,
        "minority_labels": {"listed": len(by_words), "precision": hits / len(by_words), "recall": hits / len(planted)},
    }


def _suspects(rows: Sequence[Example], kind: str, planted: int, seed: int) -> tuple[Suspects, float]:
    """The list at its own cut, or as long as what was planted where that is more; seconds for the first."""
    started = perf_counter()
    suspects = find_suspects(rows, kind=kind, seed=seed)
    seconds = perf_counter() - started
    if suspects.cut < planted:
        suspects = find_suspects(rows, kind=kind, limit=planted, seed=seed)
    return suspects, seconds


def _removed_labels(rows: Sequence[Example], seed: int) -> dict[str, Any]:
    """No label any more for 5 % of the mentions."""
    random = Random(seed)
    removed: set[tuple[str, int]] = set()
    changed = []
    for row in rows:
        kept = []
        for span in _spans(row):
            if random.random() < SHARE:
                removed.add((row.id, span.start))
            else:
                kept.append(span)
        changed.append(replace(row, target=tuple(kept)))
    surfaces = Counter(row.text[s.start : s.end] for row in changed for s in _spans(row))
    by_id = {row.id: row for row in rows}
    findable = sum(
        surfaces[by_id[id].text[span.start : span.end]] >= MIN_LABELLED
        for id, start in removed
        for span in _spans(by_id[id])
        if span.start == start
    )
    started = perf_counter()
    found = unlabelled_mentions(changed)
    seconds = perf_counter() - started
    ranked = [((f.id or "", f.suggested.start) in removed, True) for f in found if isinstance(f.suggested, Span)]
    return _scores(ranked, len(ranked), len(removed)) | {"findable": findable, "seconds": seconds}


def _scores(ranked: Sequence[tuple[bool, bool]], cut: int, planted: int) -> dict[str, Any]:
    """`ranked`: whether each place is planted, and whether its suggestion is the label from before."""
    listed, first = ranked[:cut], ranked[:planted]
    hits = sum(hit for hit, _ in listed)
    return {
        "planted": planted,
        "listed": len(listed),
        "precision": hits / max(1, len(listed)),
        "recall": hits / max(1, planted),
        "at_k_planted": sum(hit for hit, _ in first) / max(1, planted),
        "suggestion_right": sum(right for hit, right in listed if hit) / max(1, hits),
    }


def _measured(seeds: int, measure: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """The mean of every number over the seeds, and the range of precision and recall."""
    runs = [measure(seed) for seed in range(seeds)]
    result = _mean(runs)
    for name in ("precision", "recall", "at_k_planted"):
        result[f"{name}_range"] = [round(pick(run[name] for run in runs), 3) for pick in (min, max)]
    return result


def _mean(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: _mean([run[name] for run in runs])
        if isinstance(value, dict)
        else round(statistics.mean(run[name] for run in runs), 3)
        for name, value in runs[0].items()
    }


def _scale(rows: Sequence[Example], count: int) -> dict[str, Any]:
    random = Random(0)
    by_label: dict[str, list[str]] = {}
    for row in rows:
        by_label.setdefault(str(row.target), []).append(row.text)
    labels = list(by_label)
    made = []
    for i in range(count):
        label = random.choice(labels)
        begin, end = random.choice(by_label[label]), random.choice(by_label[label])
        text = begin[: len(begin) // 2] + end[len(end) // 2 :]
        made.append(Example(id=str(i), text=text, target=label, origin=f"made:{i}"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = perf_counter()
    suspects = find_suspects(made, kind="classification")
    return {
        "rows": count,
        "seconds": round(perf_counter() - started, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_mb_before": before // 1024,
        "listed": len(suspects.ranked),
        "notices": list(suspects.notices),
    }


def _rows(shared: Path, name: str) -> list[Example]:
    """All parts of a set; ids are origins, which are unique over the parts."""
    files = sorted((shared / "data" / name).glob("*.jsonl"))
    return [replace(row, id=f"{row.origin}") for file in files for row in read(file)]


def _spans(row: Example) -> tuple[Span, ...]:
    return row.target if isinstance(row.target, tuple) else ()


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "threads": os.environ.get("OMP_NUM_THREADS"), "python": platform.python_version()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("FINETRIE_SHARED", "../shared")))
    parser.add_argument("--sets", nargs="*", default=["tnews", "fudan_news", "ccfbdci_ner"])
    parser.add_argument("--seeds", type=int, default=3, help="plantings of each kind")
    parser.add_argument("--scale", type=int, default=0, help="rows of a made set to time")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
