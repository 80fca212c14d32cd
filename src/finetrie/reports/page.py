"""Result files → one self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup

import finetrie
from finetrie.errors import OutputError
from finetrie.files import write_text
from finetrie.reports import charts, facts, scores, story
from finetrie.reports.entities import error_examples, error_rows
from finetrie.reports.numbers import clip, duration, number, percent
from finetrie.reports.results import Results, load_results
from finetrie.reports.words import Language, Words

TEXT = 260
"""Characters of a text on the page."""

FIRST = 6
"""Mistakes in sight; the others unfold."""

FEW_CLASSES = 25
"""Classes in sight; the others unfold."""


def write_report(run_dir: Path, *, language: Language = "en") -> Path:
    """Write `report.html` from the result files of a run directory and return its path.

    The page holds everything it needs: no script, no network, opens offline, prints. Missing or broken result
    files become a sentence on the page. Lists are capped, with the cap stated, so that the page stays small for
    any number of rows.

    Raises:
        OutputError: there is no such folder, or it is not writable.
    """
    if not run_dir.is_dir():
        raise OutputError(f"{run_dir}: no such run directory", fix="give the directory that `finetrie run` printed")
    path = run_dir / "report.html"
    write_text(path, render(load_results(run_dir), language=language))
    return path


def render(results: Results, *, language: Language = "en") -> str:
    """The page as HTML text."""
    words = Words(language)
    page = environment(words)
    page.globals.update(TEXT=TEXT, FIRST=FIRST, FEW_CLASSES=FEW_CLASSES, kept=facts.kept)
    return page.get_template("report.html.j2").render(**view(results, words))


def environment(words: Words) -> Environment:
    """The templates, with the words and number formats of one language."""
    templates = Environment(
        loader=PackageLoader("finetrie.reports"),
        autoescape=True,  # texts, labels and completions are data, never markup
        undefined=ChainableUndefined,  # a field that an older run did not write is left blank
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(t=words, percent=percent, number=number, clip=clip)
    templates.globals.update(duration=lambda seconds: duration(seconds, words.language))
    return templates


def stylesheet() -> Markup:
    """The style of every page, to stand inside it."""
    return Markup(resources.files("finetrie.reports").joinpath("templates/report.css").read_text("utf-8"))


def view(results: Results, words: Words) -> dict[str, Any]:
    """Everything the template shows, computed."""
    metrics, task = results.metrics, story.task_of(results)
    scored = bool(metrics.get("n"))
    return {
        "language": "zh-CN" if words.language == "zh" else "en",
        "css": stylesheet(),
        "version": finetrie.__version__,
        "name": results.folder.resolve().name,
        "created": facts.created(results),
        "task": task,
        "scored": scored,
        "metrics": metrics,
        "results": results,
        "digest": results.digest,
        "problems": facts.problems(results, words),
        "lead": story.lead(results, words),
        "cards": story.cards(results, words),
        "comparison": story.comparison(results, words),
        "ledger": story.ledger(results, words),
        "level": story.level(metrics),
        **(_classification(metrics, words) if scored and task == "classification" else {}),
        **(_entities(results, words) if scored and task == "ner" else {}),
        **_training(results, words),
        **_data(results, words),
        "settings": facts.settings(results.run),
        "manifest": facts.provenance(results),
        "command": facts.command(results),
        "seed": (results.run.get("training") or {}).get("seed", results.manifest.get("seed")),
        "notices": facts.notices(results),
    }


def _classification(metrics: Mapping[str, Any], words: Words) -> dict[str, Any]:
    other, unseen = words("confusion_other"), words("confusion_unseen")
    calibration = metrics.get("calibration") or {}
    axes = {
        **charts.WORDS,
        "confidence": words("axis_confidence"),
        "accuracy": words("axis_right"),
        "perfect": words("axis_perfect"),
        "coverage": words("axis_coverage"),
    }
    abstain = calibration.get("abstain") or {}
    return {
        "classes": scores.class_rows(metrics, other=other),
        "most_classes": scores.CLASSES,
        "matrix": scores.heat_map(metrics, other=other, unseen=unseen),
        "pairs": scores.confused_pairs(metrics, other=other),
        "small_matrix": len(metrics.get("per_label") or {}) <= scores.SMALL_MATRIX,
        "calibration": calibration,
        "calibration_gap": scores.calibration_gap(calibration),
        "temperature": calibration.get("temperature"),
        "abstain": abstain,
        "abstain_curve": inline(charts.abstain_plot(abstain.get("curve") or [], words=axes)),
        "reliability": inline(charts.reliability_plot(calibration.get("bins") or [], words=axes)),
    }


def _entities(results: Results, words: Words) -> dict[str, Any]:
    return {"error_rows": error_rows(results.metrics, words), "error_examples": error_examples(results.digest)}


def _training(results: Results, words: Words) -> dict[str, Any]:
    axes = {
        **charts.WORDS,
        "step": words("axis_step"),
        "loss": words("axis_loss"),
        "score": facts.dev_metric(results.events, words),
        "best": words("best"),
    }
    return {
        "training": facts.training(results, words),
        "loss_chart": inline(charts.loss_curve(results.events, words=axes)),
        "dev_chart": inline(charts.dev_curve(results.events, words=axes)),
        "speed": facts.speed(results, words),
        "saved": facts.tokens_saved(results.events),
        "hardware": facts.hardware(results),
    }


def _data(results: Results, words: Words) -> dict[str, Any]:
    axes = {**charts.WORDS, "characters": words("axis_characters"), "texts": words("axis_texts")}
    lengths = results.splits["train"].lengths
    return {
        "label_table": facts.label_table(results),
        "lengths": facts.length_summary(lengths),
        "length_chart": inline(charts.length_histogram(lengths, words=axes)),
        "checks": facts.data_checks(results, words),
        "conflicts": facts.conflict_examples(results),
    }


def inline(svg: str | None) -> Markup | None:
    """An SVG as part of an HTML page, where the namespace declarations of a file of its own are not needed."""
    return None if svg is None else Markup(re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg))
