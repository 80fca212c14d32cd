"""The law of learning curves, error = a + b·n^-c, fitted to many noisy copies of a curve at once.

For a fixed c the law is a straight line in n^-c, whose weighted least squares have a closed form, bounds included. So
only c is searched, over all of its range: no starting values, no local optimum, and thousands of fits in one go
(variable projection; Golub and Pereyra, 1973). Cortes et al. (1993), NIPS 6, use this law to predict the error of
classifiers on more data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Floats = npt.NDArray[np.float64]

STEEPEST = 2.0
EXPONENTS: Floats = np.geomspace(0.01, STEEPEST, 300)


@dataclass(frozen=True)
class PowerLaws:
    """error(n) = a + b·n^-c of several fits, with a in [0, 1), b >= 0 and c in (0, 2].

    b = 0 says that more rows change nothing; c says nothing then.
    """

    a: Floats  # (fits,) what is left with endless data
    b: Floats  # (fits,)
    c: Floats  # (fits,) how fast the rest goes away
    misfit: Floats  # (fits,) sum of squared residuals over their variances

    def error(self, rows: Floats | float) -> Floats:
        """(fits,) for one number of rows, (fits, sizes) for several."""
        at = np.asarray(rows, dtype=np.float64)
        a, b, c = (part[:, None] if at.ndim else part for part in (self.a, self.b, self.c))
        errors: Floats = a + b * at**-c
        return errors

    def rows_for(self, error: float) -> Floats:
        """(fits,) rows at which the error falls to `error`; infinite where it never does."""
        rows: Floats = np.full(len(self.a), np.inf)
        reached = (self.a < error) & (self.b > 0)
        exponent = np.log(self.b[reached] / (error - self.a[reached])) / self.c[reached]
        rows[reached] = np.exp(np.minimum(exponent, 700.0))
        return rows


def fit_power_laws(sizes: Floats, errors: Floats, variances: Floats) -> PowerLaws:
    """The law with the least weighted squares for each row of `errors`.

    Args:
        sizes: (sizes,) rows trained on.
        errors: (fits, sizes) or (sizes,).
        variances: (sizes,) of the errors; their scale does not change the fit.
    """
    table = np.atleast_2d(errors)
    middle = float(np.exp(np.log(sizes).mean()))  # n / middle: powers near 1, whatever the sizes
    a, b, misfit = _lines(EXPONENTS, sizes / middle, table, 1 / variances)
    best = misfit.argmin(axis=1)
    c = EXPONENTS[best]
    if len(table) == 1:
        c = np.array([_refined(int(best[0]), sizes / middle, table, 1 / variances)])
        a, b, misfit = _lines(c, sizes / middle, table, 1 / variances)
        best = np.zeros(1, dtype=np.int64)
    at = (np.arange(len(table)), best)
    return PowerLaws(a[at], b[at] * middle**c, c, misfit[at])


def _lines(exponents: Floats, sizes: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """a, b and misfit, each (fits, exponents), of the best line in sizes^-c within the bounds."""
    x = sizes[None, :] ** -exponents[:, None]  # (exponents, sizes)
    total = weights.sum()
    mean_x, mean_y = x @ weights / total, errors @ weights / total
    away_x, away_y = x - mean_x[:, None], errors - mean_y[:, None]
    slope = (away_y * weights) @ away_x.T / (away_x**2 @ weights)
    a, b = mean_y[:, None] - slope * mean_x, slope
    through_zero = (errors * weights) @ x.T / (x**2 @ weights)
    a, b = np.where(a < 0, 0.0, a), np.where(a < 0, through_zero, b)
    level = np.clip(mean_y, 0, None)[:, None]
    a, b = np.where(slope < 0, level, a), np.where(slope < 0, 0.0, np.maximum(b, 0.0))
    left = errors[:, None, :] - a[:, :, None] - b[:, :, None] * x[None]
    return a, b, left**2 @ weights


def _refined(place: int, sizes: Floats, errors: Floats, weights: Floats) -> float:
    """The best exponent between the neighbours of the best one on the grid."""
    low, high = EXPONENTS[max(place - 1, 0)], EXPONENTS[min(place + 1, len(EXPONENTS) - 1)]

    def misfit(c: float) -> float:
        return float(_lines(np.array([c]), sizes, errors, weights)[2][0, 0])

    found = minimize_scalar(misfit, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return float(found.x) if found.fun <= misfit(float(EXPONENTS[place])) else float(EXPONENTS[place])
