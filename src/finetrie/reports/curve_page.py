"""The folder of a learning curve → `curve.html`, and each of its charts as SVG and PNG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

import finetrie
from finetrie.errors import OutputError
from finetrie.files import replacing, write_text
from finetrie.reports import curve_charts, curve_story, facts
from finetrie.reports.charts import Chart
from finetrie.reports.curve_results import CurveResults, disagreements, load_curve
from finetrie.reports.digest import Row
from finetrie.reports.page import environment, inline, stylesheet
from finetrie.reports.words import Language, Words

TEXT = 200
"""Characters of a text on the page."""

FIRST = 6
"""Disagreements of each kind in sight."""

FEW = 20
"""Classes and cells in sight; the others unfold."""

Draw = Callable[..., Chart | None]


def write_curve_page(folder: Path, *, language: Language = "en") -> Path:
    """Write `curve.html` and `charts/*.svg|png` from the files in the folder of a curve; returns the page's path.

    The page holds everything it needs and opens offline. A chart has no PNG where no installed font can write its
    texts.

    Raises:
        OutputError: the folder holds no `curve.json`, or cannot be written to.
    """
    if not (folder / "curve.json").is_file():
        raise OutputError(f"{folder}: holds no curve.json", fix="give the directory that `finetrie curve` printed")
    results, words = load_curve(folder), Words(language)
    pictures = charts(results, words)
    for name, draw in pictures.items():
        _write_chart(folder / "charts", name, draw)
    path = folder / "curve.html"
    write_text(path, render(results, words, pictures))
    return path


def charts(results: CurveResults, words: Words) -> dict[str, Draw]:
    """Every chart by the name of its file; called with `printed`, each is drawn for a PNG."""
    if not results.curve:
        return {}
    found: dict[str, Draw] = {}
    for score in results.curve["scores"]:
        axes = {"rows": words("axis_rows"), "score": words(score)}
        found[f"curve-{score}"] = _drawing(
            curve_charts.learning_curve,
            curve_story.lines(results, score),
            axes,
            f"{words('curve_title')}: {words(score)}",
        )
    for cost in curve_story.COSTS:
        axes = {"cost": words(f"cost_{cost}"), "score": words(results.score)}
        found[f"cost-{cost}"] = _drawing(
            curve_charts.score_against_cost, curve_story.cost_lines(results, cost), axes, words(f"cost_{cost}")
        )
    return found


def _drawing(draw: Draw, lines: list[curve_charts.Line], axes: Mapping[str, str], name: str) -> Draw:
    def drawn(*, printed: bool = False) -> Chart | None:
        return draw(lines, words=axes, name=name, printed=printed)

    return drawn


def _write_chart(folder: Path, name: str, draw: Draw) -> None:
    on_screen, printed = draw(), draw(printed=True)
    if on_screen is None or printed is None:
        return
    write_text(folder / f"{name}.svg", on_screen.svg())
    picture = printed.png()
    if picture is None:
        (folder / f"{name}.png").unlink(missing_ok=True)  # one in another language must not stay beside this page
        return
    with replacing(folder / f"{name}.png") as stream:
        stream.write(picture)


def render(results: CurveResults, words: Words, pictures: Mapping[str, Draw]) -> str:
    """The page as HTML text."""
    page = environment(words)
    page.globals.update(
        TEXT=TEXT,
        FIRST=FIRST,
        FEW=FEW,
        interval=curve_story.interval,
        points=curve_story.points,
        points_interval=curve_story.points_interval,
        p_value=curve_story.p_value,
        why=curve_story.why,
        SURE=curve_story.SURE,
    )
    return page.get_template("curve.html.j2").render(**view(results, words, pictures))


def view(results: CurveResults, words: Words, pictures: Mapping[str, Draw]) -> dict[str, Any]:
    """Everything the template shows, computed."""
    curve = results.curve
    shown = {
        "language": "zh-CN" if words.language == "zh" else "en",
        "css": stylesheet(),
        "version": finetrie.__version__,
        "name": results.folder.resolve().parent.name,
        "problems": facts.unread(results.missing, results.broken, words),
        "curve": curve,
    }
    if not curve.get("series"):
        return {**shown, "lead": [words("curve_nothing")]}
    drawn = {name: chart for name, draw in pictures.items() if (chart := draw()) is not None}
    best = results.leader()
    tests = {score: curve_story.tests(results, score) for score in curve["scores"]}
    return {
        **shown,
        "lead": curve_story.lead(results, words),
        "charts": {name: inline(chart.svg()) or Markup("") for name, chart in drawn.items()},
        "level": curve_story.level(results),
        "score": results.score,
        "series": results.series,
        "table": curve_story.score_table(results),
        "forecasts": curve_story.forecasts(results),
        "costs": curve_story.cost_table(results, words),
        "tests": tests,
        "best": best,
        "gains": curve_story.gains(results, best) if best else [],
        "pairs": _pairs(results, best),
        "fates": curve_story.fates(results),
        "cells": curve_story.cell_rows(results, words),
        "failed": [cell for cell in results.cells.values() if cell["status"] == "failed"],
    }


def _pairs(results: CurveResults, best: Row | None) -> dict[str, Any] | None:
    """The best model and its best rival where they disagree, with one seed at the largest size."""
    rival = results.rival(best) if best else None
    if best is None or rival is None:
        return None
    mine, theirs = (results.cells_of(one, results.largest) for one in (best, rival))
    seeds = {cell["seed"] for cell in theirs}
    first = next((cell for cell in mine if cell["seed"] in seeds or None in (cell["seed"], *seeds)), None)
    if first is None:
        return None
    second = next(cell for cell in theirs if None in (cell["seed"], first["seed"]) or cell["seed"] == first["seed"])
    won, lost = disagreements(results, first, second)
    return {"first": best["name"], "second": rival["name"], "seed": first["seed"], "won": won, "lost": lost}
