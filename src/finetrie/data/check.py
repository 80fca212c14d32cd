"""The card of one file: what is in it, what may be wrong with it, and what a person has to decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from finetrie.data.duplicates import Duplicates, Leak, Match, Retrieval, find_duplicates, find_leaks
from finetrie.data.filters.language import guess_language
from finetrie.data.filters.machine import MachineWritten, tell_tales
from finetrie.data.privacy import find_personal_data, mask_text
from finetrie.data.privacy.masking import shape
from finetrie.data.quality import Quality, assess
from finetrie.data.reading import Dataset
from finetrie.records import Example, Span

LISTED = 20
"""Examples of a finding on the card; all of them are counted."""

SHOWN = 200
"""Characters of a text that an example shows."""

SHOWING = ("rejected", "duplicates", "conflicts", "leaks", "suspects", "machine_written", "findings")
"""Parts of the card that show words of the data; personal data in them is masked."""

BINS = 30
"""Bars of a histogram of lengths."""


PARTS = ("duplicates", "labels", "leaks", "languages", "personal data", "machine-written texts", "card")
"""What `check` does, in this order."""


def _silent(part: str) -> None:
    pass


def check(
    data: Dataset,
    *,
    against: Dataset | None = None,
    by_vector: Retrieval | None = None,
    seed: int = 0,
    begin: Callable[[str], None] = _silent,
) -> dict[str, Any]:
    """Facts about labelled rows as plain JSON values.

    Args:
        data: read with `on_bad_row="reject"`, so that one bad row does not hide the others.
        against: rows that must not be known from `data`: its test file.
        by_vector: also compare rows by vectors, and how.
        begin: called with each of `PARTS` as it begins.

    Returns:
        `rows`: how many; `languages`: language → rows; `lengths`: of the texts; `labels`: counts, rare and similar
        ones; `duplicates`: exact and near ones, those found by vectors (None: not looked for), and pairs that are alike
        but say different things; `conflicts`: the same text with different labels; `leaks`: rows that `against` gives
        away; `personal_data`: by kind; `suspects`: labels that are probably wrong; `machine_written`: rows with
        tell-tale phrases; `findings`: other doubts about labels and entities; `rejected`: rows that cannot be used;
        `decisions`: what a person has to decide, empty if nothing. Lists hold at most 20 examples beside the count, and
        examples of personal data show their shape instead of the data; the other examples are masked.
    """
    rows = data.examples
    vectors = by_vector.arguments() if by_vector is not None else {}
    begin("duplicates")
    found = find_duplicates(rows, kind=data.kind, **vectors)
    begin("labels")
    quality = assess(rows, kind=data.kind, seed=seed)
    begin("leaks")
    leaks = find_leaks(rows, against.examples, kind=data.kind, **vectors) if against is not None else None
    begin("languages")
    languages = Counter(guess_language(row.text).code or "unknown" for row in rows)
    begin("personal data")
    personal = personal_data(rows)
    begin("machine-written texts")
    machine_written = _machine_written(rows)
    begin("card")
    card: dict[str, Any] = {
        "kind": data.kind,
        "format": data.format,
        "encoding": data.encoding,
        "columns": {"text": data.text, "target": data.target, "options": data.options},
        "rows": len(rows),
        "rejected": _rejected(data),
        "languages": dict(languages.most_common()),
        "lengths": {"characters": lengths([len(row.text) for row in rows])},
        "labels": _labels(quality),
        "duplicates": _duplicates(found, by_vector=by_vector is not None),
        "conflicts": _conflicts(found),
        "leaks": _leaks(leaks),
        "personal_data": personal,
        "suspects": _suspects(quality),
        "machine_written": machine_written,
        "findings": _findings(quality),
        "notices": [*data.notices, *found.notices, *quality.suspects.notices],
    }
    for section in SHOWING:
        card[section] = _hidden(card[section])
    card["decisions"] = decisions(card)
    return card


def decisions(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What on a card needs a person because no rule may settle it, the gravest first; `what` is the card's key."""
    leaks, labels = card["leaks"], card["labels"]
    asked = (
        ("rejected", card["rejected"]["count"], 'correct them, or set data.on_bad_row = "reject"'),
        (
            "leaks",
            leaks["remove"] if leaks else 0,
            'prepare.leaks = "near" takes them out of training; is the split sound?',
        ),
        ("conflicts", card["conflicts"]["count"], "decide which label is right; until then both rows are kept"),
        (
            "personal_data",
            card["personal_data"]["count"],
            'mask it with prepare.personal_data = ["all"], or list in prepare.allow what may stay',
        ),
        ("suspects", card["suspects"]["count"], "look at the highest ranked first; they are guesses"),
        ("machine_written", card["machine_written"]["count"], "look whether these texts are what you want to teach"),
        ("similar_labels", len(labels["similar"]), "one label written two ways? make it one"),
        ("one_label", _is_one_label(card), "a classification needs a second label; is this the right column?"),
    )
    return [{"what": what, "count": count, "advice": advice} for what, count, advice in asked if count]


