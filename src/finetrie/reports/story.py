"""The top of the page: what was done and how good it is, in words and a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetrie.records import Outcome
from finetrie.reports.numbers import duration, is_number, number, p_equals, percent
from finetrie.reports.results import Results
from finetrie.reports.words import Words


@dataclass(frozen=True)
class Card:
    """One headline number."""

    name: str
    value: str
    note: str  # its interval, or what it stands for
    hint: str


@dataclass(frozen=True)
class Bar:
    """One line of a comparison; all in [0, 1]."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    ours: bool = False


@dataclass(frozen=True)
class Part:
    """One piece of the ledger."""

    kind: str
    name: str
    count: int
    share: float


HEADLINE = {"classification": "accuracy", "ner": "micro_f1", "instruction": "char_f1"}


MANY_LOST = 0.02
"""From this share of answers outside the label set on, the first paragraph speaks of it."""


def task_of(results: Results) -> str | None:
    """classification, ner or instruction; None where no file tells."""
    told = results.metrics.get("task") or _section(results.run, "task").get("kind")
    return told if told in HEADLINE else None


def headline(metrics: Mapping[str, Any]) -> float | None:
    """The score that the comparison is about: accuracy, entity F1 or character F1."""
    score = metrics.get("accuracy", metrics.get("char_f1"))
    if score is None:
        score = (metrics.get("micro") or {}).get("f1")
    return float(score) if is_number(score) else None


def headline_interval(metrics: Mapping[str, Any]) -> tuple[float, float] | None:
    for name in ("accuracy_ci", "micro_f1_ci", "char_f1_ci"):
        interval = metrics.get(name)
        if isinstance(interval, list) and len(interval) == 2 and all(is_number(end) for end in interval):
            return float(interval[0]), float(interval[1])
    return None


def lead(results: Results, words: Words) -> list[str]:
    """Paragraphs that a reader who was not there understands."""
    return [what_was_tuned(results, words), *how_good(results, words)]


def what_was_tuned(results: Results, words: Words) -> str:
    base = _section(results.run, "model").get("base")
    tuning, task = _section(results.run, "tuning"), task_of(results)
    if not base:
        opening = words("lead_unknown")
    else:
        method = tuning.get("method", "lora")
        named = words(f"method_{method}", rank=tuning.get("rank", "?")) if method in ("lora", "full") else str(method)
        rows = results.splits["train"].rows
        key = "lead_tuned" if rows else "lead_tuned_rowless"
        opening = words(key, base=_short(str(base)), method=named, rows=number(rows))
    if task is None:
        return opening + words("lead_period")
    labels = _label_count(results)
    key = f"lead_{task}" if labels or task == "instruction" else f"lead_{task}_uncounted"
    return opening + words(key, labels=number(labels))


def how_good(results: Results, words: Words) -> list[str]:
    metrics = results.metrics
    if not metrics:
        return [words("lead_nothing")]
    score, interval = headline(metrics), headline_interval(metrics)
    if not metrics.get("n") or score is None or interval is None:
        return [words("lead_no_test_rows")]
    values = {
        "n": number(metrics["n"]),
        "score": percent(score),
        "level": level(metrics),
        "low": percent(interval[0]),
        "high": percent(interval[1]),
    }
    told = {"classification": _classified, "ner": _recognised, "instruction": _answered}[task_of(results) or ""]
    zero_shot = results.baselines.get("zero_shot", {})
    before = headline(zero_shot)
    told_before = {"score": percent(before), "n": number(zero_shot.get("n", metrics["n"]))}
    untuned = [words("lead_zero_shot", **told_before)] if before is not None else []
    sentences = [*told(metrics, words, values), *untuned]
    between = "" if words.language == "zh" else " "
    return [between.join(part) for part in (sentences, beaten(results, words)) if part]


def beaten(results: Results, words: Words) -> list[str]:
    """A sentence for each baseline: whether the model is better than it, and how sure that is."""
    sentences = []
    for name, found in results.baselines.items():
        against = found.get("against")
        if "error" in found:
            sentences.append(
                words("lead_baseline_failed", name=baseline_name(name, found, words), error=found["error"])
            )
        elif isinstance(against, dict) and is_number(against.get("a")):
            told = {
                "name": baseline_name(name, found, words),
                "score": percent(against["a"]),
                "seconds": duration(found.get("seconds"), words.language),
                "p": p_equals(against.get("p")),
                "test": words.or_key("test_", str(against.get("test"))),
            }
            sentences.append(words(f"lead_baseline_{against.get('verdict', 'unclear')}", **told))
    return [sentence[:1].upper() + sentence[1:] for sentence in sentences]


def baseline_name(name: str, found: Mapping[str, Any], words: Words) -> str:
    """What a baseline is called on the page, with the settings that were given for it."""
    settings = found.get("settings")
    given = settings if isinstance(settings, dict) else {}
    told = words.or_key("baseline_", given.get("name", name))
    own = [f"{key} = {given[key]}" for key in sorted(given) if key not in _RECORDED]
    return f"{told} ({', '.join(own)})" if own else told


_RECORDED = ("name", "train_rows", "fit_seconds", "facts")
"""What stands beside the settings of a baseline in its results."""


