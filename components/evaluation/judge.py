"""Whether a model has earned its place: every rule of the `evaluation` section, each as a decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from components.decisions import Decision, Outcome
from components.evaluation.decision import Threshold
from components.evaluation.depth.estimates import CONFIDENCE, Interval
from components.evaluation.results import OVERALL, Evaluation, SliceKey, SliceMetrics, keys_of, slice_name
from components.evaluation.settings import LOWER_IS_BETTER, EvaluationSettings, ThresholdSettings

STEP = "judge"

RISK = 0.05
"""How likely it may be that a slice is blocked which is no worse than allowed."""

Worsening = Callable[[str, SliceKey, float], Interval | None]
"""From a metric, a slice and a confidence to the interval of how much worse the new model is."""

_CHOSEN_ON = "eval split"


def judge(
    candidate: Evaluation,
    baseline: Evaluation | None,
    training: Mapping[str, float],
    settings: EvaluationSettings,
    *,
    baseline_name: str = "the model in service",
    no_baseline: str = "there is no model in service to compare with",
    worsening: Worsening | None = None,
) -> list[Decision]:
    """Applies every rule to a new model.

    Args:
      candidate: metrics of the new model on the test split.
      baseline: metrics of the model in service on the same split; None where there is nothing to compare with.
        The change thresholds then pass, and say why.
      training: metrics of the new model on its training split, for `max_gap`.
      settings: the rules.
      baseline_name: what the model that is compared with is called in messages.
      no_baseline: why `baseline` is None.
      worsening: by how much the new model is worse on a slice, with its uncertainty (`Analysis.worsening`). Without it
        no slice is compared.

    Returns:
      One decision for each rule and subject, those on the whole test split first. Slices with too few rows or a
      single class are flagged: what a metric says of them means nothing.
    """
    return [
        *_value_rules(candidate, settings),
        *_change_rules(
            candidate[OVERALL], baseline[OVERALL] if baseline else None, settings, baseline_name, no_baseline, worsening
        ),
        *_gap_rules(candidate[OVERALL], training, settings),
        *_slice_rules(candidate, settings),
        *(_slice_changes(candidate, baseline, settings, worsening) if baseline and worsening else ()),
    ]


def chosen(threshold: Threshold) -> Decision:
    """How the decision threshold came about, as a decision; a rule that could not be met blocks."""
    rule = "decision_threshold"
    if threshold.unmet:
        message = f'no decision threshold by the rule "{threshold.rule}": {threshold.unmet}'
        return Decision(STEP, rule, _CHOSEN_ON, "block", message, None, threshold.rule, threshold.rows)
    shares = {"precision": threshold.precision, "recall": threshold.recall}
    told = " and ".join(f"{name} {_number(value)}" for name, value in shares.items() if value is not None)
    message = f"the decision threshold is {_number(threshold.value)} ({threshold.rule}): {told} on the eval split"
    return Decision(STEP, rule, _CHOSEN_ON, "pass", message, threshold.value, threshold.rule, threshold.rows)


def finite_scores(not_finite: int, rows: int) -> Decision:
    """The decision on rows for which the model gives no number; they have no part in any metric.

    Args:
      not_finite: how many they are, one or more.
      rows: how many were asked about.
    """
    message = (
        f"the scores of {not_finite:,} of {rows:,} rows are not numbers: look at the loss of the training steps, "
        "and at the features of these rows"
    )
    return Decision(STEP, "finite_scores", "overall", "block", message, not_finite, "<= 0", rows, -not_finite)


def loss(metric: str, value: float) -> float:
    """A metric as something to keep small, so that two models compare by a difference.

    What is better when higher changes its sign; `calibration` counts by its distance from 1.
    """
    if metric == "calibration":
        return abs(value - 1)
    return value if metric in LOWER_IS_BETTER else -value


def _value_rules(candidate: Evaluation, settings: EvaluationSettings) -> Iterator[Decision]:
    for metric, bounds in settings.thresholds.items():
        if bounds.min is not None or bounds.max is not None:
            found = candidate[OVERALL]
            if found.classes == 1:
                yield _decision(
                    f"threshold:{metric}", OVERALL, "block", found, None, _words(bounds),
                    f"the test split holds a single class, so {metric} says nothing: give it rows of every class",
                )  # fmt: skip
            else:
                yield _within(metric, bounds, OVERALL, found)


def _slice_rules(candidate: Evaluation, settings: EvaluationSettings) -> Iterator[Decision]:
    for metric, threshold in settings.thresholds.items():
        for name, bounds in threshold.slices.items():
            columns = settings.slices[name].features(name)
            keys = keys_of(candidate, columns)
            if not keys:
                message = f"no row of the test split has a value of {' and '.join(columns)}: {metric} was not judged"
                yield Decision(STEP, f"threshold:{metric}", name, "flag", message, None, _words(bounds), 0)
            for key in keys:
                found = candidate[key]
                unfit = _unfit(found, settings.min_slice_rows)
                if unfit:
                    yield _decision(
                        f"threshold:{metric}", key, "flag", found, found.metrics[metric], _words(bounds),
                        f"{slice_name(key)}: {unfit}, {metric} was not judged",
                    )  # fmt: skip
                else:
                    yield _within(metric, bounds, key, found)


def _change_rules(
    candidate: SliceMetrics,
    baseline: SliceMetrics | None,
    settings: EvaluationSettings,
    baseline_name: str,
    no_baseline: str,
    worsening: Worsening | None,
) -> Iterator[Decision]:
    for metric, change in settings.change_thresholds.items():
        rule, value = f"change_threshold:{metric}", candidate.metrics[metric]
        if baseline is None:
            message = f"{no_baseline}: the change threshold on {metric} does not apply"
            yield _decision(rule, OVERALL, "pass", candidate, value, None, message)
            continue
        served = baseline.metrics.get(metric)
        if served is None:
            message = f"{baseline_name} does not compute {metric} as the new one does: there is no comparing the two"
            yield _decision(rule, OVERALL, "flag", candidate, value, None, message)
            continue
        if change.max is None:
            continue
        allowed = change.max
        worse = loss(metric, value) - loss(metric, served)
        bound = f"worse by at most {_number(allowed)}" if allowed >= 0 else f"better by at least {_number(-allowed)}"
        told = f"{metric} is {_number(value)}, of {baseline_name} {_number(served)}"
        if worsening and (gap := worsening(metric, OVERALL, CONFIDENCE)):
            told += f": worse by {_range(gap)}"
        if not math.isfinite(value):
            yield _decision(rule, OVERALL, "block", candidate, value, bound, _not_a_number(metric, value))
        elif not math.isfinite(served):
            message = f"{told}: there is no comparing the two"
            yield _decision(rule, OVERALL, "flag", candidate, value, bound, message)
        elif worse <= allowed:
            yield _decision(rule, OVERALL, "pass", candidate, value, bound, told, allowed - worse)
        else:
            need = f"{told}; to pass it may be {bound}" if allowed >= 0 else f"{told}; to pass it must be {bound}"
            yield _decision(rule, OVERALL, "block", candidate, value, bound, need, allowed - worse)


def _slice_changes(
    candidate: Evaluation, baseline: Evaluation, settings: EvaluationSettings, worsening: Worsening
) -> Iterator[Decision]:
    """Compares two models slice by slice. Of many slices some look worse by chance: that is flagged and does not block.

    It is beyond chance if a model that is no worse than allowed on any value of the slice would look like this on one
    of them in at most one of twenty test splits.
    """
    for metric, change in settings.change_thresholds.items():
        rule = f"change_threshold:{metric}"
        for name, allowed in change.slices.items():
            bound = f"worse by at most {_number(allowed)}"
            keys = [key for key in keys_of(candidate, settings.slices[name].features(name)) if key in baseline]
            fit = [key for key in keys if not _unfit(candidate[key], settings.min_slice_rows)]
            for key in keys:
                found, told = candidate[key], slice_name(key)
                gap = worsening(metric, key, 1 - 2 * RISK / len(fit)) if key in fit else None
                if gap is None or not math.isfinite(gap.low):
                    why = _unfit(found, settings.min_slice_rows) or "not a number for both models"
                    message = f"{told}: {why}, the change of {metric} was not judged"
                    yield _decision(rule, key, "flag", found, found.metrics.get(metric), bound, message)
                    continue
                margin = allowed - gap.value
                beyond = gap.low > allowed
                outcome: Outcome = "pass" if margin >= 0 else "block" if beyond else "flag"
                message = f"{told}: {metric} is worse than in service by {_range(gap)}"
                if margin < 0:
                    message += f"; to pass it may be {bound}" if beyond else ": that may be chance"
                yield _decision(rule, key, outcome, found, found.metrics[metric], bound, message, margin)


def _gap_rules(
    candidate: SliceMetrics, training: Mapping[str, float], settings: EvaluationSettings
) -> Iterator[Decision]:
    for metric, allowed in settings.max_gap.items():
        rule, value = f"max_gap:{metric}", candidate.metrics[metric]
        trained = training.get(metric, math.nan)
        gap = loss(metric, value) - loss(metric, trained)
        bound = f"<= {_number(allowed)}"
        told = f"{metric} is {_number(trained)} on the training split and {_number(value)} on the test split"
        if not math.isfinite(gap):
            message = f"{told}: the gap cannot be told, so it does not pass"
            yield _decision(rule, OVERALL, "block", candidate, gap, bound, message)
        elif gap <= allowed:
            yield _decision(rule, OVERALL, "pass", candidate, gap, bound, told, allowed - gap)
        else:
            message = f"{told}: a gap of {_number(gap)}; to pass it must be {bound}"
            yield _decision(rule, OVERALL, "block", candidate, gap, bound, message, allowed - gap)


def _within(metric: str, bounds: ThresholdSettings, key: SliceKey, found: SliceMetrics) -> Decision:
    value = found.metrics[metric]
    rule, words = f"threshold:{metric}", _words(bounds)
    if not math.isfinite(value):
        return _decision(rule, key, "block", found, value, words, _not_a_number(metric, value))
    margin = min(
        value - bounds.min if bounds.min is not None else math.inf,
        bounds.max - value if bounds.max is not None else math.inf,
    )
    told = f"{slice_name(key)}: {metric} is {_number(value)}"
    if margin < 0:
        return _decision(rule, key, "block", found, value, words, f"{told}; to pass it must be {words}", margin)
    return _decision(rule, key, "pass", found, value, words, told, margin)


def _decision(
    rule: str,
    key: SliceKey,
    outcome: Outcome,
    found: SliceMetrics,
    value: float | None,
    bound: str | None,
    message: str,
    margin: float | None = None,
) -> Decision:
    # JSON has no NaN and no infinity: they are written as words.
    plain = value if value is None or math.isfinite(value) else str(value)
    if margin is not None:
        message += f"; {'passed' if margin >= 0 else 'missed'} by {abs(margin):.2g}"
    return Decision(STEP, rule, slice_name(key), outcome, message, plain, bound, found.rows, margin)


def _unfit(found: SliceMetrics, min_rows: int) -> str | None:
    """Why a slice cannot be judged, if so."""
    if found.rows < min_rows:
        return f"{found.rows} rows, fewer than {min_rows}"
    return "all rows have the same label" if found.classes == 1 else None


def _words(bounds: ThresholdSettings) -> str:
    low = f">= {_number(bounds.min)}" if bounds.min is not None else ""
    high = f"<= {_number(bounds.max)}" if bounds.max is not None else ""
    return " and ".join(filter(None, (low, high)))


def _range(gap: Interval) -> str:
    return f"{gap.value:.3g} ({gap.low:.3g} to {gap.high:.3g})"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _not_a_number(metric: str, value: float) -> str:
    return f"{metric} is {value}: the model's scores are of no use; look at the loss of the training steps"
