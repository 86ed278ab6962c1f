"""Reading the statistics protos that StatisticsGen writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tensorflow_metadata.proto.v0 import statistics_pb2

QUANTILE_BUCKETS = 50
"""Quantile buckets that the statistics step asks of TFDV (`StatsOptions.num_quantiles_histogram_buckets`).

With TFDV's ten, a value that a twentieth of the rows hold is lost between two edges, and drift of columns with few
different numbers is misread: on the two halves of the taxi trips, the PSI of `dropoff_community_area` came out as
0.67 for 0.004. With fifty, PSI and divergence of every column were within 0.01 of those with two hundred. On Beam,
TFDV spends CPU on each bucket in Python.
"""


MOST_LISTED = 1000
"""Values of a string column that statistics list with their counts, the most frequent first."""

WHOLE = "All Examples"
"""TFDV's name of the whole data set, where the statistics hold slices of it too."""


def whole(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics of all rows: those named `WHOLE`, where there are slices; empty where there are none at all."""
    empty = statistics_pb2.DatasetFeatureStatistics()
    named = (dataset for dataset in statistics.datasets if dataset.name == WHOLE)
    return next(named, next(iter(statistics.datasets), empty))


def by_slice(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, slices: Iterable[Sequence[str]]
) -> dict[str, statistics_pb2.DatasetFeatureStatisticsList]:
    """Statistics of each slice that is there, by its name: `payment_type=Cash`, or `hour=9 & payment_type=Cash`.

    TFDV calls these `payment_type_Cash` and `hour_9_payment_type_Cash`. Rows without a value are in no slice, but for
    those in a batch where no row has one, which TFDV gives the value `None`: that slice is left out.

    Args:
      statistics: of a whole data set and its slices.
      slices: the columns of each slicing, as the statistics step was given them.
    """
    found = {}
    for columns in slices:
        pattern = re.compile("_".join(f"{re.escape(column)}_(.*)" for column in sorted(columns)), re.DOTALL)
        for dataset in statistics.datasets:
            match = pattern.fullmatch(dataset.name)
            if match and dataset.name != WHOLE and "None" not in match.groups():
                pairs = zip(sorted(columns), match.groups(), strict=True)
                name = " & ".join(f"{column}={value}" for column, value in pairs)
                found[name] = statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
    return dict(sorted(found.items()))


def by_name(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """Statistics of each top-level feature of the whole data set, by the feature's name."""
    return {
        feature.path.step[0] if feature.path.step else feature.name: feature for feature in whole(statistics).features
    }


def row_count(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> int:
    """Number of rows that statistics were computed from, slices aside."""
    return whole(statistics).num_examples


def missing_count(feature: statistics_pb2.FeatureNameStatistics) -> int:
    """Number of rows without a usable value: none at all, or NaN."""
    return common(feature).num_missing + nan_count(feature)


def nan_count(feature: statistics_pb2.FeatureNameStatistics) -> int:
    """Number of values that are NaN."""
    return max((histogram.num_nan for histogram in feature.num_stats.histograms), default=0)


def missing_rows(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> int:
    """Number of rows without a usable value of a feature: all of them, where there is no such feature."""
    feature = by_name(statistics).get(name)
    return row_count(statistics) if feature is None else missing_count(feature)


def common(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    """The statistics that features of every type have."""
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats if kind else statistics_pb2.CommonStatistics()


def looks_like_id(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    """Whether most rows have a string of their own: too many, beyond those listed, to compare their frequencies."""
    unique = feature.string_stats.unique
    return unique > MOST_LISTED and unique > feature.string_stats.common_stats.tot_num_values / 2
