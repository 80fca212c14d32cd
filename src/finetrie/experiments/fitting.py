"""What would more data bring? A learning curve's forecast, its interval, and when to say "cannot say".

A curve of few noisy points can be continued in many ways, and most of them look convincing. So a forecast is given
only when the scores rise by more than noise, a power law fits them, a fit without the largest size predicts the
largest size, and the interval is narrow enough to act on; and never beyond four times the largest size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import norm

from finetrie.experiments.power_law import Floats, PowerLaws, fit_power_laws

LEAST_SIZES = 4
"""Three sizes for the three numbers of the law, and the largest one to check it on."""

FACTORS = (1.5, 2.0, 3.0, 4.0)
"""How far a forecast may look, in multiples of the largest size."""

LAW_ERROR = 0.003
"""Standard deviation of what no power law explains, in score: curves follow it to some tenths of a point at best."""

SHARED_FREEDOM = 4
"""Degrees of freedom that all sizes together lend to the seed variance of one: few seeds hardly know theirs."""

NO_TREND, POOR_FIT = 0.05, 0.01
"""Levels of the tests for a trend and for a poor fit."""

WIDE, ALWAYS_NARROW = 0.5, 0.05
"""A forecast interval is too wide beyond half of the error measured last, unless it is within five points."""


SENTENCES = {
    "one_seed": "one seed a size does not tell noise from trend; at least two are needed",
    "few_sizes": "a forecast needs {needed} sizes, so that the largest can be held out as a check; there are {sizes}",
    "no_trend": "the score does not rise with the number of rows by more than the noise between seeds",
    "poor_fit": "a power law fits the points poorly (p = {p:.2g})",
    "check_missed": "the smaller sizes predict {predicted:.3f} [{low:.3f}, {high:.3f}] for {size} rows, "
    "but {observed:.3f} was measured",
    "too_wide": "the interval is too wide to act on: {low:.3f} to {high:.3f} already at {size} rows",
    "measured": "measured with {size} rows",
    "too_far": "not within {size} rows, the farthest that these points can be continued",
}


@dataclass(frozen=True)
class Why:
    """Why there is no forecast: a key of `SENTENCES` and its values, so that a page can say it in its own language."""

    key: str
    values: Mapping[str, float]

    def __str__(self) -> str:
        return SENTENCES[self.key].format(**self.values)


def _why(key: str, **values: float) -> Why:
    return Why(key, values)


@dataclass(frozen=True)
class Point:
    """The scores of one training-set size, one a seed, in [0, 1], higher is better.

    `variance` is the sampling variance of one such score over test sets (see `variance_of`). All cells share the
    test set, so it moves the whole curve up or down and never bends it.
    """

    size: int
    scores: tuple[float, ...]
    variance: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Forecast:
    """The mean score over seeds at one size, and its interval."""

    size: int
    score: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class HeldOut:
    """What the smaller sizes predicted for the largest one, and what was measured."""

    size: int
    predicted: float
    interval: tuple[float, float]  # of a mean measured with as many seeds
    observed: float

    @property
    def kept(self) -> bool:
        return self.interval[0] <= self.observed <= self.interval[1]


@dataclass(frozen=True)
class Needed:
    """Rows for a wanted score. `rows` None: cannot say, and `why`; also says so when a measured size reaches it."""

    target: float
    rows: int | None
    interval: tuple[int, int | None] | None  # None at its upper end: beyond the farthest forecast
    why: Why | None

    @property
    def reason(self) -> str | None:
        return None if self.why is None else str(self.why)


@dataclass(frozen=True)
class CurveFit:
    """A learning curve and what it promises. `why` there is no forecast; None: there is one."""

    points: tuple[Point, ...]
    why: Why | None
    law: dict[str, float] | None  # a, b, c of error = a + b·n^-c
    fit_p: float | None  # chance of a worse fit if the law holds; None with three sizes, which always fit
    held_out: HeldOut | None
    band: tuple[Forecast, ...]  # the fitted curve between the smallest and the largest size
    forecasts: tuple[Forecast, ...]  # beyond the largest size; empty where there is a `reason`
    needed: tuple[Needed, ...]
    confidence: float

    def as_json(self) -> dict[str, Any]:
        held_out = None if self.held_out is None else {**asdict(self.held_out), "kept": self.held_out.kept}
        needed = [{**asdict(need), "reason": need.reason} for need in self.needed]
        said = {"reason": self.reason, "can_say": self.why is None}
        return {**asdict(self), **said, "held_out": held_out, "needed": needed}

    @property
    def reason(self) -> str | None:
        return None if self.why is None else str(self.why)


def variance_of(interval: Sequence[float] | None, *, confidence: float = 0.95) -> float:
    """The sampling variance behind an interval of `metrics.json`; 0 without one."""
    if interval is None:
        return 0.0
    return float(((interval[1] - interval[0]) / (2 * norm.isf((1 - confidence) / 2))) ** 2)


def fit_curve(
    points: Sequence[Point],
    *,
    targets: Sequence[float] = (),
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> CurveFit:
    """Fit error = 1 - score = a + b·n^-c to a learning curve, and continue it where that is justified.

    The fit is weighted by the variance of each size's mean over its seeds; intervals are a parametric bootstrap of
    that noise and of the test set. Sizes without a score (all cells failed) are left out.

    Args:
        targets: scores to find the number of rows for.

    Raises:
        ValueError: a size is given twice, or is less than 1.
    """
    known = tuple(sorted((p for p in points if p.scores), key=lambda p: p.size))
    sizes = np.array([p.size for p in known], dtype=np.float64)
    if len(set(sizes.tolist())) < len(known) or (sizes < 1).any():
        raise ValueError(f"sizes must be distinct and at least 1, found {[p.size for p in known]}")
    curve = _Curve.of(known, seed=seed, resamples=resamples, confidence=confidence)
    if len(known) < LEAST_SIZES - 1 or curve is None:
        why: Why | None = _too_little(known)
        return CurveFit(known, why, None, None, None, (), (), _needed(known, targets, why), confidence)
    law = fit_power_laws(curve.sizes, curve.errors, curve.variances)
    fit_p, held_out = curve.fit_p(law), None
    why = _too_little(known) if len(known) < LEAST_SIZES else None
    if why is None:
        held_out = curve.held_out()
        why = curve.objection(law, fit_p, held_out)
    drawn = curve.resampled(law)
    band = curve.forecasts(law, drawn, np.geomspace(sizes[0], sizes[-1], 25))
    ahead = curve.forecasts(law, drawn, sizes[-1] * np.array(FACTORS)) if why is None else ()
    forecasts = _narrow(ahead, 1 - known[-1].mean)
    if why is None and not forecasts:
        low, high = ahead[0].interval
        why = _why("too_wide", low=low, high=high, size=ahead[0].size)
    farthest = forecasts[-1].size if forecasts else 0
    needed = _needed(known, targets, why, law=law, drawn=drawn, farthest=farthest, confidence=confidence)
    numbers = {name: float(getattr(law, name)[0]) for name in ("a", "b", "c")}
    return CurveFit(known, why, numbers, fit_p, held_out, band, forecasts, needed, confidence)


@dataclass(frozen=True)
class _Curve:
    """The points as arrays over sizes, and how noisy they are."""

    sizes: Floats
    errors: Floats  # 1 - mean score
    variances: Floats  # of each mean, given the test set
    shift: Floats  # standard deviation of each score over test sets, which moves all sizes together
    freedom: int  # degrees of freedom of the seed variance
    seed: int
    resamples: int
    confidence: float

    @classmethod
    def of(cls, points: Sequence[Point], *, seed: int, resamples: int, confidence: float) -> _Curve | None:
        """None where no size has two seeds: nothing tells the noise from the trend."""
        spare = np.array([len(p.scores) - 1 for p in points])
        if not spare.sum():
            return None
        own = np.array([np.var(p.scores, ddof=1) if len(p.scores) > 1 else 0.0 for p in points])
        pooled = (spare * own).sum() / spare.sum()
        variance = (SHARED_FREEDOM * pooled + spare * own) / (SHARED_FREEDOM + spare)
        return cls(
            sizes=np.array([p.size for p in points], dtype=np.float64),
            errors=np.array([1 - p.mean for p in points]),
            variances=variance / (spare + 1) + LAW_ERROR**2,
            shift=np.array([sqrt(p.variance) for p in points]),
            freedom=int(spare.sum()),
            seed=seed,
            resamples=resamples,
            confidence=confidence,
        )

    def fit_p(self, law: PowerLaws) -> float | None:
        free = len(self.sizes) - 3
        return float(fisher.sf(law.misfit[0] / free, free, self.freedom)) if free > 0 else None

    def objection(self, law: PowerLaws, fit_p: float | None, held_out: HeldOut) -> Why | None:
        """Why this curve may not be continued, or None."""
        level = np.average(self.errors, weights=1 / self.variances)
        gain = float(((self.errors - level) ** 2 / self.variances).sum() - law.misfit[0])
        if law.b[0] == 0 or fisher.sf(gain / 2, 2, self.freedom) > NO_TREND:
            return _why("no_trend")
        if fit_p is not None and fit_p < POOR_FIT:
            return _why("poor_fit", p=fit_p)
        if not held_out.kept:
            low, high = held_out.interval
            return _why(
                "check_missed",
                predicted=held_out.predicted,
                low=low,
                high=high,
                size=held_out.size,
                observed=held_out.observed,
            )
        return None

    def held_out(self) -> HeldOut:
        """Fit without the largest size, and predict it."""
        law = fit_power_laws(self.sizes[:-1], self.errors[:-1], self.variances[:-1])
        noise = np.random.default_rng(self.seed).normal(size=(self.resamples, len(self.sizes))) * np.sqrt(
            self.variances
        )
        drawn = fit_power_laws(self.sizes[:-1], law.error(self.sizes[:-1]) + noise[:, :-1], self.variances[:-1])
        measured = 1 - drawn.error(float(self.sizes[-1])) + noise[:, -1]
        predicted = 1 - float(law.error(float(self.sizes[-1]))[0])
        return HeldOut(int(self.sizes[-1]), predicted, self._middle(measured), 1 - float(self.errors[-1]))

    def resampled(self, law: PowerLaws) -> PowerLaws:
        """Fits to curves as they could have come out with other seeds and another test set."""
        draw = np.random.default_rng(self.seed)
        noise = self._noise(draw)
        moved = draw.normal(size=(self.resamples, 1)) * self.shift
        return fit_power_laws(self.sizes, law.error(self.sizes) + noise + moved, self.variances)

    def _noise(self, draw: np.random.Generator) -> Floats:
        """(resamples, sizes) of Student's t: the seed variance is itself known from few seeds only."""
        scale = np.sqrt(self.freedom / draw.chisquare(self.freedom, size=(self.resamples, 1)))
        noise: Floats = draw.normal(size=(self.resamples, len(self.sizes))) * np.sqrt(self.variances) * scale
        return noise

    def forecasts(self, law: PowerLaws, drawn: PowerLaws, at: Floats) -> tuple[Forecast, ...]:
        sizes = sorted({round(size) for size in at.tolist()})
        return tuple(
            Forecast(size, 1 - float(law.error(float(size))[0]), self._middle(1 - drawn.error(float(size))))
            for size in sizes
        )

    def _middle(self, scores: Floats) -> tuple[float, float]:
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(scores, [tail, 1 - tail])
        return float(max(low, 0.0)), float(min(high, 1.0))


