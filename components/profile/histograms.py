"""TFDV's histograms, computed from a sketch's quantiles.

The same buckets as `tensorflow_data_validation.utils.quantiles_util` makes, which loops over buckets in Python: 5,000
of them for each numeric column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.sketches import QuantilesSketch

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of a column.

    Attributes:
      values: float64 [n + 1], not falling, from the smallest to the largest value.
      upto: float64 [n + 1], how many values are at most as large.
    """

    values: Floats
    upto: Floats

    @classmethod
    def of(cls, sketch: QuantilesSketch, count: int) -> Quantiles:
        """`count` quantiles, and the minimum, of what a sketch has seen."""
        values, upto = sketch.GetQuantilesAndCumulativeWeights(count)
        return cls(*(each.flatten().to_numpy(zero_copy_only=False).astype(np.float64) for each in (values, upto)))

    def every(self, step: int) -> Quantiles:
        """The minimum and each `step`-th quantile."""
        return Quantiles(self.values[::step], self.upto[::step])

    def median(self) -> float:
        """The middle quantile, or the mean of the middle two."""
        low, high = self.values[(len(self.values) - 1) // 2], self.values[len(self.values) // 2]
        return float(low if low == high else (low + high) / 2)

    def counts(self) -> Floats:
        """Number of values in each bucket between two quantiles, float64 [n].

        Buckets with the same upper end share their values evenly, and what equals the minimum belongs to the first.
        """
        high = self.values[1:]
        starts = np.flatnonzero(np.append(True, high[1:] != high[:-1]))
        sizes = np.diff(np.append(starts, len(high)))
        counts = np.repeat(np.add.reduceat(np.diff(self.upto), starts) / sizes, sizes)
        first = (self.values[:-1] == self.values[0]) & (high == high[0])
        counts[first] += self.upto[0] / first.sum()
        return counts


def quantile_histogram(quantiles: Quantiles) -> statistics_pb2.Histogram:
    """Buckets of about as many values each."""
    return _histogram(
        statistics_pb2.Histogram.QUANTILES, quantiles.values[:-1], quantiles.values[1:], quantiles.counts()
    )


def width_histogram(
    quantiles: Quantiles, low: float, high: float, infinite: tuple[float, float], buckets: int = 10
) -> statistics_pb2.Histogram:
    """Buckets of the same width, filled as if values lay evenly between quantiles; infinities have their own.

    Args:
      quantiles: of all values, infinities included.
      low: smallest finite value.
      high: largest finite value.
      infinite: number of values that are minus and plus infinity.
      buckets: how many buckets. A column with a single value has one.

    Returns:
      The histogram; without buckets where the width overflows.
    """
    kind = statistics_pb2.Histogram.STANDARD
    if not np.isfinite(high - low):
        return statistics_pb2.Histogram(type=kind)
    edges: Floats = np.linspace(low, high, 2 if low == high else buckets + 1, dtype=np.float64)
    below, above = infinite
    total = quantiles.upto[-1]
    upto = np.clip(_at(edges, quantiles, low, high), below, total - above) - below
    counts = np.diff(upto)
    counts[0] += upto[0]
    histogram = _histogram(kind, edges[:-1], edges[1:], counts)
    before, after = (
        [statistics_pb2.Histogram.Bucket(low_value=infinity, high_value=infinity, sample_count=count)] if count else []
        for infinity, count in ((-np.inf, below), (np.inf, above))
    )
    return statistics_pb2.Histogram(type=kind, buckets=[*before, *histogram.buckets, *after])


def _at(x: Floats, quantiles: Quantiles, low: float, high: float) -> Floats:
    """How many values are at most x, with straight lines between quantiles."""
    values = np.clip(quantiles.values, low, high)
    upto = np.concatenate([[0.0], np.cumsum(quantiles.counts())])
    before = np.searchsorted(values, x, side="right") - 1
    after = np.minimum(before + 1, len(values) - 1)
    width = values[after] - values[before]
    position = np.divide(x - values[before], width, out=np.zeros(len(x)), where=width > 0)
    return upto[before] + position * (upto[after] - upto[before])


def _histogram(
    kind: statistics_pb2.Histogram.HistogramType, low: Floats, high: Floats, counts: Floats
) -> statistics_pb2.Histogram:
    rows = zip(low.tolist(), high.tolist(), counts.tolist(), strict=True)
    buckets = [statistics_pb2.Histogram.Bucket(low_value=a, high_value=b, sample_count=n) for a, b, n in rows]
    return statistics_pb2.Histogram(type=kind, buckets=buckets)
