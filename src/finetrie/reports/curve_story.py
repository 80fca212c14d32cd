"""A learning curve in sentences and tables: what it reaches, what it beats, what more rows would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from finetrie.reports.curve_charts import Line, Spot
from finetrie.reports.curve_results import CurveResults
from finetrie.reports.digest import Row
from finetrie.reports.numbers import DASH, compact, duration, is_number, number, p_equals, percent
from finetrie.reports.words import Words

SURE = 0.05
"""A corrected p below this is called more than chance."""

LOST = ("out_of_label_set", "unparsable", "failed")

SHARES = ("predicted", "observed", "low", "high")
"""Values of a reason that are scores."""

COSTS = ("seconds", "tokens_computed", "trainable", "memory")


@dataclass(frozen=True)
class Gain:
    """A class and its F1 with the fewest and the most rows, as means over seeds."""

    label: str
    first: float
    last: float

    @property
    def rise(self) -> float:
        return self.last - self.first


@dataclass(frozen=True)
class Fate:
    """What became of the test rows of one point: counts as means over seeds."""

    name: str
    size: int | None
    parts: tuple[tuple[str, float], ...]  # (outcome, rows), without those that did not happen
    lost: float  # share without a valid label


def lead(results: CurveResults, words: Words) -> list[str]:
    """Paragraphs that a reader who was not there understands."""
    best = results.leader()
    if best is None:
        return [words("curve_nothing")]
    gap = "" if words.language == "zh" else " "
    told = [reached(results, best, words), *beaten(results, best, words)]
    return [gap.join(told), gap.join([*grown(results, best, words), promised(results, best, words)])]


def reached(results: CurveResults, best: Row, words: Words) -> str:
    point = results.at_largest(best)
    assert point is not None
    found = point["scores"][results.score]
    key = "curve_reached" if point["size"] is not None else "curve_reached_untrained"
    return words(
        key,
        name=best["name"],
        rows=number(point["size"]),
        metric=words(results.score),
        score=percent(found["mean"]),
        seeds=number(len(point["seeds"])),
        range=interval(found["test_interval"]),
        level=level(results),
    )


def beaten(results: CurveResults, best: Row, words: Words) -> list[str]:
    """Whether the best baseline is really worse; empty where there is none."""
    rival = results.rival(best)
    test = None if rival is None else between(results, best, rival)
    if rival is None or test is None or not is_number(test["difference"]):
        return []
    mine = results.line_of(test["b"])
    difference = test["difference"] if mine is not None and mine["name"] == best["name"] else -test["difference"]
    if not difference:
        return [words("rival_equal", name=rival["name"])]
    p = test["p_holm"]
    sure = is_number(p) and p < SURE
    verdict = ("above" if difference > 0 else "below") if sure else "open"
    return [
        words(
            f"rival_{verdict}",
            name=rival["name"],
            points=points(abs(difference)),
            side=words("curve_more" if difference > 0 else "curve_fewer"),
            p=p_equals(p),
        )
    ]


def grown(results: CurveResults, best: Row, words: Words) -> list[str]:
    known = [p for p in best["points"] if p["size"] is not None and is_number(p["scores"][results.score]["mean"])]
    if len(known) < 2:
        return []
    first, last = known[0], known[-1]
    rise = last["scores"][results.score]["mean"] - first["scores"][results.score]["mean"]
    key = "curve_rose" if rise > 0 else "curve_fell"
    return [words(key, first=number(first["size"]), last=number(last["size"]), points=points(abs(rise)))]


def promised(results: CurveResults, best: Row, words: Words) -> str:
    fit = (best.get("fit") or {}).get(results.score)
    if fit is None:
        return words("curve_no_fit")
    if fit["reason"]:
        return words("curve_cannot_say", reason=why(fit, words))
    ahead = next((f for f in fit["forecasts"] if f["size"] >= 2 * fit["points"][-1]["size"]), fit["forecasts"][-1])
    return words(
        "curve_forecast",
        rows=number(ahead["size"]),
        score=percent(ahead["score"]),
        range=interval(ahead["interval"]),
        level=level(results),
    )


def why(found: Row, words: Words) -> str:
    """The reason of a fit, or of rows for a target, in the page's language."""
    told = found.get("why") or {}
    values = {name: percent(v) if name in SHARES else v for name, v in (told.get("values") or {}).items()}
    return words(f"why_{told['key']}", **values) if told else str(found.get("reason") or "")


def lines(results: CurveResults, score: str) -> list[Line]:
    """Every series for the chart of one score."""
    drawn = []
    for one in results.series:
        tuned = one["role"] == "tuned"
        spots = [_spot(point, score) for point in one["points"] if is_number(point["scores"][score]["mean"])]
        if not spots:
            continue
        if not one["trains"]:
            drawn.append(Line(one["name"], (), flat=spots[0].score))
            continue
        fit = (one.get("fit") or {}).get(score) or {}
        ahead = tuple(Spot(f["size"], f["score"], *f["interval"]) for f in fit.get("forecasts") or ())
        drawn.append(Line(one["name"], tuple(spots), band=tuned, forecast=ahead))
    if not any(line.band for line in drawn):  # without a tuned model the baselines are what the chart is about
        drawn = [Line(line.name, line.spots, line.flat is None, line.flat, line.forecast) for line in drawn]
    return drawn


def _spot(point: Row, score: str) -> Spot:
    found = point["scores"][score]
    ends = found["interval"] if found["interval_kind"] == "t" else found["test_interval"]
    low, high = ends or (None, None)
    return Spot(point["size"] or 0, found["mean"], low, high)