def _too_little(points: Sequence[Point]) -> Why:
    if points and all(len(p.scores) < 2 for p in points):
        return _why("one_seed")
    return _why("few_sizes", needed=LEAST_SIZES, sizes=len(points))


def _narrow(ahead: Sequence[Forecast], error: float) -> tuple[Forecast, ...]:
    """The forecasts up to the first one whose interval is too wide."""
    widest = max(ALWAYS_NARROW, WIDE * error)
    wide = [i for i, f in enumerate(ahead) if f.interval[1] - f.interval[0] > widest]
    return tuple(ahead[: wide[0]] if wide else ahead)


def _needed(
    points: Sequence[Point],
    targets: Sequence[float],
    why: Why | None,
    *,
    law: PowerLaws | None = None,
    drawn: PowerLaws | None = None,
    farthest: int = 0,
    confidence: float = 0.95,
) -> tuple[Needed, ...]:
    found = []
    for target in targets:
        measured = next((p.size for p in points if p.mean >= target), None)
        if measured is not None:
            found.append(Needed(target, measured, None, _why("measured", size=measured)))
        elif why is not None or law is None or drawn is None:
            found.append(Needed(target, None, None, why))
        else:
            found.append(_rows_for(target, law, drawn, farthest=farthest, confidence=confidence))
    return tuple(found)


def _rows_for(target: float, law: PowerLaws, drawn: PowerLaws, *, farthest: int, confidence: float) -> Needed:
    rows, tail = float(law.rows_for(1 - target)[0]), (1 - confidence) / 2
    low, high = np.quantile(drawn.rows_for(1 - target), [tail, 1 - tail], method="inverted_cdf")
    if rows > farthest:
        return Needed(target, None, None, _why("too_far", size=farthest))
    upper = ceil(high) if high <= farthest else None
    return Needed(target, ceil(rows), (ceil(min(low, rows)), upper), None)
