"""The data: the distribution of each feature against the reference, from TFDV's statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt
import numpy as np
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.drift.histograms import Cuts, cdf, value_counts
from pipeline.charts import theme
from pipeline.charts.theme import Chart

MOST = 20
"""Features that get a chart: those that changed most, or the first."""

BINS = 20
"""Of a histogram."""

VALUES = 10
"""Of a string feature; the others are summed up."""

OTHERS = "(all others)"

_FEW = 0.01
"""Share of the rows at either end that is left out of the range of a histogram, and counted in its last bin: an
outlier would leave a single bar."""

_TRACE = 0.0005
"""Share of missing values that is not worth a word."""

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatistics
Feature: TypeAlias = statistics_pb2.FeatureNameStatistics


def feature_profiles(
    current: Statistics, reference: Statistics | None = None, ranking: Sequence[str] = (), most: int = MOST
) -> dict[str, Chart]:
    """A small chart for each feature, those named in `ranking` first.

    Args:
      current: statistics of the rows at hand.
      reference: of the rows to compare with.
      ranking: names, such as drift's, the most changed first.
      most: charts at most.

    Returns:
      Charts by feature.
    """
    now, before = by_name(current), by_name(reference) if reference else {}
    names = [name for name in ranking if name in now] + [name for name in now if name not in set(ranking)]
    return {name: feature_profile(now[name], before.get(name)) for name in names[:most]}


def feature_profile(current: Feature, reference: Feature | None = None) -> Chart:
    """The distribution of one feature: bins of a number, the most frequent values of a string.

    Args:
      current: its statistics on the rows at hand.
      reference: its statistics on the rows to compare with; of another kind, they are left out.
    """
    name = feature_name(current)
    pairs = [(theme.CURRENT, current)]
    if reference is not None and reference.WhichOneof("stats") == current.WhichOneof("stats"):
        pairs.append((theme.REFERENCE, reference))
    kind = current.WhichOneof("stats")
    records: list[dict[str, Any]] = []
    if kind == "num_stats":
        records = _bins(pairs)
    elif kind == "string_stats":
        records = _values(pairs)
    if not records:
        return theme.empty(name, "It has no values here." if kind != "bytes_stats" else "Its values are bytes.")
    chart = _histogram(records) if kind == "num_stats" else _top_values(records)
    described = f"Distribution of {name}" + (", against the reference." if len(pairs) > 1 else ".")
    return theme.finished(chart, name, described, subtitle=_missing(pairs), height=theme.SMALL)


def numbers(current: Statistics, reference: Statistics | None = None) -> list[dict[str, Any]]:
    """Each feature in a row: missing values, mean and spread or the most frequent value, against the reference."""
    before = by_name(reference) if reference else {}
    rows = []
    for name, feature in by_name(current).items():
        row = {"feature": name, **_figures(feature)}
        if name in before:
            row |= {f"{key} in the reference": value for key, value in _figures(before[name]).items()}
        rows.append(row)
    return rows


def by_name(statistics: Statistics) -> dict[str, Feature]:
    """A data set's features by name."""
    return {feature_name(feature): feature for feature in statistics.features}


def feature_name(feature: Feature) -> str:
    """What a feature is called, whichever way TFDV wrote it."""
    return feature.name or ".".join(feature.path.step)


def _bins(pairs: Sequence[tuple[str, Feature]]) -> list[dict[str, Any]]:
    """Shares of the rows in bins of equal width, the same for both data sets."""
    found = {which: cdf(feature.num_stats) for which, feature in pairs}
    known = {which: distribution for which, distribution in found.items() if distribution is not None}
    if not known:
        return []
    ends = [distribution.quantiles(np.array([_FEW, 1 - _FEW])) for distribution in known.values()]
    edges = _edges(min(end[0] for end in ends), max(end[1] for end in ends), all(_whole(each) for _, each in pairs))
    inner = edges[1:-1]
    return [
        {"which": which, "low": float(edges[index]), "high": float(edges[index + 1]), "share": float(share)}
        for which, distribution in known.items()
        for index, share in enumerate(distribution.shares(Cuts(inner, np.zeros(len(inner), np.bool_))))
    ]


def _edges(low: float, high: float, whole: bool) -> NDArray[np.float64]:
    """Edges of bins; of whole numbers, each bin holds as many of them as the others."""
    if whole:
        width = max(1, math.ceil((high - low + 1) / BINS))
        return np.arange(math.floor(low), math.ceil(high) + width + 1, width, dtype=np.float64) - 0.5
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _whole(feature: Feature) -> bool:
    return feature.type == statistics_pb2.FeatureNameStatistics.INT


