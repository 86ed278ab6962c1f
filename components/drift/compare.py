"""The comparison of one span's statistics with another's, feature by feature."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.decisions import Decision, Outcome
from components.drift import metrics
from components.drift.histograms import cdf, value_counts
from components.drift.settings import Action, BoundSettings, DriftSettings
from components.feature_statistics import by_name, common, missing_count, row_count

FeatureType = Literal["numeric", "categorical", "unknown"]

OUTCOMES: dict[Action, Outcome] = {"log": "pass", "warn": "warn", "block": "block"}


@dataclass(frozen=True)
class FeatureDrift:
    """How one feature changed against the reference.

    Attributes:
      feature: name of the feature, or of the label.
      type: `numeric`, `categorical`, or `unknown` where neither side has values.
      metrics: what was measured, by the names of `BoundSettings`; never NaN. Empty where nothing can be compared.
      bounds: the bound in force for each metric.
      drifted: whether a metric lies above its bound, or the feature cannot be compared at all.
      by: metrics that lie above their bounds, the one furthest above first; else `vanished`, `type` or `no_rows`.
      action: what follows from drift.
      message: one sentence for a person.
    """

    feature: str
    type: FeatureType
    metrics: dict[str, float]
    bounds: dict[str, float]
    drifted: bool
    by: tuple[str, ...]
    action: Action
    message: str


@dataclass(frozen=True)
class _Column:
    """One feature on one side of the comparison."""

    rows: int
    statistics: statistics_pb2.FeatureNameStatistics = field(default_factory=statistics_pb2.FeatureNameStatistics)

    @property
    def missing(self) -> float:
        return missing_count(self.statistics) / self.rows

    @property
    def type(self) -> FeatureType:
        """`unknown` without values: TFDV then calls every column a string."""
        if not common(self.statistics).num_non_missing:
            return "unknown"
        return {"num_stats": "numeric", "string_stats": "categorical"}.get(
            self.statistics.WhichOneof("stats") or "", "unknown"
        )  # type: ignore[return-value]


def compare(
    current: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    settings: DriftSettings,
    features: Iterable[str],
    label: str,
) -> list[FeatureDrift]:
    """Compares the features that the settings name, and the label, with the reference.

    Args:
      current: statistics of the span at hand.
      reference: statistics of what it is compared with.
      settings: the `drift` section.
      features: names of the features.
      label: name of the label.

    Returns:
      One record for each feature, in the order given, then the label.
    """
    now, then = by_name(current), by_name(reference)
    rows_now, rows_then = row_count(current), row_count(reference)
    return [
        _compare(
            name,
            _Column(rows_now, now[name]) if name in now else None,
            _Column(rows_then, then[name]) if name in then else None,
            settings,
        )
        for name in dict.fromkeys((*features, label))
    ]


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


def _compare(name: str, now: _Column | None, then: _Column | None, settings: DriftSettings) -> FeatureDrift:
    own = settings.features.get(name)
    bounds = settings.bounds_of(name)
    action = (own and own.action) or settings.action

    def by_fact(drifted: str | None, message: str, kind: FeatureType = "unknown") -> FeatureDrift:
        return FeatureDrift(name, kind, {}, {}, drifted is not None, (drifted,) if drifted else (), action, message)

    if then is None or then.rows == 0:
        return by_fact(None, "The reference has no such column: nothing to compare with.")
    if now is None:
        return by_fact("vanished", "The reference has this column, the data do not.", then.type)
    if now.rows == 0:
        return by_fact("no_rows", "The data have no rows.", then.type)
    types = {now.type, then.type} - {"unknown"}
    if len(types) == 2:
        return by_fact("type", f"It is {now.type} now and was {then.type}.", now.type)
    measured, note = _measure(now, then)
    return _judge(name, types.pop() if types else "unknown", measured, bounds, action, note)


def _measure(now: _Column, then: _Column) -> tuple[dict[str, float], str]:
    """Metrics of a feature that both sides have, with the new values in words."""
    measured = {"missing": abs(now.missing - then.missing)}
    if "unknown" in (now.type, then.type):
        return measured, ""
    if now.type == "numeric":
        a, b = cdf(now.statistics.num_stats), cdf(then.statistics.num_stats)
        if a is not None and b is not None:
            measured |= {"jensen_shannon": metrics.jensen_shannon(a, b), "psi": metrics.numeric_psi(a, b)}
        return measured, ""
    counts, old = value_counts(now.statistics.string_stats), value_counts(then.statistics.string_stats)
    fresh = metrics.new_values(counts, old)
    measured |= {
        "l_infinity": metrics.l_infinity(counts, old),
        "psi": metrics.categorical_psi(counts, old),
        "new_values": min(1.0, sum(fresh.values())),
    }
    listed = ", ".join(f"{value!r} ({share:.1%})" for value, share in list(fresh.items())[:5])
    return measured, f" New values: {listed}." if listed else ""


def _judge(
    name: str, kind: FeatureType, measured: dict[str, float], bounds: BoundSettings, action: Action, note: str
) -> FeatureDrift:
    limits: dict[str, float] = {metric: getattr(bounds, metric) for metric in measured}
    above = [metric for metric, value in measured.items() if value > limits[metric]]
    above.sort(key=lambda metric: limits[metric] / measured[metric])
    if above:
        message = ", ".join(f"{metric} {measured[metric]:.3g} > {limits[metric]:g}" for metric in above) + "." + note
    else:
        message = "Within its bounds."
    return FeatureDrift(name, kind, measured, limits, bool(above), tuple(above), action, message)