def _classified(metrics: Mapping[str, Any], words: Words, values: dict[str, str]) -> list[str]:
    wrong = 100 * (1 - metrics["accuracy"])
    in_words = "lead_wrong_none" if wrong == 0 else "lead_wrong_few" if wrong < 1 else "lead_wrong_of_100"
    sentences = [words("lead_accuracy", **values), words(in_words, wrong=round(wrong))]
    majority = metrics.get("majority") or {}
    if is_number(majority.get("accuracy")):
        low, high = metrics["accuracy_ci"]
        verdict = "better" if low > majority["accuracy"] else "worse" if high < majority["accuracy"] else "unclear"
        told = {"label": majority.get("label"), "share": percent(majority["accuracy"])}
        sentences.append(words(f"lead_majority_{verdict}", **told))
    lost = (metrics.get("out_of_label_set") or {}).get("count", 0) / metrics["n"]
    restricted = ((metrics.get("by_decoding") or {}).get("constrained") or {}).get("accuracy")
    if lost > MANY_LOST and is_number(restricted):
        sentences.append(words("lead_restricted", lost=percent(lost), restricted=percent(restricted)))
    return sentences


def _recognised(metrics: Mapping[str, Any], words: Words, values: dict[str, str]) -> list[str]:
    found = {name: percent((metrics.get("micro") or {}).get(name)) for name in ("precision", "recall")}
    gold = number(metrics.get("gold_entities"))
    return [words("lead_entities", gold=gold, **found, **values), words("lead_entities_rule")]


def _answered(metrics: Mapping[str, Any], words: Words, values: dict[str, str]) -> list[str]:
    return [words("lead_instruction_score", exact=percent(metrics.get("exact_match")), **values)]


def cards(results: Results, words: Words) -> list[Card]:
    metrics = results.metrics
    if not metrics.get("n"):
        return []
    return {"classification": _class_cards, "ner": _entity_cards, "instruction": _answer_cards}[task_of(results) or ""](
        metrics, words
    )


def _class_cards(metrics: Mapping[str, Any], words: Words) -> list[Card]:
    return [
        _score_card("accuracy", metrics.get("accuracy"), metrics.get("accuracy_ci"), metrics, words),
        _score_card("macro_f1", (metrics.get("macro") or {}).get("f1"), metrics.get("macro_f1_ci"), metrics, words),
        _lost_card("no_label", metrics, words),
    ]


def _entity_cards(metrics: Mapping[str, Any], words: Words) -> list[Card]:
    micro = metrics.get("micro") or {}
    return [
        _score_card("micro_f1", micro.get("f1"), metrics.get("micro_f1_ci"), metrics, words),
        Card(words("precision"), percent(micro.get("precision")), "", words("precision_hint")),
        Card(words("recall"), percent(micro.get("recall")), "", words("recall_hint")),
        Card(words("exact_rows"), percent(metrics.get("exact_rows")), "", words("exact_rows_hint")),
    ]


def _answer_cards(metrics: Mapping[str, Any], words: Words) -> list[Card]:
    scores = [
        _score_card(name, metrics.get(name), metrics.get(f"{name}_ci"), metrics, words)
        for name in ("exact_match", "char_f1", "rouge_l")
    ]
    return [*scores, _lost_card("unusable", metrics, words)]


def _score_card(name: str, value: Any, interval: Any, metrics: Mapping[str, Any], words: Words) -> Card:
    note = ""
    # An interval without width comes from resampling a perfect or hopeless score; it would promise too much.
    if isinstance(interval, list) and interval[0] < interval[1]:
        note = words("interval", level=level(metrics), low=percent(interval[0]), high=percent(interval[1]))
    return Card(words(name), percent(value), note, words.or_key(name, "_hint") if _has_hint(name) else "")


def _has_hint(name: str) -> bool:
    return name in ("accuracy", "macro_f1", "micro_f1")


def _lost_card(name: str, metrics: Mapping[str, Any], words: Words) -> Card:
    outcomes = metrics.get("outcomes") or {}
    lost = sum(outcomes.get(o, 0) for o in ("out_of_label_set", "unparsable", "failed"))
    return Card(words(name), number(lost), percent(lost / metrics["n"]), words(f"{name}_hint"))


def comparison(results: Results, words: Words) -> list[Bar]:
    """The model beside what it has to beat; empty where there is nothing to compare with."""
    score = headline(results.metrics)
    if score is None:
        return []
    bars = [Bar(words("compare_this"), score, headline_interval(results.metrics), ours=True)]
    for name, metrics in results.baselines.items():
        value = headline(metrics)
        if value is not None:
            bars.append(Bar(baseline_name(name, metrics, words), value, headline_interval(metrics)))
    majority = results.metrics.get("majority") or {}
    if is_number(majority.get("accuracy")):
        bars.append(Bar(words("compare_majority", label=majority.get("label")), float(majority["accuracy"])))
    return bars if len(bars) > 1 else []


def ledger(results: Results, words: Words) -> list[Part]:
    """What became of the rows, in the order of the outcomes; kinds without rows are left out."""
    outcomes, rows = results.metrics.get("outcomes") or {}, results.metrics.get("n")
    if not rows:
        return []
    return [
        Part(o.value, words(f"outcome_{o.value}"), outcomes[o.value], outcomes[o.value] / rows)
        for o in Outcome
        if outcomes.get(o.value)
    ]


def level(metrics: Mapping[str, Any]) -> str:
    """The level of the intervals, such as "95%"."""
    return f"{100 * metrics.get('confidence', 0.95):g}%"


def _label_count(results: Results) -> int:
    """Labels of the frozen set; 0 where no file tells."""
    return len(results.metrics.get("per_label") or results.splits["train"].labels)


def _short(base: str) -> str:
    """A model's name without the folders on this machine that lead to it."""
    return base.rstrip("/").rsplit("/", 1)[-1] if base.startswith(("/", "~")) or base[1:3] == ":\\" else base


def _section(run: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = run.get(name)
    return value if isinstance(value, dict) else {}
