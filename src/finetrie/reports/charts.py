"""Charts as SVG text, for the page and for notebooks.

Colours are CSS variables with a fallback, so that one picture suits light and dark pages. Text stays text:
the reader's own fonts draw it, Chinese included. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

# matplotlib draws with these stand-ins; `_svg` turns them into CSS variables.
INK, MUTED, GRID, ACCENT, SECOND, GOOD = "#010101", "#010102", "#010103", "#010104", "#010105", "#010106"
VIOLET, ROSE, TEAL = "#010107", "#010108", "#010109"
VARIABLES = {
    INK: "var(--ink, #1f2937)",
    MUTED: "var(--muted, #6b7280)",
    GRID: "var(--line, #e5e7eb)",
    ACCENT: "var(--accent, #2563eb)",
    SECOND: "var(--second, #d97706)",
    GOOD: "var(--good, #15803d)",
    VIOLET: "var(--violet, #6d28d9)",
    ROSE: "var(--rose, #be185d)",
    TEAL: "var(--teal, #0f766e)",
}
ON_SCREEN = {stand_in: stand_in for stand_in in VARIABLES}
IN_PRINT = {stand_in: variable.split()[-1].rstrip(")") for stand_in, variable in VARIABLES.items()}
CHINESE_FONTS = (
    "NotoSansCJK-Regular",
    "NotoSansSC",
    "SourceHanSans",
    "PingFang",
    "msyh",
    "wqy-microhei",
    "simhei",
    "STHeiti Medium",
    "Arial Unicode",
)
"""Beginnings of font files that a PNG may be drawn with where its texts are Chinese; the first that is installed."""

FONT = "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"

MOST_POINTS = 1200
"""A curve with more points than the page has pixels is thinned out."""

WORDS = {
    "loss": "loss",
    "smoothed": "smoothed",
    "step": "step",
    "score": "score",
    "best": "best",
    "confidence": "confidence of the model",
    "accuracy": "share that is right",
    "perfect": "perfectly calibrated",
    "coverage": "share of texts that is answered",
    "characters": "characters a text",
    "texts": "texts",
    "length": "length",
}
"""Default texts; the page passes translations."""


def loss_curve(events: Sequence[Mapping[str, Any]], *, words: Mapping[str, str] = WORDS) -> str | None:
    """Training loss by optimiser step, with a smoothed line; None without step events.

    Args:
        events: objects of `events.jsonl`. A step that was repeated after a crash counts once, the last time.
    """
    points = {e["step"]: e["loss"] for e in events if e.get("event") == "step" and _known(e.get("loss"))}
    if not points:
        return None
    steps = np.array(sorted(points))
    losses = np.array([points[step] for step in steps.tolist()], dtype=float)
    some = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_POINTS)).astype(int))
    chart = Chart(words["loss"])
    many = len(steps) > 20
    chart.axes.plot(steps[some], losses[some], color=ACCENT, linewidth=1.0, alpha=0.35 if many else 1.0)
    if many:
        chart.axes.plot(steps[some], _smoothed(losses, some), color=ACCENT, linewidth=2.0)
    else:
        chart.axes.plot(steps, losses, "o", color=ACCENT, markersize=3.5)
    chart.axes.set_ylim(0, 1.06 * float(losses.max()) or 1.0)
    chart.label(x=words["step"], y=words["loss"])
    return chart.svg()


def dev_curve(events: Sequence[Mapping[str, Any]], *, words: Mapping[str, str] = WORDS) -> str | None:
    """Score on the dev split by optimiser step, the best one marked; None without evaluations."""
    points = {e["step"]: e for e in events if e.get("event") == "evaluation" and _known(e.get("score"))}
    if not points:
        return None
    steps = sorted(points)
    scores = [float(points[step]["score"]) for step in steps]
    best = int(np.argmax(scores))
    chart = Chart(words["score"])
    chart.axes.plot(steps, scores, "-o", color=SECOND, linewidth=2.0, markersize=4)
    chart.axes.plot([steps[best]], [scores[best]], "o", color=GOOD, markersize=8)
    chart.axes.set_ylim(0, 1.08)
    chart.axes.set_xlim(0, steps[-1] * 1.04)
    chart.percent("y")
    side = -1 if best > 0 and best >= len(steps) / 2 else 1
    chart.note(f"{words['best']}: {scores[best]:.1%}", at=(steps[best], scores[best]), side=side)
    chart.label(x=words["step"], y=words["score"])
    return chart.svg()


def reliability_plot(bins: Sequence[Mapping[str, Any]], *, words: Mapping[str, str] = WORDS) -> str | None:
    """Accuracy by confidence, with how many texts stand behind each bin; None without bins.

    Args:
        bins: `metrics["calibration"]["bins"]`.
    """
    if not bins:
        return None
    chart = Chart(words["accuracy"], size=(4.9, 4.1))
    share = np.array([b["count"] for b in bins], dtype=float)
    width = [b["high"] - b["low"] for b in bins]
    chart.axes.bar(
        [(b["low"] + b["high"]) / 2 for b in bins],
        share / share.sum(),
        width=[w * 0.92 for w in width],
        color=GRID,
    )
    chart.axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1.2)
    points = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    chart.axes.plot(*points, color=ACCENT, linewidth=1.6)
    chart.axes.scatter(*points, color=ACCENT, s=8 + 60 * share / share.max(), zorder=3)  # area: how many texts
    chart.axes.set_xlim(0, 1.02)
    chart.axes.set_ylim(0, 1.02)
    chart.percent("x")
    chart.percent("y")
    chart.note(words["perfect"], at=(0.30, 0.30), side=1, color=MUTED)
    chart.label(x=words["confidence"], y=words["accuracy"])
    return chart.svg()


def abstain_plot(curve: Sequence[Mapping[str, float]], *, words: Mapping[str, str] = WORDS) -> str | None:
    """Share that is right by share that is answered, the surest texts first; None without a curve.

    Args:
        curve: `metrics["calibration"]["abstain"]["curve"]`.
    """
    if not curve:
        return None
    chart = Chart(words["accuracy"], size=(4.9, 3.2))
    chart.axes.plot([p["coverage"] for p in curve], [p["precision"] for p in curve], color=ACCENT, linewidth=1.8)
    chart.axes.set_xlim(0, 1.02)
    chart.axes.set_ylim(0, 1.02)
    chart.percent("x")
    chart.percent("y")
    chart.label(x=words["coverage"], y=words["accuracy"])
    return chart.svg()


def length_histogram(lengths: Sequence[int], *, words: Mapping[str, str] = WORDS) -> str | None:
    """How long the texts are; the longest 1 % share the last bar. None without texts."""
    if not len(lengths):
        return None
    values = np.asarray(lengths, dtype=float)
    most = max(float(np.quantile(values, 0.99)), values.min() + 1)
    chart = Chart(words["texts"], size=(4.9, 2.4))
    chart.axes.hist(np.minimum(values, most), bins=min(40, max(5, int(most - values.min()))), color=ACCENT, rwidth=0.9)
    chart.axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    chart.label(x=words["characters"], y=words["texts"])
    return chart.svg()


def binned(counts: Sequence[int], *, width: int, words: Mapping[str, str] = WORDS) -> str:
    """How many texts have which length: bin `i` holds the lengths from `i * width` on."""
    chart = Chart(words["texts"], size=(4.9, 2.4))
    chart.axes.bar([(i + 0.5) * width for i in range(len(counts))], counts, width=0.9 * width, color=ACCENT)
    chart.axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    chart.label(x=words["length"], y=words["texts"])
    return chart.svg()


class Chart:
    """One plot in the house style; `axes` is matplotlib's own.

    Args:
        printed: for `png`: colours and texts are drawn as they are, instead of as what `svg` puts others in place of.
    """

    def __init__(self, name: str, *, size: tuple[float, float] = (4.9, 2.7), printed: bool = False) -> None:
        self.name = name
        self.printed = printed
        self.paint = IN_PRINT if printed else ON_SCREEN
        self.figure = Figure(figsize=size, layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self._texts: dict[str, str] = {}
        self._numbers = count(1)
        for side in ("top", "right", "left"):
            self.axes.spines[side].set_visible(False)
        self.axes.spines["bottom"].set_color(self.paint[GRID])
        self.axes.tick_params(colors=self.paint[MUTED], length=0, labelsize=10)
        self.axes.grid(axis="y", color=self.paint[GRID], linewidth=1)
        self.axes.set_axisbelow(True)
        self.axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))

    def label(self, *, x: str, y: str) -> None:
        """Name the axes; the vertical one above the plot, where it reads without turning the head."""
        self.axes.set_xlabel(self._stand_in(x), color=self.paint[MUTED], fontsize=10)
        self.axes.set_title(self._stand_in(y), color=self.paint[MUTED], fontsize=10, loc="left", pad=8)

    def note(self, text: str, *, at: tuple[float, float], side: int, color: str = INK) -> None:
        """Write `text` beside a point; side 1 is right below it, -1 left below it."""
        self.axes.annotate(
            self._stand_in(text),
            at,
            textcoords="offset points",
            xytext=(7 * side, 8 if at[1] < 0.25 else -17),
            ha="left" if side > 0 else "right",
            fontsize=10,
            color=self.paint[color],
        )

    def legend(self, entries: Sequence[tuple[Any, str]]) -> None:
        """Name lines below the plot: (what `axes.plot` gave, the name)."""
        names = [self._stand_in(name) for _, name in entries]
        columns = max(1, min(len(names), 72 // (max(map(len, names), default=1) + 6)))
        self.figure.legend(
            [handle for handle, _ in entries],
            names,
            loc="outside lower left",
            ncols=columns,
            frameon=False,
            fontsize=10,
            labelcolor=self.paint[INK],
        )

    def percent(self, axis: str) -> None:
        one = self.axes.yaxis if axis == "y" else self.axes.xaxis
        one.set_major_locator(MaxNLocator(nbins=5))
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))

    def svg(self) -> str:
        """The chart as an `<svg>` element."""
        stream = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": self.name}):
            self.figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        return _svg(stream.getvalue(), self.name, self._texts)

    def png(self) -> bytes | None:
        """The chart as a picture, for papers and slides; None where no installed font has the texts' characters."""
        fonts = _fonts_for(self._texts.values())
        if fonts is None:
            return None
        stream = io.BytesIO()
        with rc_context({"font.family": fonts}):
            for text in self.figure.findobj(Text):
                text.set_fontfamily(fonts)
            self.figure.savefig(stream, format="png", dpi=200, facecolor="white", metadata={"Software": None})
        return stream.getvalue()

    def _stand_in(self, text: str) -> str:
        """ASCII of about the same width as `text`: matplotlib's own font holds no Chinese and only has to measure."""
        if self.printed:
            self._texts[text] = text
            return text.replace("$", r"\$")
        width = sum(2 if ord(character) > 0x2E80 else 1 for character in text)
        stand_in = f"t{next(self._numbers)}".ljust(max(width, 2), "x")
        self._texts[stand_in] = text
        return stand_in


