"""The charts of a learning curve: score against rows, and score against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from finetrie.reports.charts import ACCENT, GOOD, MUTED, ROSE, SECOND, TEAL, VIOLET, Chart
from finetrie.reports.numbers import compact

COLOURS = (ACCENT, SECOND, GOOD, VIOLET, ROSE, TEAL)
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Both change from series to series, so that a print without colours can be read too."""


@dataclass(frozen=True)
class Spot:
    """A score and what stands on the horizontal axis; `low` and `high` are its interval."""

    at: float
    score: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """One series of a chart."""

    name: str
    spots: tuple[Spot, ...]  # by `at`, ascending
    band: bool = False  # draw the intervals: for what the chart is about, not for what it is compared with
    flat: float | None = None  # the score of something that is not trained: the same for every number of rows
    forecast: tuple[Spot, ...] = ()


def learning_curve(
    lines: Sequence[Line], *, words: Mapping[str, str], name: str, printed: bool = False
) -> Chart | None:
    """Score by the number of training rows, bands around the tuned models, forecasts dashed; None without points.

    Args:
        words: `rows` and `score`, the names of the axes.
        name: what the picture is called for those who cannot see it.
    """
    sizes = sorted({spot.at for line in lines for spot in line.spots})
    if not sizes:
        return None
    chart = Chart(name, size=(8.6, 4.4), printed=printed)
    ahead = [spot.at for line in lines for spot in line.forecast]
    ends = (sizes[0], max([*sizes, *ahead]))
    shown = []
    for i, line in enumerate(lines):
        colour, marker = chart.paint[COLOURS[i % len(COLOURS)]], MARKERS[i % len(MARKERS)]
        if line.flat is not None:
            handle = chart.axes.plot(ends, [line.flat] * 2, linestyle=(0, (1, 1.5)), color=colour, linewidth=1.8)[0]
        elif line.spots:
            handle = _line(chart, line, colour, marker)
        else:
            continue
        shown.append((handle, line.name))
    _log_axis(chart, [*sizes, *ahead])
    chart.axes.set_ylim(*_span(lines))
    chart.percent("y")
    chart.label(x=words["rows"], y=words["score"])
    chart.legend(shown)
    return chart


def score_against_cost(
    lines: Sequence[Line], *, words: Mapping[str, str], name: str, printed: bool = False
) -> Chart | None:
    """Score by what it costs, one point a size, joined from the smallest to the largest; None without points.

    Args:
        words: `cost` and `score`, the names of the axes.
    """
    costs = sorted({spot.at for line in lines for spot in line.spots if spot.at > 0})
    if not costs:
        return None
    chart = Chart(name, size=(4.9, 3.4), printed=printed)
    shown = []
    for i, line in enumerate(lines):
        spots = [spot for spot in line.spots if spot.at > 0]
        if spots:
            colour, marker = chart.paint[COLOURS[i % len(COLOURS)]], MARKERS[i % len(MARKERS)]
            xs, ys = [spot.at for spot in spots], [spot.score for spot in spots]
            (handle,) = chart.axes.plot(xs, ys, marker=marker, color=colour, linewidth=1.3, markersize=5.5, alpha=0.9)
            shown.append((handle, line.name))
    chart.axes.set_xscale("log")
    if costs[-1] < 3 * costs[0]:  # within so little of a decade no round number may lie
        chart.axes.set_xlim(costs[0] / 2, costs[-1] * 2)
    decades = costs[-1] / costs[0] > 100
    chart.axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if decades else (1.0, 2.0, 5.0), numticks=8))
    chart.axes.xaxis.set_minor_locator(NullLocator())
    chart.axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    chart.axes.set_ylim(*_span(lines))
    chart.percent("y")
    chart.label(x=words["cost"], y=words["score"])
    chart.legend(shown)
    return chart


def _line(chart: Chart, line: Line, colour: str, marker: str) -> Any:
    xs, ys = [spot.at for spot in line.spots], [spot.score for spot in line.spots]
    width = 2.4 if line.band else 1.5
    (handle,) = chart.axes.plot(xs, ys, marker=marker, color=colour, linewidth=width, markersize=5.5)
    if line.band:
        _band(chart, line.spots, colour, 0.16)
    if line.forecast:
        way = [line.spots[-1], *line.forecast]
        chart.axes.plot([s.at for s in way], [s.score for s in way], "--", color=colour, linewidth=1.6)
        _band(chart, line.forecast, colour, 0.08)
    return handle


def _band(chart: Chart, spots: Sequence[Spot], colour: str, strength: float) -> None:
    known = [(s.at, s.low, s.high) for s in spots if s.low is not None and s.high is not None]
    if len(known) > 1:
        xs, lows, highs = zip(*known, strict=True)
        chart.axes.fill_between(xs, lows, highs, color=colour, alpha=strength, linewidth=0)


def _log_axis(chart: Chart, sizes: Sequence[float]) -> None:
    """Every size has a tick, unless its neighbour's number would touch it."""
    chart.axes.set_xscale("log")
    ticks: list[float] = []
    for size in sorted(set(sizes)):
        if not ticks or size >= 1.25 * ticks[-1]:
            ticks.append(size)
    chart.axes.xaxis.set_major_locator(FixedLocator(ticks))
    chart.axes.xaxis.set_minor_locator(NullLocator())
    chart.axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    chart.axes.grid(axis="x", color=chart.paint[MUTED], linewidth=0.4, alpha=0.25)


def _span(lines: Sequence[Line]) -> tuple[float, float]:
    """The part of 0 to 1 where something is drawn, with some air."""
    drawn = [line.flat for line in lines if line.flat is not None]
    for line in lines:
        spots = [*line.spots, *line.forecast]
        drawn += [spot.score for spot in spots]
        if line.band:
            drawn += [end for spot in spots for end in (spot.low, spot.high) if end is not None]
    low, high = min(drawn), max(drawn)
    air = max(0.03, 0.08 * (high - low))
    return max(-0.01, low - air), min(1.01, high + air)