def _values(pairs: Iterable[tuple[str, Feature]]) -> list[dict[str, Any]]:
    """Shares of the most frequent values of either data set."""
    shares = {which: value_counts(feature.string_stats).shares() for which, feature in pairs}
    largest: dict[str, float] = {}
    for own in shares.values():
        for value, share in own.items():
            largest[value] = max(share, largest.get(value, 0.0))
    top = sorted(largest, key=lambda value: -largest[value])[:VALUES]
    records = [
        {"which": which, "value": _readable(value), "share": own.get(value, 0.0), "order": order}
        for which, own in shares.items()
        if own
        for order, value in enumerate(top)
    ]
    for which, own in shares.items():
        rest = 1 - sum(own.get(value, 0.0) for value in top)
        if own and rest > 1e-9:
            records.append({"which": which, "value": OTHERS, "share": rest, "order": len(top)})
    return records


def _histogram(records: list[dict[str, Any]]) -> list[alt.Chart]:
    """Bars for the current rows, and an outline of the reference before them: both can be seen where they overlap."""
    last = [{**each, "low": each["high"]} for each in records if each["high"] == records[-1]["high"]]
    bars, outline = (_side(records, theme.CURRENT), _side(records + last, theme.REFERENCE))
    color = theme.sides(records, "which", theme.CURRENT, theme.REFERENCE)
    x = alt.X("low:Q", bin="binned", title=None, scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(tickCount=5))
    y = alt.Y("share:Q", title=None, stack=None, axis=alt.Axis(format=".0%", tickCount=3))
    tooltip = _tooltip(alt.Tooltip("low:Q", format=".4~g"), alt.Tooltip("high:Q", format=".4~g"))
    return [
        bars.mark_bar(opacity=0.6).encode(x=x, x2="high:Q", y=y, color=color, tooltip=tooltip),
        outline.mark_line(interpolate="step-after", strokeWidth=1.5).encode(x=x, y=y, color=color, tooltip=tooltip),
    ]


def _side(records: Iterable[Mapping[str, Any]], which: str) -> alt.Chart:
    return alt.Chart(theme.data(each for each in records if each["which"] == which))


def _top_values(records: list[dict[str, Any]]) -> list[alt.Chart]:
    base = alt.Chart(theme.data(records)).encode(
        x=alt.X("value:N", title=None, sort=alt.SortField("order"), axis=alt.Axis(labelAngle=-35, labelLimit=70)),
        y=alt.Y("share:Q", title=None, axis=alt.Axis(format=".0%", tickCount=3)),
        color=theme.sides(records, "which", theme.CURRENT, theme.REFERENCE),
        xOffset=alt.XOffset("which:N", sort=[theme.CURRENT, theme.REFERENCE]),
        tooltip=_tooltip("value:N"),
    )
    return [base.mark_bar()]


def _tooltip(*more: Any) -> list[Any]:
    return [alt.Tooltip("which:N", title="rows"), *more, alt.Tooltip("share:Q", format=".2%")]


def _figures(feature: Feature) -> dict[str, Any]:
    figures: dict[str, Any] = {"missing": _missing_share(feature)}
    if feature.WhichOneof("stats") == "num_stats":
        return figures | {"mean": feature.num_stats.mean, "standard deviation": feature.num_stats.std_dev}
    if feature.WhichOneof("stats") == "string_stats":
        top = max(value_counts(feature.string_stats).counts.items(), key=lambda item: item[1], default=("", 0))[0]
        return figures | {"distinct": feature.string_stats.unique, "most frequent": top}
    return figures


def _missing(pairs: Iterable[tuple[str, Feature]]) -> str:
    shares: Mapping[str, float] = {which: _missing_share(feature) for which, feature in pairs}
    if max(shares.values()) < _TRACE:
        return ""
    return "missing: " + ", ".join(f"{share:.1%} {which}" for which, share in shares.items())


def _missing_share(feature: Feature) -> float:
    numbers = feature.WhichOneof("stats") == "num_stats"
    common = feature.num_stats.common_stats if numbers else feature.string_stats.common_stats
    return common.num_missing / max(1, common.num_missing + common.num_non_missing)


def _readable(value: str) -> str:
    return value if value.strip() else "(empty)"
