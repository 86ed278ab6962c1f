"""Statistics of one column, gathered batch by batch in bounded memory: the protos that TFDV writes.

Rows may be looked at in several places, and what is known of them merged. Counts, extremes and lengths, and up to
16,384 different strings and some 10,000 numbers everything, are then as if one had seen all rows; mean and deviation
to the last digits, quantiles of more rows within the sketch's error. Merged in a certain order, it is the same to the
last bit every time.

They come from the sketches that TFDV uses, with its sizes but for one: 16,384 values of a column are counted exactly,
not 1,024. TFDV itself is left out because importing it imports TensorFlow and Beam, 4 s of CPU and half a gigabyte, and
because its generators take twice the CPU for the same sketches: here strings are counted in each batch before they are
sketched.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.sketches import KmvSketch, MisraGriesSketch, QuantilesSketch

from components.feature_statistics import MOST_LISTED, QUANTILE_BUCKETS
from components.profile.histograms import Quantiles, quantile_histogram, width_histogram

# TFDV's defaults (`StatsOptions` and `stats_impl`), but for `_COUNTED`.
_EPSILON = 0.01
_MOST_VALUES = 1 << 32
_FINE = 100
_LENGTH_BUCKETS = 10
_DISTINCT = 16384
_COUNTED = 16384
_TOP = 20
_LONG = 1024
_NO_TEXT, _LONG_TEXT = "__BYTES_VALUE__", "__LARGE_BYTES__"


class ColumnProfile(Protocol):
    """What is known of a column."""

    def add(self, column: pa.Array) -> None:
        """Looks at some more rows; null is a row without a value, a list one with several."""

    def merge(self, other: Any) -> None:
        """Takes over what is known of other rows of the same column."""

    def statistics(self, name: str, rows: int) -> statistics_pb2.FeatureNameStatistics:
        """The column's statistics; `rows` is how many rows the table has."""


class _Presence:
    """How many rows have a value, and how many values they have."""

    def __init__(self) -> None:
        self.rows, self.values = 0, 0
        self.fewest, self.most = sys.maxsize, 0
        self.lengths = QuantilesSketch(_EPSILON, _MOST_VALUES, 1)

    def add(self, column: pa.Array) -> pa.Array:
        """Counts rows and values, and returns the values."""
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            values = column.flatten()
            counted = pc.list_value_length(column).drop_null().value_counts()
            lengths, rows = counted.field(0), counted.field(1)
        else:
            values = column.drop_null()
            lengths, rows = pa.array([1]), pa.array([len(values)])
        present = pc.sum(rows).as_py() or 0
        if present:
            self.lengths.AddValues(lengths, rows)
            ends = pc.min_max(lengths)
            self.fewest, self.most = min(self.fewest, ends["min"].as_py()), max(self.most, ends["max"].as_py())
        self.rows += present
        self.values += len(values)
        return values

    def merge(self, other: _Presence) -> None:
        """Takes over the counts of other rows."""
        self.rows, self.values = self.rows + other.rows, self.values + other.values
        self.fewest, self.most = min(self.fewest, other.fewest), max(self.most, other.most)
        self.lengths.Merge(other.lengths)

    def statistics(self, rows: int) -> statistics_pb2.CommonStatistics:
        """What features of every type have; `rows` is how many rows the table has."""
        common = statistics_pb2.CommonStatistics(num_non_missing=self.rows, num_missing=rows - self.rows)
        if self.rows:
            common.min_num_values, common.max_num_values = self.fewest, self.most
            common.tot_num_values, common.avg_num_values = self.values, self.values / self.rows
            common.num_values_histogram.CopyFrom(quantile_histogram(Quantiles.of(self.lengths, _LENGTH_BUCKETS)))
        return common


class Numbers:
    """A column of numbers, or of lists of them.

    Mean and standard deviation are those of the finite values, where TFDV's would be infinite or NaN.
    """

    def __init__(self, kind: statistics_pb2.FeatureNameStatistics.Type) -> None:
        self._kind = kind
        self._presence = _Presence()
        self._quantiles = QuantilesSketch(_EPSILON, _MOST_VALUES, 1)
        self._finite, self._mean, self._squares = 0, 0.0, 0.0
        self._low, self._high = np.inf, -np.inf
        self._infinite = {-np.inf: 0, np.inf: 0}
        self._zeros, self._nan = 0, 0

    def add(self, column: pa.Array) -> None:
        """Looks at some more rows."""
        values = self._presence.add(column)
        x = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        if nan := np.count_nonzero(np.isnan(x)):
            self._nan += int(nan)
            x = x[~np.isnan(x)]
        if not len(x):
            return
        x = x + 0.0  # of 0.0 and -0.0, which are equal, the one that comes first would be told
        self._quantiles.AddValues(pa.array(x))
        self._zeros += len(x) - int(np.count_nonzero(x))
        low, high = float(x.min()), float(x.max())
        if np.isinf([low, high]).any():
            for infinity in self._infinite:
                self._infinite[infinity] += int(np.count_nonzero(x == infinity))
            x = x[np.isfinite(x)]
            if not len(x):
                return
            low, high = float(x.min()), float(x.max())
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._add_moments(len(x), float(x.mean()), float(x.var()) * len(x))

    def merge(self, other: Numbers) -> None:
        """Takes over what is known of other rows."""
        self._presence.merge(other._presence)
        self._quantiles.Merge(other._quantiles)
        self._zeros, self._nan = self._zeros + other._zeros, self._nan + other._nan
        for infinity in self._infinite:
            self._infinite[infinity] += other._infinite[infinity]
        self._low, self._high = min(self._low, other._low), max(self._high, other._high)
        if other._finite:
            self._add_moments(other._finite, other._mean, other._squares)

    def _add_moments(self, count: int, mean: float, squares: float) -> None:
        """Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances"."""
        total, distance = self._finite + count, mean - self._mean
        self._squares += squares + distance**2 * self._finite * count / total
        self._mean += distance * count / total
        self._finite = total

    def statistics(self, name: str, rows: int) -> statistics_pb2.FeatureNameStatistics:
        """The column's statistics."""
        numbers = statistics_pb2.NumericStatistics(common_stats=self._presence.statistics(rows))
        if self._presence.values > self._nan:
            quantiles = Quantiles.of(self._quantiles, _FINE * QUANTILE_BUCKETS)
            numbers.min, numbers.max = float(quantiles.values[0]), float(quantiles.values[-1])
            numbers.median, numbers.num_zeros = quantiles.median(), self._zeros
            if self._finite:
                numbers.mean, numbers.std_dev = self._mean, float(np.sqrt(self._squares / self._finite))
                infinite = (self._infinite[-np.inf], self._infinite[np.inf])
                numbers.histograms.append(width_histogram(quantiles, self._low, self._high, infinite))
            numbers.histograms.append(quantile_histogram(quantiles.every(_FINE)))
        elif self._nan:
            kinds = (statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES)
            numbers.histograms.extend(statistics_pb2.Histogram(type=kind) for kind in kinds)
        for histogram in numbers.histograms:
            histogram.num_nan = self._nan
        return statistics_pb2.FeatureNameStatistics(path={"step": [name]}, type=self._kind, num_stats=numbers)


