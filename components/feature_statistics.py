"""Reading the statistics protos that StatisticsGen writes."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import statistics_pb2

QUANTILE_BUCKETS = 50
"""Quantile buckets that the statistics step asks of TFDV (`StatsOptions.num_quantiles_histogram_buckets`).

With TFDV's ten, a value that a twentieth of the rows hold is lost between two edges, and drift of columns with few
different numbers is misread: on the two halves of the taxi trips, the PSI of `dropoff_community_area` came out as
0.67 for 0.004. With fifty, PSI and divergence of every column were within 0.01 of those with two hundred. TFDV spends
CPU on each bucket in Python: a hundred would double the statistics step of a small run.
"""


def by_name(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """Statistics of each top-level feature of a data set, by the feature's name."""
    return {
        feature.path.step[0] if feature.path.step else feature.name: feature
        for dataset in statistics.datasets[:1]
        for feature in dataset.features
    }


def row_count(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> int:
    """Number of rows that statistics were computed from."""
    return statistics.datasets[0].num_examples if statistics.datasets else 0


def missing_count(feature: statistics_pb2.FeatureNameStatistics) -> int:
    """Number of rows without a usable value: none at all, or NaN."""
    nan = max((histogram.num_nan for histogram in feature.num_stats.histograms), default=0)
    return common(feature).num_missing + nan


def common(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    """The statistics that features of every type have."""
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats if kind else statistics_pb2.CommonStatistics()
