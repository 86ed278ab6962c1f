"""Drift over time: the comparisons of all spans, and what the model in service was worth on each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

GROUPS = ("feature", "label", "prediction", "embedding")
"""What is compared, in the order in which it is shown; other groups follow."""


@dataclass(frozen=True)
class Comparison:
    """One span compared with a reference.

    Attributes:
      time: when it was made: ISO 8601, UTC.
      reference: `span`, `kind` and `uri` of what it was compared with.
      features: a record for each feature, as `drift.json` has them.
    """

    span: int
    run_id: str
    time: str
    reference: Mapping[str, Any]
    features: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Point:
    """One feature on one span.

    Attributes:
      score: the largest share of a metric in its threshold; above 1 is drift.
      metric: the metric with that share; None where none judges, as of a column that vanished.
      value: of the metric.
      threshold: of the metric.
      by: what found the drift; empty where there is none.
    """

    span: int
    score: float
    metric: str | None
    value: float | None
    threshold: float | None
    drifted: bool
    by: Sequence[str]
    message: str


@dataclass(frozen=True)
class Series:
    """One feature over the spans.

    Attributes:
      group: one of `GROUPS`.
      slice: the part of the rows that it is about, such as `payment_type=Cash`; None for all.
      points: by span, ascending; a span that did not compare it has none.
    """

    feature: str
    group: str
    slice: str | None
    points: tuple[Point, ...]

    @property
    def last(self) -> Point:
        """The point of the latest span."""
        return self.points[-1]

    @property
    def drifted(self) -> tuple[int, ...]:
        """The spans on which it drifted."""
        return tuple(point.span for point in self.points if point.drifted)


@dataclass(frozen=True)
class Performance:
    """The model in service on one span, as `monitor.json` has it.

    Attributes:
      model: `name` and `version` of the model in service.
      labelled: rows that had a label.
      measured: overall metrics on the rows with a label; empty where there were none.
      released: the same at the model's release.
      drops: how much worse it has become, by metric.
      estimated: `value`, `low` and `high` by metric, where they were estimated without labels.
    """

    span: int
    run_id: str
    time: str
    model: Mapping[str, Any]
    rows: int
    labelled: int
    measured: Mapping[str, float]
    released: Mapping[str, float]
    drops: Mapping[str, float]
    estimated: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Timeline:
    """All that is known of a pipeline's drift.

    Attributes:
      comparisons: one for each span, ascending.
      series: worst first within each group.
      performance: one for each span on which a model in service was judged, ascending.
      notices: what could not be read.
    """

    pipeline: str
    comparisons: tuple[Comparison, ...] = ()
    series: tuple[Series, ...] = ()
    performance: tuple[Performance, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def spans(self) -> tuple[int, ...]:
        """The spans that were compared."""
        return tuple(each.span for each in self.comparisons)


def timeline(
    pipeline: str,
    comparisons: Iterable[Comparison],
    performance: Iterable[Performance] = (),
    notices: Iterable[str] = (),
) -> Timeline:
    """Puts comparisons in order. Of several of one span the last one given counts.

    Args:
      pipeline: its name.
      comparisons: in the order in which they were made.
      performance: likewise.
      notices: what could not be read.
    """
    latest = {each.span: each for each in comparisons}
    ordered = [latest[span] for span in sorted(latest)]
    judged = {each.span: each for each in performance}
    return Timeline(
        pipeline, tuple(ordered), _series(ordered), tuple(judged[span] for span in sorted(judged)), tuple(notices)
    )


def select(
    whole: Timeline, *, features: Collection[str] = (), spans: Collection[int] | None = None, drifted: bool = False
) -> Timeline:
    """A part of a timeline.

    Args:
      whole: the timeline.
      features: names; none for all.
      spans: numbers; None for all.
      drifted: only features that drifted on one of these spans.
    """
    part = timeline(
        whole.pipeline,
        [each for each in whole.comparisons if spans is None or each.span in spans],
        [each for each in whole.performance if spans is None or each.span in spans],
        whole.notices,
    )
    return replace(
        part,
        series=tuple(
            each for each in part.series if (not features or each.feature in features) and (not drifted or each.drifted)
        ),
    )


def point(record: Mapping[str, Any], span: int) -> Point:
    """A feature's record in a drift report as a point.

    Raises:
      LookupError: the record lacks something.
      TypeError: or something in it is of another type.
    """
    metrics, bounds = record["metrics"], record["bounds"]
    judging = [name for name in metrics if bounds.get(name) is not None and metrics[name] is not None]
    metric = max(judging, key=lambda name: _share(metrics[name], bounds[name]), default=None)
    return Point(
        span=span,
        score=record["score"],
        metric=metric,
        value=metrics[metric] if metric else None,
        threshold=bounds[metric] if metric else None,
        drifted=record["drifted"],
        by=tuple(record["by"]),
        message=record["message"],
    )


def points(records: Iterable[Mapping[str, Any]], span: int) -> list[Point]:
    """The features' records of a span as points; raises what `point` does."""
    return [point(record, span) for record in records]


def _share(value: float, threshold: float) -> float:
    if threshold > 0:
        return value / threshold
    return float("inf") if value > 0 else 0.0


def _series(comparisons: Sequence[Comparison]) -> tuple[Series, ...]:
    points: dict[tuple[str, str, str | None], list[Point]] = {}
    for each in comparisons:
        for record in each.features:
            key = record["feature"], record["group"], record["slice"]
            points.setdefault(key, []).append(point(record, each.span))
    series = [Series(name, group, part, tuple(found)) for (name, group, part), found in points.items()]
    return tuple(sorted(series, key=_rank))


def _rank(series: Series) -> tuple[int, int, bool, float, str, str]:
    """By group; then the latest spans, what drifted on them, and the highest scores first."""
    group = GROUPS.index(series.group) if series.group in GROUPS else len(GROUPS)
    last = series.last
    return group, -last.span, not last.drifted, -last.score, series.feature, series.slice or ""