def cost_lines(results: CurveResults, cost: str) -> list[Line]:
    """Every series for the chart of the first score against one cost."""
    drawn = []
    for one in results.series:
        spots = []
        for point in one["points"]:
            at, score = results.cost(one, point["size"], cost), point["scores"][results.score]["mean"]
            if at is not None and is_number(score):
                spots.append(Spot(at, score))
        drawn.append(Line(one["name"], tuple(spots)))
    return drawn


def score_table(results: CurveResults) -> list[dict[str, Any]]:
    """One line a size, one cell a series: the mean and what it may be off by."""
    sizes = [*results.curve["settings"]["sizes"], *([None] if any(not s["trains"] for s in results.series) else [])]
    table = []
    for size in sizes:
        found = [next((p for p in one["points"] if p["size"] == size), None) for one in results.series]
        table.append({"size": size, "points": [None if p is None else _shown(p, results.score) for p in found]})
    return table


def _shown(point: Row, score: str) -> dict[str, Any]:
    found = point["scores"][score]
    return {
        "mean": found["mean"],
        "sd": found["sd"],
        "test_interval": found["test_interval"],
        "seeds": len(point["seeds"]),
        "missing": len(point["missing"]),
    }


def forecasts(results: CurveResults) -> list[dict[str, Any]]:
    """What each trained series promises, or why it promises nothing."""
    return [
        {"name": one["name"], **fit}
        for one in results.series
        if (fit := (one.get("fit") or {}).get(results.score)) is not None
    ]


def cost_table(results: CurveResults, words: Words) -> list[dict[str, Any]]:
    """What the largest size of each series took."""
    table = []
    for one in results.series:
        point = results.at_largest(one)
        if point is None:
            continue
        costs = {name: results.cost(one, point["size"], name) for name in COSTS}
        table.append(
            {
                "name": one["name"],
                "score": point["scores"][results.score]["mean"],
                "seconds": duration(costs["seconds"], words.language),
                "tokens": cost(costs["tokens_computed"]),
                "trainable": cost(costs["trainable"]),
                "memory": memory(costs["memory"]),
            }
        )
    return table


def tests(results: CurveResults, score: str) -> dict[int, list[Row]]:
    """The paired tests of one score by size, the largest size first."""
    found: dict[int, list[Row]] = {}
    for test in results.curve.get("comparisons") or ():
        if test["metric"] == score:
            a, b = results.line_of(test["a"]), results.line_of(test["b"])
            names = {"a_name": a["name"] if a else test["a"], "b_name": b["name"] if b else test["b"]}
            found.setdefault(test["size"], []).append({**test, **names})
    return dict(sorted(found.items(), reverse=True))


def between(results: CurveResults, one: Row, other: Row) -> Row | None:
    """The test of two series at the largest size."""
    names = {one["name"], other["name"]}
    for test in tests(results, results.score).get(results.largest or 0, ()):
        if {test["a_name"], test["b_name"]} == names:
            return test
    return None


def gains(results: CurveResults, line: Row) -> list[Gain]:
    """The classes of a series by what more rows brought them."""
    sizes = [p["size"] for p in line["points"] if p["size"] is not None and p["seeds"]]
    if len(sizes) < 2:
        return []
    first, last = (_label_scores(results.cells_of(line, size)) for size in (sizes[0], sizes[-1]))
    both = [Gain(label, first[label], last[label]) for label in last if label in first]
    return sorted(both, key=lambda gain: -gain.rise)


def _label_scores(cells: Sequence[Row]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for cell in cells:
        for label, f1 in (cell.get("per_label") or {}).items():
            if is_number(f1):
                found.setdefault(label, []).append(f1)
    return {label: mean(values) for label, values in found.items()}


def fates(results: CurveResults) -> list[Fate]:
    """What became of the rows, for every series that can answer with something else than a label."""
    found = []
    for one in results.series:
        points = [point for point in one["points"] if point["outcomes"]]
        if one["role"] != "tuned" and not any(point["outcomes"].get(name) for point in points for name in LOST):
            continue
        for point in points:
            counts = point["outcomes"]
            rows = sum(counts.values())
            parts = tuple((name, count) for name, count in counts.items() if count)
            lost = sum(counts.get(name, 0) for name in LOST)
            found.append(Fate(one["name"], point["size"], parts, lost / rows if rows else 0.0))
    return found


def cell_rows(results: CurveResults, words: Words) -> list[dict[str, Any]]:
    """Every cell of the grid."""
    rows = []
    for cell in results.cells.values():
        measured = results.costs.get(cell["name"], {})
        score = results.score
        rows.append(
            {
                **cell,
                "score": (cell.get("scores") or {}).get(score),
                "range": interval((cell.get("intervals") or {}).get(score)),
                "seconds": duration(measured.get("seconds"), words.language),
                "memory": memory(results.cell_cost(cell, "memory")),
                "trainable": cost((cell.get("cost") or {}).get("trainable")),
                "tokens": cost((cell.get("cost") or {}).get("tokens_computed")),
            }
        )
    return rows


def interval(ends: Any) -> str:
    """[low, high] in percent; a dash where it is unknown."""
    return f"[{percent(ends[0])}, {percent(ends[1])}]" if ends else DASH


def points(share: Any) -> str:
    """A difference of two shares in percentage points."""
    return f"{100 * share:.1f}" if is_number(share) else DASH


def p_value(p: Any) -> str:
    return DASH if not is_number(p) else "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"


def points_interval(ends: Any) -> str:
    """[low, high] of a difference, in percentage points."""
    return f"[{points(ends[0])}, {points(ends[1])}]" if ends else DASH


def cost(value: Any) -> str:
    return compact(value) if is_number(value) else DASH


def memory(value: Any) -> str:
    return f"{value:.2f} GiB" if is_number(value) else DASH


def level(results: CurveResults) -> str:
    return f"{100 * results.curve.get('confidence', 0.95):g}%"
