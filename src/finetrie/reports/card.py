"""The card of a data file as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

import finetrie
from finetrie.files import write_text
from finetrie.reports import charts
from finetrie.reports.page import environment, inline, stylesheet
from finetrie.reports.words import Language, Words

LABELS = 30
"""Labels in sight; the others are summed up."""

TEXT = 120


def write_card(card: Mapping[str, Any], path: Path, *, language: Language = "en") -> Path:
    """Write the page of what `finetrie.data.check.check` found, and return its path. Opens offline, prints."""
    write_text(path, render(card, language=language))
    return path


def render(card: Mapping[str, Any], *, language: Language = "en") -> str:
    """The page as HTML text."""
    words = Words(language)
    counts = list(card["labels"]["counts"].items())
    return (
        environment(words)
        .get_template("card.html.j2")
        .render(
            language="zh-CN" if language == "zh" else "en",
            css=stylesheet(),
            version=finetrie.__version__,
            card=card,
            name=Path(card["file"]).name,
            TEXT=TEXT,
            labels=counts[:LABELS],
            labels_left=len(counts) - LABELS,
            largest=max((count for _, count in counts), default=1),
            charts={kind: _chart(facts, words) for kind, facts in card["lengths"].items()},
        )
    )


def _chart(facts: Mapping[str, Any], words: Words) -> Markup | None:
    histogram = facts.get("histogram")
    if not histogram:
        return None
    axes = {**charts.WORDS, "texts": words("axis_texts"), "length": words("axis_length")}
    return inline(charts.binned(histogram["counts"], width=histogram["width"], words=axes))