def _is_one_label(card: Mapping[str, Any]) -> int:
    return int(card["kind"] == "classification" and len(card["labels"]["counts"]) == 1)


def lengths(values: Sequence[int]) -> dict[str, Any]:
    """Quantiles and a histogram of lengths; empty for no rows."""
    if not values:
        return {}
    ordered = sorted(values)
    width = max(1, ceil((ordered[-1] + 1) / BINS))
    counts = Counter(value // width for value in ordered)
    return {
        "min": ordered[0],
        "median": ordered[len(ordered) // 2],
        "mean": round(sum(ordered) / len(ordered), 1),
        "p95": ordered[min(len(ordered) - 1, ceil(0.95 * len(ordered)))],
        "max": ordered[-1],
        "histogram": {"width": width, "counts": [counts.get(bin, 0) for bin in range(ordered[-1] // width + 1)]},
    }


def personal_data(rows: Iterable[Example]) -> dict[str, Any]:
    """Rows with personal data, findings by kind, and examples that show what was found without saying it."""
    kinds: Counter[str] = Counter()
    examples: list[dict[str, Any]] = []
    count = 0
    for row in rows:
        found = [finding for text in _said(row) for finding in find_personal_data(text)]
        count += bool(found)
        kinds.update(finding.kind for finding in found)
        if found and len(examples) < LISTED:
            examples.append(
                {
                    "origin": row.origin,
                    "found": [{"kind": one.kind, "shape": shape(one.value)} for one in found],
                }
            )
    return {"count": count, "kinds": dict(kinds.most_common()), "examples": examples}


def _said(row: Example) -> Iterator[str]:
    """Everything a row says in words. A label is short and harmless; a free answer may not be."""
    yield row.text
    yield row.instruction or ""
    yield row.reasoning or ""
    yield row.target if isinstance(row.target, str) else ""
    yield from (message["content"] for message in row.history)


def _machine_written(rows: Iterable[Example]) -> dict[str, Any]:
    """Rows with phrases that give a machine away, and examples."""
    machine_written = MachineWritten()
    count = 0
    examples: list[dict[str, Any]] = []
    for row in rows:
        if machine_written(row) is None:
            continue
        count += 1
        if len(examples) < LISTED:
            examples.append({"origin": row.origin, "phrases": [sign.found for sign in tell_tales(row)]})
    return {"count": count, "examples": examples}


def _rejected(data: Dataset) -> dict[str, Any]:
    rules = Counter(row.rule for row in data.rejected)
    return {
        "count": len(data.rejected),
        "rules": dict(rules.most_common()),
        "examples": [{"origin": row.origin, "rule": row.rule, "reason": row.reason} for row in data.rejected[:LISTED]],
    }


def _labels(quality: Quality) -> dict[str, Any]:
    balance, found = quality.balance, quality.findings
    return {
        "counts": dict(balance.counts),
        "largest_share": None if balance.largest_share is None else round(balance.largest_share, 4),
        "effective": None if balance.effective is None else round(balance.effective, 2),
        "rare": [one.given for one in found if one.rule == "rare_label"],
        "similar": [one.evidence for one in found if one.rule in ("same_label", "near_label")],
    }


def _duplicates(found: Duplicates, *, by_vector: bool) -> dict[str, Any]:
    by_rule = Counter(match.rule for match in found.drops)
    return {
        "count": len(found.drops),
        "exact": by_rule["exact_duplicate"],
        "near": by_rule["near_duplicate"],
        "vector": by_rule["vector_duplicate"] if by_vector else None,
        "kept": len(found.kept),
        "examples": _telling(found.drops),
        "kept_examples": _telling(found.kept),
    }


def _conflicts(found: Duplicates) -> dict[str, Any]:
    return {"count": len(found.conflicts), "examples": _telling(found.conflicts)}


def _leaks(leaks: Sequence[Leak] | None) -> dict[str, Any] | None:
    if leaks is None:
        return None
    by_rule = Counter(leak.rule for leak in leaks if leak.remove)
    removed_first = sorted(leaks, key=lambda leak: not leak.remove)
    return {
        "count": len(leaks),
        "remove": sum(by_rule.values()),
        "rules": dict(by_rule.most_common()),
        "examples": _telling(removed_first),
    }


def _telling(matches: Iterable[Match | Leak]) -> list[dict[str, Any]]:
    """Examples of which each has another text: a placeholder that comes a hundred times stands there once."""
    times: Counter[str] = Counter()
    firsts: dict[str, Match | Leak] = {}
    for match in matches:
        times[match.partner.text] += 1
        firsts.setdefault(match.partner.text, match)
    return [_match(match, times=times[text]) for text, match in list(firsts.items())[:LISTED]]


def _match(match: Match | Leak, *, times: int) -> dict[str, Any]:
    """One pair; `times`: how many rows are like the partner; the labels in words, beside the values themselves."""
    record = {**match.record(), "labelled": _labelled(match.row), "partner_labelled": _labelled(match.partner)}
    for name in ("text", "partner_text", "labelled", "partner_labelled"):
        record[name] = _clipped(record[name])
    return {**{name: _plain(value) for name, value in record.items()}, "times": times}


def _labelled(example: Example) -> str:
    """The label of a row as a person reads it."""
    if not isinstance(example.target, tuple):
        return str(example.target)
    return "; ".join(f"{example.text[s.start : s.end]} {s.label}" for s in example.target) or "–"


def _suspects(quality: Quality) -> dict[str, Any]:
    ranked = quality.suspects.ranked
    return {
        "count": len(ranked),
        "judged": quality.suspects.judged,
        "labels": quality.suspects.labels,
        "confusions": [list(one) for one in quality.suspects.confusions[:LISTED]],
        "examples": [
            {
                "origin": one.origin,
                "given": one.given,
                "suggested": one.suggested,
                "score": round(one.score, 4),
                "evidence": one.evidence,
            }
            for one in ranked[:LISTED]
        ],
    }


def _findings(quality: Quality) -> dict[str, Any]:
    """Doubts by rule, each with its count and its first examples."""
    rules: dict[str, dict[str, Any]] = {}
    for one in quality.findings:
        rule = rules.setdefault(one.rule, {"count": 0, "examples": []})
        rule["count"] += 1
        if len(rule["examples"]) < LISTED:
            rule["examples"].append({"origin": one.origin, "evidence": one.evidence, "score": round(one.score, 4)})
    return dict(sorted(rules.items(), key=lambda item: -item[1]["count"]))


def _hidden(value: Any) -> Any:
    """The same value with surrogates for the personal data in its texts. A card is shown to others."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {name: _hidden(item) for name, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value


def _clipped(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return [value.start, value.end, value.label]
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