class Texts:
    """A column of strings or bytes, or of lists of them."""

    def __init__(self) -> None:
        self._presence = _Presence()
        self._bytes = 0
        self._distinct = KmvSketch(_DISTINCT)
        self._top = MisraGriesSketch(_COUNTED)

    def add(self, column: pa.Array) -> None:
        """Looks at some more rows."""
        values = self._presence.add(column)
        if len(values):
            self._bytes += pc.sum(pc.binary_length(values)).as_py()
            counted = values.value_counts()
            self._distinct.AddValues(counted.field(0))
            self._top.AddValues(_labels(counted.field(0)), counted.field(1).cast(pa.float32()))

    def merge(self, other: Texts) -> None:
        """Takes over what is known of other rows."""
        self._presence.merge(other._presence)
        self._bytes += other._bytes
        self._distinct.Merge(other._distinct)
        self._top.Merge(other._top)

    def statistics(self, name: str, rows: int) -> statistics_pb2.FeatureNameStatistics:
        """The column's statistics."""
        texts = statistics_pb2.StringStatistics(common_stats=self._presence.statistics(rows))
        if self._presence.values:
            texts.avg_length = self._bytes / self._presence.values
            texts.unique = self._distinct.Estimate()
            counts = {pair["values"].decode(): pair["counts"] for pair in self._top.Estimate().to_pylist()}
            texts.invalid_utf8_count = int(counts.get(_NO_TEXT, 0))
            pairs = sorted(((count, label) for label, count in counts.items()), reverse=True)
            for rank, (count, label) in enumerate(pairs[:MOST_LISTED]):
                if rank < _TOP:
                    texts.top_values.add(value=label, frequency=count)
                texts.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, sample_count=count, label=label)
        kind = statistics_pb2.FeatureNameStatistics.STRING
        return statistics_pb2.FeatureNameStatistics(path={"step": [name]}, type=kind, string_stats=texts)


class Images:
    """A column of bytes that are no text, such as pictures: of which the length is told."""

    def __init__(self) -> None:
        self._presence = _Presence()
        self._bytes, self._fewest, self._most = 0, sys.maxsize, 0

    def add(self, column: pa.Array) -> None:
        """Looks at some more rows."""
        values = self._presence.add(column)
        if len(values):
            lengths = pc.binary_length(values)
            self._bytes += pc.sum(lengths).as_py()
            ends = pc.min_max(lengths)
            self._fewest, self._most = min(self._fewest, ends["min"].as_py()), max(self._most, ends["max"].as_py())

    def merge(self, other: Images) -> None:
        """Takes over what is known of other rows."""
        self._presence.merge(other._presence)
        self._bytes += other._bytes
        self._fewest, self._most = min(self._fewest, other._fewest), max(self._most, other._most)

    def statistics(self, name: str, rows: int) -> statistics_pb2.FeatureNameStatistics:
        """The column's statistics."""
        found = statistics_pb2.BytesStatistics(common_stats=self._presence.statistics(rows))
        if self._presence.values:
            found.avg_num_bytes = self._bytes / self._presence.values
            found.min_num_bytes, found.max_num_bytes = self._fewest, self._most
            found.max_num_bytes_int = self._most
        kind = statistics_pb2.FeatureNameStatistics.BYTES
        return statistics_pb2.FeatureNameStatistics(path={"step": [name]}, type=kind, bytes_stats=found)


def _labels(values: pa.Array) -> pa.Array:
    """Values as text; in place of long ones, and of those that are no UTF-8, what TFDV counts them as."""
    lengths = pc.binary_length(values)
    if pc.max(lengths).as_py() > _LONG:
        values = pc.if_else(pc.greater(lengths, _LONG), pa.scalar(_LONG_TEXT, values.type), values)
    with suppress(pa.ArrowInvalid):
        return values.cast(pa.string())
    return pa.array([_label(value) for value in values.to_pylist()], pa.string())


def _label(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _NO_TEXT
