"""Measures of two columns of numbers, from their distribution functions, means and standard deviations."""

from __future__ import annotations

import math

import numpy as np

from components.drift.histograms import Cdf, decile_cuts, pool
from components.drift.metrics import shares

LEAST_DEVIATION = 1e-3
"""Stands in for the standard deviation of a constant reference, as in Evidently: a unit is needed to measure in."""

LARGEST_SPREAD_SHIFT = 10.0
"""The `spread_shift` where one side is constant and the other is not, since the logarithm of 0 has no value."""


def jensen_shannon(current: Cdf, reference: Cdf) -> float:
    """Jensen-Shannon divergence in bits on the deciles of both columns pooled: in [0, 1], symmetric.

    Bins of equal mass stand up to outliers and need no choice of a width (`shares.jensen_shannon` has the formula).
    """
    cuts = decile_cuts(pool(current, reference))
    return float(shares.jensen_shannon(current.shares(cuts), reference.shares(cuts)))


def psi(current: Cdf, reference: Cdf) -> float:
    """Population stability index on the deciles of the reference: at least 0, without upper end."""
    cuts = decile_cuts(reference)
    return float(shares.psi(current.shares(cuts), reference.shares(cuts)))


def kolmogorov_smirnov(current: Cdf, reference: Cdf) -> float:
    """Two-sample Kolmogorov-Smirnov statistic: max over x of |F(x) - G(x)|, in [0, 1], symmetric.

    The largest change in the share of rows that lie below any value (Smirnov 1939). SciPy: `ks_2samp(...).statistic`.
    """
    every, single = np.union1d(current.x, reference.x), np.setxor1d(current.x, reference.x)
    upto = current.at(every, True) - reference.at(every, True)
    # Not just below a knot of both: how many rows share that value is known to a bucket only.
    below = current.at(single, False) - reference.at(single, False)
    return float(max(np.abs(upto).max(), np.abs(below).max(initial=0)))


def wasserstein(current: Cdf, reference: Cdf, deviation: float) -> float:
    """First Wasserstein distance in standard deviations of the reference: at least 0, without upper end.

    W = integral of |F(x) - G(x)| dx, over `deviation` (Villani 2009, "Optimal Transport", with Vallender's formula
    for one dimension): how far the rows must be moved on average. Evidently's "Wasserstein distance (normed)"; SciPy:
    `wasserstein_distance`. Far outliers count by their distance, and within the outermost buckets it is not known
    where the rows lie.

    Args:
      current: distribution of the column now.
      reference: distribution in the reference.
      deviation: standard deviation of the reference; 0 counts as `LEAST_DEVIATION`.
    """
    x = np.union1d(current.x, reference.x)
    left = (current.at(x, True) - reference.at(x, True))[:-1]
    right = (current.at(x, False) - reference.at(x, False))[1:]
    # Between two knots the difference is linear: a trapezium, or two triangles where it changes its sign.
    size = np.abs(left) + np.abs(right)
    crossed = np.divide(left**2 + right**2, size, out=np.zeros_like(size), where=size > 0)
    height = np.where(left * right < 0, crossed, size) / 2
    return float(np.sum(height * np.diff(x))) / (deviation or LEAST_DEVIATION)


def mean_shift(current: float, reference: float, deviation: float) -> float:
    """Change of the mean in standard deviations of the reference: |mean - mean'| / sd'; Glass's delta (Glass 1976).

    Args:
      current: mean of the column now.
      reference: mean in the reference.
      deviation: standard deviation of the reference; 0 counts as `LEAST_DEVIATION`.
    """
    return abs(current - reference) / (deviation or LEAST_DEVIATION)


def spread_shift(current: float, reference: float) -> float:
    """Change of the standard deviation: |ln(sd / sd')|, at most `LARGEST_SPREAD_SHIFT`; symmetric.

    0.69 where the spread doubled or halved. 0 for two constants.
    """
    if current == reference:
        return 0.0
    if min(current, reference) <= 0:
        return LARGEST_SPREAD_SHIFT
    return min(abs(math.log(current / reference)), LARGEST_SPREAD_SHIFT)
