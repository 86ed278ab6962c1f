"""What is measured of one feature on both sides of a comparison, from its statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.drift.histograms import Cdf, ValueCounts, cdf, decile_cuts, pool, value_counts
from components.drift.metrics import categorical, numeric
from components.feature_statistics import common, missing_count, nan_count

FeatureType = Literal["numeric", "categorical", "unknown"]


@dataclass(frozen=True)
class Column:
    """One feature on one side of the comparison.

    Attributes:
      rows: number of rows of the data set.
      statistics: the feature's statistics; empty where the data set does not have it.
    """

    rows: int
    statistics: statistics_pb2.FeatureNameStatistics = field(default_factory=statistics_pb2.FeatureNameStatistics)

    @property
    def missing(self) -> float:
        """Share of the rows without a value, NaN included."""
        return missing_count(self.statistics) / self.rows

    @property
    def values(self) -> int:
        """Number of usable values."""
        return common(self.statistics).tot_num_values - nan_count(self.statistics)

    @cached_property
    def type(self) -> FeatureType:
        """`unknown` without values: TFDV then calls every column a string."""
        if not common(self.statistics).num_non_missing:
            return "unknown"
        kinds: dict[str | None, FeatureType] = {"num_stats": "numeric", "string_stats": "categorical"}
        return kinds.get(self.statistics.WhichOneof("stats"), "unknown")

    @cached_property
    def cdf(self) -> Cdf | None:
        """Distribution of a numeric column; None without finite values."""
        return cdf(self.statistics.num_stats)

    @cached_property
    def counts(self) -> ValueCounts:
        """Value counts of a categorical column."""
        return value_counts(self.statistics.string_stats)


@dataclass(frozen=True)
class Measured:
    """How far a feature lies from the reference.

    Attributes:
      metrics: by the names of `BoundSettings`; never NaN.
      bins: number of bins that the shares were compared on; None where values were not compared.
      new: values that the reference does not have, with their shares, largest first.
    """

    metrics: dict[str, float]
    bins: int | None = None
    new: Mapping[str, float] = field(default_factory=dict)


def measure(now: Column, then: Column) -> Measured:
    """Measures a feature that both sides have, of one type or without values.

    Args:
      now: the feature in the data at hand.
      then: the feature in the reference; both have rows.
    """
    metrics = {"missing": abs(now.missing - then.missing)}
    if now.type == then.type == "numeric":
        return _numeric(now, then, metrics)
    if now.type == then.type == "categorical":
        return _categorical(now, then, metrics)
    return Measured(metrics)


def _numeric(now: Column, then: Column, metrics: dict[str, float]) -> Measured:
    a, b = now.cdf, then.cdf
    if a is None or b is None:
        return Measured(metrics)
    metrics |= {
        "jensen_shannon": numeric.jensen_shannon(a, b),
        "psi": numeric.psi(a, b),
        "kolmogorov_smirnov": numeric.kolmogorov_smirnov(a, b),
    }
    x, y = now.statistics.num_stats, then.statistics.num_stats
    if all(map(math.isfinite, (x.mean, y.mean, x.std_dev, y.std_dev))):  # infinite values have no mean
        metrics |= {
            "wasserstein": numeric.wasserstein(a, b, y.std_dev),
            "mean_shift": numeric.mean_shift(x.mean, y.mean, y.std_dev),
            "spread_shift": numeric.spread_shift(x.std_dev, y.std_dev),
        }
    return Measured(metrics, bins=len(decile_cuts(pool(a, b)).values) + 1)


def _categorical(now: Column, then: Column, metrics: dict[str, float]) -> Measured:
    a, b = now.counts, then.counts
    new, vanished = categorical.new_values(a, b), categorical.new_values(b, a)
    metrics |= categorical.distances(a, b)
    metrics |= {
        "new_values": min(1.0, sum(new.values(), 0.0)),
        "vanished_values": min(1.0, sum(vanished.values(), 0.0)),
        "value_length": categorical.length_change(
            now.statistics.string_stats.avg_length, then.statistics.string_stats.avg_length
        ),
    }
    return Measured(metrics, bins=len(categorical.aligned(a, b)[0]), new=new)
