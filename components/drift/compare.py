"""The comparison of one span's statistics with another's, feature by feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.decisions import Decision, Outcome
from components.drift.measure import Column, FeatureType, Measured, measure
from components.drift.settings import Action, DriftSettings
from components.feature_statistics import by_name, row_count

OUTCOMES: dict[Action, Outcome] = {"log": "pass", "warn": "warn", "block": "block"}

HIGHEST_SCORE = 1000.0
"""The score of what has no number (`vanished`, `type`, `no_rows`), and the end of the scale for what has."""


@dataclass(frozen=True)
class FeatureDrift:
    """How one feature changed against the reference: a line of the drift log.

    Attributes:
      feature: name of the feature, or of the label.
      group: `feature`, `label`, `prediction` or `embedding`.
      slice: the part of the rows that is compared, such as `payment_type=Cash`; None: all.
      type: `numeric`, `categorical`, or `unknown` where neither side has values.
      metrics: what was measured, by the names of `BoundSettings`; never NaN. Empty where nothing can be compared.
      bounds: the thresholds in force, of those metrics that judge.
      noise: the level that chance explains, of metrics that judge; empty where thresholds are fixed.
      rows: number of rows.
      reference_rows: number of rows of the reference.
      bins: number of bins that shares were compared on; None where values were not compared.
      score: the largest value / threshold of the metrics that judge, at most `HIGHEST_SCORE`; above 1 is drift.
      drifted: whether a metric lies above its threshold, or the feature cannot be compared at all.
      by: metrics that lie above their thresholds, the one furthest above first; else `vanished`, `type` or `no_rows`.
      action: what follows from drift.
      message: one sentence for a person.
    """

    feature: str
    group: str
    slice: str | None
    type: FeatureType
    metrics: dict[str, float]
    bounds: dict[str, float]
    noise: dict[str, float]
    rows: int
    reference_rows: int
    bins: int | None
    score: float
    drifted: bool
    by: tuple[str, ...]
    action: Action
    message: str


def compare(
    current: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    settings: DriftSettings,
    features: Iterable[str],
    label: str | None,
) -> list[FeatureDrift]:
    """Compares the features that the settings name, and the label, with the reference.

    Args:
      current: statistics of the span at hand.
      reference: statistics of what it is compared with.
      settings: the `drift` section.
      features: names of the features.
      label: name of the label; None where there is none.

    Returns:
      One record for each feature and the label, that with the highest score first.
    """
    now, then = by_name(current), by_name(reference)
    rows, reference_rows = row_count(current), row_count(reference)
    drifts = [
        _compare(
            name,
            "label" if name == label else "feature",
            Column(rows, now[name]) if name in now else None,
            Column(reference_rows, then[name]) if name in then else None,
            settings,
        )
        for name in dict.fromkeys((*features, *([label] if label else [])))
    ]
    return sorted(drifts, key=lambda drift: -drift.score)


def decisions(drifts: Iterable[FeatureDrift], reference: str) -> list[Decision]:
    """Decision records of a comparison: one for each feature that drifted, or a single `pass`.

    Args:
      drifts: what `compare` found.
      reference: what was compared with, in words, such as `span 3 (in service)`.
    """
    drifts = list(drifts)
    found = [_decision(drift, reference) for drift in drifts if drift.drifted]
    if found:
        return found
    compared = sum(bool(drift.metrics) for drift in drifts)
    message = f"{compared} features compared with {reference}: none drifted."
    return [Decision("drift", "drift", "overall", "pass", message, value=0.0)]


def _decision(drift: FeatureDrift, reference: str) -> Decision:
    first = drift.by[0]
    advice = {
        "log": "Recorded only (action: log).",
        "warn": "The run goes on (action: warn).",
        "block": f"Nothing is trained. If the change is real, raise drift.features.{drift.feature}.bounds or set its "
        "action to warn; else mend the data.",
    }[drift.action]
    return Decision(
        step="drift",
        rule=f"drift:{first}",
        subject=drift.feature,
        outcome=OUTCOMES[drift.action],
        message=f"`{drift.feature}` drifted against {reference}: {drift.message} {advice}",
        value=drift.metrics.get(first),
        bound=f"<= {drift.bounds[first]:g}" if first in drift.bounds else None,
    )


def _compare(name: str, group: str, now: Column | None, then: Column | None, settings: DriftSettings) -> FeatureDrift:
    own = settings.features.get(name)
    judge = _Judge(
        name, group, (own and own.action) or settings.action, now.rows if now else 0, then.rows if then else 0
    )
    if then is None or then.rows == 0:
        return judge.by_fact(None, "The reference has no such column: nothing to compare with.")
    if now is None:
        return judge.by_fact("vanished", "The reference has this column, the data do not.", then.type)
    if now.rows == 0:
        return judge.by_fact("no_rows", "The data have no rows.", then.type)
    types = {now.type, then.type} - {"unknown"}
    if len(types) == 2:
        return judge.by_fact("type", f"It is {now.type} now and was {then.type}.", now.type)
    return judge.by_numbers(types.pop() if types else "unknown", measure(now, then), settings.bounds_of(name))


@dataclass(frozen=True)
class _Judge:
    """Makes the record of one feature."""

    feature: str
    group: str
    action: Action
    rows: int
    reference_rows: int

    def by_fact(self, drifted: str | None, message: str, kind: FeatureType = "unknown") -> FeatureDrift:
        """The record of a feature that cannot be measured."""
        by = (drifted,) if drifted else ()
        return self._record(kind, Measured({}), {}, HIGHEST_SCORE if by else 0.0, by, message)

    def by_numbers(self, kind: FeatureType, measured: Measured, bounds: dict[str, float]) -> FeatureDrift:
        """The record of a feature that was measured."""
        values = measured.metrics
        bounds = {metric: bounds[metric] for metric in values if metric in bounds}
        scores = {metric: _score(values[metric], bound) for metric, bound in bounds.items()}
        above = sorted((metric for metric in bounds if values[metric] > bounds[metric]), key=lambda m: -scores[m])
        message = "Within its bounds."
        if above:
            message = ", ".join(f"{metric} {values[metric]:.3g} > {bounds[metric]:.3g}" for metric in above) + "."
            message += _named(measured.new)
        return self._record(kind, measured, bounds, max(scores.values(), default=0.0), tuple(above), message)

    def _record(
        self,
        kind: FeatureType,
        measured: Measured,
        bounds: dict[str, float],
        score: float,
        by: tuple[str, ...],
        message: str,
    ) -> FeatureDrift:
        return FeatureDrift(
            feature=self.feature,
            group=self.group,
            slice=None,
            type=kind,
            metrics=measured.metrics,
            bounds=bounds,
            noise={},
            rows=self.rows,
            reference_rows=self.reference_rows,
            bins=measured.bins,
            score=score,
            drifted=bool(by),
            by=by,
            action=self.action,
            message=message,
        )


def _score(value: float, bound: float) -> float:
    if value == 0:
        return 0.0
    return min(value / bound, HIGHEST_SCORE) if bound else HIGHEST_SCORE


def _named(new: Mapping[str, float]) -> str:
    listed = ", ".join(f"{value!r} ({share:.1%})" for value, share in list(new.items())[:5])
    return f" New values: {listed}." if listed else ""
