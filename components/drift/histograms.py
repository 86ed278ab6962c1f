"""Distributions as the statistics protos hold them: value counts, and CDFs pieced together from histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import statistics_pb2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cdf:
    """A distribution function that is linear between its knots and may jump at them.

    Attributes:
      x: knots, float64 [k], rising, k >= 1.
      below: P(X < x), float64 [k]; the first is 0.
      upto: P(X <= x), float64 [k]; the last is 1. Greater than `below` where the column has an atom.
    """

    x: Floats
    below: Floats
    upto: Floats

    def at(self, values: Floats, inclusive: NDArray[np.bool_] | bool) -> Floats:
        """P(X <= value) where `inclusive`, else P(X < value); float64, the shape of `values`."""
        before = np.clip(np.searchsorted(self.x, values, side="right") - 1, 0, len(self.x) - 1)
        after = np.minimum(before + 1, len(self.x) - 1)
        width = self.x[after] - self.x[before]
        position = np.clip((values - self.x[before]) / np.where(width > 0, width, 1), 0, 1)
        between = self.upto[before] + position * (self.below[after] - self.upto[before])
        on_knot = np.where(inclusive, self.upto[before], self.below[before])
        result = np.where(values == self.x[before], on_knot, between)
        return np.where(values < self.x[0], 0.0, np.where(values > self.x[-1], 1.0, result))

    def quantiles(self, shares: Floats) -> Floats:
        """Smallest x with P(X <= x) >= share, for shares in (0, 1]; float64, the shape of `shares`."""
        x, p = np.repeat(self.x, 2), np.column_stack([self.below, self.upto]).ravel()
        above = np.clip(np.searchsorted(p, shares - 1e-9, side="left"), 1, len(p) - 1)
        rise = p[above] - p[above - 1]
        position = np.where(rise > 0, (shares - p[above - 1]) / np.where(rise > 0, rise, 1), 0)
        return x[above - 1] + np.clip(position, 0, 1) * (x[above] - x[above - 1])

    def shares(self, cuts: Cuts) -> Floats:
        """Share of the values in each bin that `cuts` separate; float64 [cuts + 1], sums to 1."""
        return np.diff(self.at(cuts.values, cuts.inclusive), prepend=0.0, append=1.0)


@dataclass(frozen=True)
class Cuts:
    """Where one bin ends and the next begins.

    Attributes:
      values: float64 [n], not falling.
      inclusive: whether a value that equals the cut lies in the bin below it; bool [n].
    """

    values: Floats
    inclusive: NDArray[np.bool_]


def decile_cuts(distribution: Cdf) -> Cuts:
    """Cuts at the nine deciles, each once however many rows share its value.

    Where the lowest decile is the minimum itself, a cut just below it is added: else values that fall below all
    that was ever seen would share a bin with the minimum, and go unnoticed.
    """
    values = np.unique(distribution.quantiles(np.arange(1, 10) / 10))
    inclusive = np.ones(len(values), np.bool_)
    if values[0] == distribution.x[0]:
        values, inclusive = np.concatenate([values[:1], values]), np.concatenate([[False], inclusive])
    return Cuts(values, inclusive)


def pool(a: Cdf, b: Cdf) -> Cdf:
    """The distribution of two columns of the same length taken together: the mean of both CDFs."""
    x = np.union1d(a.x, b.x)
    below, upto = ((a.at(x, inclusive) + b.at(x, inclusive)) / 2 for inclusive in (False, True))
    return Cdf(x, below, upto)


def cdf(numbers: statistics_pb2.NumericStatistics) -> Cdf | None:
    """Distribution of a numeric column, from both histograms that TFDV writes.

    The quantile histogram is fine where the rows are, and so stands up to outliers; the one of equal widths is
    fine where the rows are few. A value that bounds a quantile bucket on both sides is an atom: one bucket's
    worth of rows or more hold it. NaN is left out; infinities count as the largest or smallest finite bucket edge.

    Returns:
      None for a column without finite values.
    """
    filled = [histogram for histogram in numbers.histograms if _counts(histogram).sum() > 0]
    histograms = [(_edges(histogram), _counts(histogram)) for histogram in filled]
    every_edge = np.concatenate([edges.ravel() for edges, _ in histograms] or [np.empty(0)])
    finite = every_edge[np.isfinite(every_edge)]
    if not finite.size:
        return None
    points: dict[float, float] = {}
    atoms: set[float] = set()
    for edges, counts in histograms:
        edges = np.clip(edges, finite.min(), finite.max())
        points.setdefault(float(edges[0, 0]), 0.0)
        for (low, high), share in zip(edges.tolist(), (np.cumsum(counts) / counts.sum()).tolist(), strict=True):
            points[high] = max(points.get(high, 0.0), share)
            if low == high:
                atoms.add(high)
        if numbers.min == 0:  # then zeros are an atom at the low end, and TFDV counts them exactly
            points[0.0] = max(points.get(0.0, 0.0), numbers.num_zeros / float(counts.sum()))
    x = np.array(sorted(points), np.float64)
    upto = np.maximum.accumulate(np.array([points[value] for value in x.tolist()], np.float64))
    upto = np.minimum(upto / upto[-1], 1.0)
    jumps = np.isin(x, np.array(sorted(atoms), np.float64))
    below = np.where(jumps, np.concatenate([[0.0], upto[:-1]]), upto)
    below[0] = 0.0
    return Cdf(x, below, upto)


def _edges(histogram: statistics_pb2.Histogram) -> Floats:
    return np.array([(bucket.low_value, bucket.high_value) for bucket in histogram.buckets], np.float64).reshape(-1, 2)


def _counts(histogram: statistics_pb2.Histogram) -> Floats:
    return np.array([bucket.sample_count for bucket in histogram.buckets], np.float64)


SKETCH_ERROR = 1 / 1024
"""By how much the share of a listed value may be too high where a column has more values than TFDV's sketch holds."""


@dataclass(frozen=True)
class ValueCounts:
    """How often each value of a categorical column was seen.

    Attributes:
      counts: rows by value; TFDV lists the 1,000 most frequent values.
      unlisted: rows whose value is not listed.
      complete: whether every value is listed.
    """

    counts: dict[str, float]
    unlisted: float = 0.0
    complete: bool = True

    @property
    def total(self) -> float:
        """Number of values seen."""
        return sum(self.counts.values()) + self.unlisted

    @property
    def least(self) -> float:
        """Share that a value which is not listed may have: 0 where every value is listed."""
        return 0.0 if self.complete else min(self.shares().values(), default=0.0) + SKETCH_ERROR

    def shares(self) -> dict[str, float]:
        """Share of each listed value; empty for a column without values."""
        total = self.total
        return {value: count / total for value, count in self.counts.items()} if total else {}


def value_counts(strings: statistics_pb2.StringStatistics) -> ValueCounts:
    """Value counts of a categorical column, exact for up to 1,000 different values."""
    counts: dict[str, float] = {}
    for bucket in strings.rank_histogram.buckets:
        counts[bucket.label] = counts.get(bucket.label, 0.0) + bucket.sample_count
    unlisted = max(0.0, strings.common_stats.tot_num_values - sum(counts.values()))
    return ValueCounts(counts, unlisted, complete=strings.unique <= len(counts))
