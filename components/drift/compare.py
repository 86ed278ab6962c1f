"""The comparison of one span's statistics with another's, feature by feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.decisions import Decision, Outcome
from components.drift import noise
from components.drift.measure import Column, FeatureType, Measured, measure
from components.drift.settings import Action, DriftSettings, DriftStepSettings
from components.feature_statistics import by_name, by_slice, looks_like_id, row_count

OUTCOMES: dict[Action, Outcome] = {"log": "pass", "warn": "warn", "block": "block"}

HIGHEST_SCORE = 1000.0
"""The score of what has no number (`vanished`, `type`, `no_rows`), and the end of the scale for what has."""


@dataclass(frozen=True, kw_only=True)
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
    slice: str | None = None
    type: FeatureType
    metrics: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)
    rows: int
    reference_rows: int
    bins: int | None = None
    score: float
    drifted: bool
    by: tuple[str, ...] = ()
    action: Action
    message: str


def compare(
    current: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    settings: DriftSettings,
    features: Iterable[str],
    label: str | None,
    past: Sequence[statistics_pb2.DatasetFeatureStatisticsList] = (),
) -> list[FeatureDrift]:
    """Compares the features that the settings name, and the label, with the reference.

    Args:
      current: statistics of the span at hand.
      reference: statistics of what it is compared with.
      settings: the `drift` section.
      features: names of the features.
      label: name of the label; None where there is none.
      past: statistics of the spans up to the reference, oldest first; what they differ by among themselves is usual.

    Returns:
      One record for each feature and the label, that with the highest score first.
    """
    return ranked(each.drift() for each in _comparisons(current, reference, settings, features, label, past))


@dataclass(frozen=True)
class Comparison:
    """All that it takes to compare a feature, wherever that is done.

    Attributes:
      name: of the feature.
      group: of the record.
      slice: of the record.
      now: the feature's statistics; None where the data lack it.
      then: those of the reference; None where that lacks it.
      past: those of the spans up to the reference, oldest first.
      settings: the `drift` section.
    """

    name: str
    group: str
    slice: str | None
    now: Column | None
    then: Column | None
    past: tuple[Column, ...]
    settings: DriftSettings

    def drift(self) -> FeatureDrift:
        """Compares. Chance is drawn from a seed: it is the same every time."""
        drift = _compare(self.name, self.group, self.now, self.then, self.past, self.settings)
        return replace(drift, slice=self.slice)


def _comparisons(
    current: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    settings: DriftSettings,
    features: Iterable[str],
    label: str | None,
    past: Sequence[statistics_pb2.DatasetFeatureStatisticsList] = (),
    slice_: str | None = None,
) -> list[Comparison]:
    now, then, spans = _columns(current), _columns(reference), [_columns(each) for each in past]
    return [
        Comparison(
            name,
            "label" if name == label else "feature",
            slice_,
            now.get(name),
            then.get(name),
            tuple(columns[name] for columns in spans if name in columns),
            settings,
        )
        for name in dict.fromkeys((*features, *([label] if label else [])))
    ]


def comparisons(
    current: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    settings: DriftStepSettings,
    past: Sequence[statistics_pb2.DatasetFeatureStatisticsList] = (),
    monitored: Sequence[statistics_pb2.DatasetFeatureStatisticsList] = (),
) -> list[Comparison]:
    """What is to be compared: features and label, all and by slice, and what the monitor measured.

    Args:
      current: statistics of the span at hand, with its slices.
      reference: statistics of what it is compared with.
      settings: features, label and slices; bounds and actions.
      past: statistics of the spans up to the reference, oldest first.
      monitored: statistics of predictions and embeddings, now and in the reference, each named `GROUP/NAME`; or empty.

    Returns:
      One for each record. A slice that one side does not have has none.
    """
    names, label, drift = settings.features, settings.label, settings.drift
    found = _comparisons(current, reference, drift, names, label, past)
    now, then = by_slice(current, settings.slices), by_slice(reference, settings.slices)
    for name in sorted(now.keys() & then.keys()):
        found += _comparisons(now[name], then[name], drift, names, label, slice_=name)
    if monitored:
        recorded = drift.model_copy(update={"action": drift.monitored})
        now_, then_ = monitored
        measured = _comparisons(now_, then_, recorded, by_name(now_), None)
        found += [replace(each, group=each.name.partition("/")[0]) for each in measured]
    return found


def ranked(drifts: Iterable[FeatureDrift]) -> list[FeatureDrift]:
    """Records, that with the highest score first."""
    return sorted(drifts, key=lambda drift: -drift.score)


def _columns(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, Column]:
    rows = row_count(statistics)
    return {name: Column(rows, feature) for name, feature in by_name(statistics).items()}


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
    compared = sum(bool(drift.metrics) and drift.slice is None for drift in drifts)
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
    subject = drift.feature + (f" ({drift.slice})" if drift.slice else "")
    value, bound = drift.metrics.get(first), drift.bounds.get(first)
    return Decision(
        step="drift",
        rule=f"drift:{first}",
        subject=subject,
        outcome=OUTCOMES[drift.action],
        message=f"`{subject}` drifted against {reference}: {drift.message} {advice}",
        value=value,
        bound=None if bound is None else f"<= {bound:.3g}",
        rows=drift.rows,
        margin=None if value is None or bound is None else bound - value,
    )


def _compare(
    name: str, group: str, now: Column | None, then: Column | None, past: Sequence[Column], settings: DriftSettings
) -> FeatureDrift:
    own = settings.features.get(name)
    record = partial(
        FeatureDrift,
        feature=name,
        group=group,
        type=next((column.type for column in (now, then) if column and column.type != "unknown"), "unknown"),
        rows=now.rows if now else 0,
        reference_rows=then.rows if then else 0,
        action=(own and own.action) or settings.action,
    )
    fact = _fact(now, then)
    if fact:
        by, message = fact
        return record(score=HIGHEST_SCORE if by else 0.0, drifted=bool(by), by=by, message=message)
    assert now and then  # noqa: S101  `_fact` tells where one lacks
    measured = measure(now, then)
    bounds = {metric: bound for metric, bound in settings.bounds_of(name).items() if metric in measured.metrics}
    level = _level(now, then, past, bounds) if settings.thresholds == "learned" else {}
    thresholds = {metric: max(bound, level.get(metric, 0.0)) for metric, bound in bounds.items()}
    scores = {metric: _score(measured.metrics[metric], threshold) for metric, threshold in thresholds.items()}
    above = sorted((metric for metric, score in scores.items() if score > 1), key=lambda metric: -scores[metric])
    return record(
        metrics=measured.metrics,
        bounds=thresholds,
        noise=level,
        bins=measured.bins,
        score=max(scores.values(), default=0.0),
        drifted=bool(above),
        by=tuple(above),
        message=_message(measured, bounds, thresholds, above) + _distinct(now),
    )


def _fact(now: Column | None, then: Column | None) -> tuple[tuple[str, ...], str] | None:
    """What there is instead of a measurement: names for `by`, and a sentence; None where there are two columns."""
    if then is None or then.rows == 0:
        return (), "The reference has no such column: nothing to compare with."
    if now is None:
        return ("vanished",), "The reference has this column, the data do not."
    if now.rows == 0:
        return ("no_rows",), "The data have no rows."
    if "unknown" not in (now.type, then.type) and now.type != then.type:
        return ("type",), f"It is {now.type} now and was {then.type}."
    return None


def _level(now: Column, then: Column, past: Sequence[Column], bounds: Mapping[str, float]) -> dict[str, float]:
    chance = noise.levels(now, then, bounds)
    usual = noise.between_spans(past, now.rows, bounds)
    # What is usual holds chance's share already; only where it is more than that, chance comes on top.
    return {
        metric: level + usual[metric] if usual.get(metric, 0.0) > level else level for metric, level in chance.items()
    }


def _score(value: float, threshold: float) -> float:
    if value == 0:
        return 0.0
    return min(value / threshold, HIGHEST_SCORE) if threshold else HIGHEST_SCORE


def _distinct(now: Column) -> str:
    if not looks_like_id(now.statistics):
        return ""
    return f" Too many distinct values to compare ({now.statistics.string_stats.unique:,}): looks like an id."


def _message(
    measured: Measured, bounds: Mapping[str, float], thresholds: Mapping[str, float], above: Sequence[str]
) -> str:
    if above:
        values = (f"{metric} {measured.metrics[metric]:.3g} > {thresholds[metric]:.3g}" for metric in above)
        named = ", ".join(f"{value!r} ({share:.1%})" for value, share in list(measured.new.items())[:5])
        return ", ".join(values) + "." + (f" New values: {named}." if "new_values" in above else "")
    chance = [metric for metric, bound in bounds.items() if measured.metrics[metric] > bound]
    if chance:
        values = (f"{metric} {measured.metrics[metric]:.3g} (noise {thresholds[metric]:.3g})" for metric in chance)
        return "Above its bounds, but no more than noise explains: " + ", ".join(values) + "."
    return "Within its bounds."
