"""The gate's own rules: what must hold even where no curated schema says so."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, FeatureNameStatistics

from components.feature_statistics import by_name, common, row_count
from components.gate.findings import SHOWN, Finding, listed
from components.label import ColumnType, LabelSettings

Statistics = Mapping[str, DatasetFeatureStatisticsList]

TYPE_NAMES: dict[int, ColumnType] = {
    FeatureNameStatistics.INT: "int",
    FeatureNameStatistics.FLOAT: "float",
    FeatureNameStatistics.STRING: "string",
    FeatureNameStatistics.BYTES: "string",
}

ACCEPTS: dict[ColumnType, frozenset[ColumnType]] = {
    "float": frozenset({"float", "int"}),
    "int": frozenset({"int"}),
    "string": frozenset({"string"}),
}
"""Types of data that a column of a type in the settings may have."""


TRAIN = "train"
"""The split that the model learns from: a feature without a value in it can teach nothing, whatever the others hold."""


@dataclass(frozen=True)
class Ingested:
    """What ingestion counted.

    Attributes:
      rows: rows that were read.
      quarantined: rows that did not parse and were put aside.
      max_quarantined: share of all rows that may be put aside, in [0, 1].
      listed_in: the file that lists those that were put aside.
      first: place and reason of the first of them.
    """

    rows: int
    quarantined: int
    max_quarantined: float
    listed_in: str
    first: str = ""


def quarantine(ingested: Ingested) -> Iterator[Finding]:
    """More rows failed to parse than the settings allow."""
    total = ingested.rows + ingested.quarantined
    share = ingested.quarantined / total if total else 0.0
    if share > ingested.max_quarantined:
        yield Finding(
            "quarantine",
            None,
            "",
            expected=f"at most {ingested.max_quarantined:.3%} of the rows not to parse",
            seen=f"{share:.3%} ({ingested.quarantined:,} of {total:,}), the first at {ingested.first}; "
            f"all are listed in {ingested.listed_in}",
            rows=ingested.quarantined,
            margin=ingested.max_quarantined - share,
        )


def empty_splits(statistics: Statistics) -> Iterator[Finding]:
    """A split has no rows."""
    for split, of_split in statistics.items():
        if row_count(of_split) == 0:
            yield Finding("other", None, split, expected="rows in every split", seen="no rows", rows=0)


def columns(statistics: Statistics, named: Mapping[str, ColumnType | None]) -> Iterator[Finding]:
    """A column that the settings name is missing, without values (in the train split, where the model reads it), of
    another type, or holds NaN or infinities.

    Args:
      statistics: by split.
      named: type of each column in the settings; None where they give none (columns that only slices name).
    """
    present = {split: by_name(of_split) for split, of_split in statistics.items() if row_count(of_split)}
    for name, expected in named.items():
        having = {split: features[name] for split, features in present.items() if name in features}
        filled = {split: feature for split, feature in having.items() if common(feature).num_non_missing}
        if present and not having:
            known = sorted({column for features in present.values() for column in features})
            yield Finding("missing_column", name, "", expected="a column of this name", seen=f"only {listed(known)}")
        elif present and not filled:
            rows = sum(common(feature).num_missing for feature in having.values())
            yield Finding("all_missing", name, "", expected="values", seen="none in any row", rows=rows)
        elif expected is not None and TRAIN in present and TRAIN not in filled:
            rows = row_count(statistics[TRAIN])
            yield Finding(
                "all_missing", name, TRAIN, expected="values to learn from", seen="none in any row", rows=rows
            )
        for split, feature in filled.items():
            yield from _column(name, split, feature, expected)


def _column(name: str, split: str, feature: FeatureNameStatistics, expected: ColumnType | None) -> Iterator[Finding]:
    received = type_name(feature)
    if expected is not None and received not in ACCEPTS[expected]:
        yield Finding(
            "type",
            name,
            split,
            expected=f"{expected} values, as in the settings",
            seen=f"{received} values{examples(feature)}",
            rows=common(feature).num_non_missing,
        )
    elif counts := non_finite(feature):
        yield Finding(
            "non_finite",
            name,
            split,
            expected="finite numbers",
            values=counts,
            rows=sum(counts.values()),
        )


def label(statistics: Statistics, settings: LabelSettings, *, may_lack: bool = False) -> Iterator[Finding]:
    """The label is missing in some rows, takes values that are no class, or has a single class in a whole split.

    Args:
      statistics: by split.
      settings: the `label` section.
      may_lack: whether rows may have no label.
    """
    for split, of_split in statistics.items():
        feature = by_name(of_split).get(settings.name)
        if feature is None or not common(feature).num_non_missing:
            continue  # told as `missing_column` or `all_missing`
        if type_name(feature) not in ACCEPTS[settings.type]:
            continue  # told as `type`
        yield from _label(split, feature, settings, may_lack)


def _label(split: str, feature: FeatureNameStatistics, settings: LabelSettings, may_lack: bool) -> Iterator[Finding]:
    expected = f"one of {list(settings.values)} in every row" if settings.values else "a number in every row"
    missing = 0 if may_lack else common(feature).num_missing
    if settings.type == "string":
        values = values_outside(feature, {str(value) for value in settings.values})
        if missing:
            values["(no value)"] = missing
        if values:
            yield Finding("unexpected_value", settings.name, split, expected, values=values, rows=sum(values.values()))
    else:
        classes = {float(value) for value in settings.values}
        outside = _numbers_outside(feature, classes)
        seen = [*outside, *(["no value"] if missing else [])]
        rows = missing + (max(len(outside), rows_outside(feature, min(classes), max(classes))) if outside else 0)
        if seen:
            yield Finding(
                "unexpected_value", settings.name, split, expected, ", ".join(seen), rows, rows_exact=not outside
            )
    if (only := _constant(feature)) is not None:
        yield Finding(
            "constant_label",
            settings.name,
            split,
            expected="two classes or more" if settings.values else "more than one value",
            seen=f"only {only}",
            rows=common(feature).num_non_missing,
        )


def _constant(feature: FeatureNameStatistics) -> str | None:
    """The one value of a column, None where it has several."""
    if feature.WhichOneof("stats") == "string_stats":
        values = [bucket.label for bucket in feature.string_stats.rank_histogram.buckets]
        return repr(values[0]) if len(values) == 1 else None
    numbers = feature.num_stats
    return f"{numbers.min:g}" if numbers.min == numbers.max else None


def _numbers_outside(feature: FeatureNameStatistics, classes: set[float]) -> list[str]:
    """Values of an integer column that are no class, among those that the statistics name: quantiles, least, most."""
    numbers = feature.num_stats
    named = {numbers.min, numbers.max}
    for histogram in numbers.histograms:
        if histogram.type == histogram.QUANTILES:
            named.update(bucket.high_value for bucket in histogram.buckets)
    return [f"{value:g}" for value in sorted(named - classes)] if classes else []


def rows_outside(feature: FeatureNameStatistics, low: float, high: float) -> int:
    """Rows of a numeric column below `low` or above `high`, as far as the statistics tell: about, and 1 at least."""
    buckets = [b for h in feature.num_stats.histograms if h.type == h.STANDARD for b in h.buckets]
    rows = sum(bucket.sample_count for bucket in buckets if bucket.high_value < low or bucket.low_value > high)
    return max(1, round(rows))


def values_outside(feature: FeatureNameStatistics, known: Collection[str]) -> dict[str, int]:
    """Rows by (quoted) value of a string column, for the values that are not among `known`; most frequent first."""
    buckets = feature.string_stats.rank_histogram.buckets
    return {repr(bucket.label): round(bucket.sample_count) for bucket in buckets if bucket.label not in known}


def non_finite(feature: FeatureNameStatistics) -> dict[str, int]:
    """Rows with NaN and with infinities; empty for a column of finite numbers."""
    histograms = [h for h in feature.num_stats.histograms if h.type == h.STANDARD]
    nan = max((histogram.num_nan for histogram in histograms), default=0)
    infinite = sum(
        bucket.sample_count
        for histogram in histograms
        for bucket in histogram.buckets
        if bucket.low_value == bucket.high_value and math.isinf(bucket.low_value)
    )
    return {name: rows for name, rows in (("NaN", nan), ("infinity", round(infinite))) if rows}


def type_name(feature: FeatureNameStatistics) -> str:
    """Type of a column's data, in the words of the settings."""
    return TYPE_NAMES.get(feature.type, "other")


def examples(feature: FeatureNameStatistics) -> str:
    """A few values of a column, as a text to go after "received": frequent values, or the range."""
    if feature.WhichOneof("stats") == "string_stats":
        frequent = [repr(bucket.label) for bucket in feature.string_stats.rank_histogram.buckets[:SHOWN]]
        return f", such as {', '.join(frequent)}" if frequent else ""
    return f" from {feature.num_stats.min:g} to {feature.num_stats.max:g}"