def _fonts_for(texts: Iterable[str]) -> list[str] | None:
    """matplotlib's own font, and a Chinese one where the texts need it; None where they do and there is none."""
    own = ["DejaVu Sans"]
    if all(ord(character) < 0x2E80 for text in texts for character in text):
        return own
    chinese = _chinese_font()
    return None if chinese is None else [*own, chinese]


@cache
def _chinese_font() -> str | None:
    """The name of an installed font, found by its file: matplotlib remembers only the fonts of its first start."""
    files = {Path(file).stem.casefold(): file for file in font_manager.findSystemFonts()}
    for beginning in CHINESE_FONTS:
        for stem, file in sorted(files.items()):
            if stem.startswith(beginning.casefold()):
                font_manager.fontManager.addfont(file)
                return str(font_manager.FontProperties(fname=file).get_name())
    return None


def _svg(drawn: str, name: str, texts: Mapping[str, str]) -> str:
    svg = drawn[drawn.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for stand_in, variable in VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    svg = re.sub(r">(t\d+x*)<", lambda found: f">{escape(texts.get(found.group(1), found.group(1)))}<", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", rf"font: \1px {FONT}", svg)
    # Only ids that something points to stay, so that several charts fit into one page.
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda m: m.group(0) if m.group(1) in used else "", svg)
    size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    if size:
        fluid = f'style="width: 100%; height: auto; max-width: {float(size.group(1)):.0f}pt"'
        svg = svg.replace(size.group(0), fluid, 1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def _smoothed(values: Any, at: Any) -> list[float]:
    """Weighted mean of the neighbours on both sides (so it does not lag), over a tenth of the curve at most."""
    reach = max(4, len(values) // 20)
    means = []
    for i in at.tolist():
        near = min(reach, i, len(values) - 1 - i)
        means.append(float(np.average(values[i - near : i + near + 1], weights=np.bartlett(2 * near + 3)[1:-1])))
    return means


def _known(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == value
