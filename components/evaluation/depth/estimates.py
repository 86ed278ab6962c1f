"""Metrics with their uncertainty: what a metric would have been on another test split of the same kind and size.

Every metric comes as an `Estimate`: its value and its influence function on the rows of the split, that is by how much
each row moves it. The influence function gives the standard error in one pass over the rows, without drawing samples,
and it pairs two models on the same rows: the influence of the difference is the difference of the influences. For a
mean that is the textbook's formula, for AUC it is DeLong's; for ratios and for the area under the precision-recall
curve it is the delta method (van der Vaart, Asymptotic Statistics, chapters 3 and 20).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

CONFIDENCE = 0.95

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]

Method = Literal["wilson", "delong", "normal", "delta", "bonett_price"]


@dataclass(frozen=True)
class Estimate:
    """A metric on some rows.

    Attributes:
      value: the metric.
      influence: [rows], with mean 0: sqrt(sum of squares) / rows is the standard error.
      method: how its interval is computed.
      scale: on which its interval is symmetric, where the value allows.
      trials: rows that the metric is about: all, or the positive ones for recall.
      hits: bool [trials], of a share whose trials are the same whatever the model.
    """

    value: float
    influence: Floats
    method: Method
    scale: Literal["log", "logit", "share", "f1"]
    trials: float
    hits: Bools | None = None

    @property
    def error(self) -> float:
        """The standard error; NaN for fewer than two rows."""
        return _error(self.influence) if self.trials > 1 else math.nan


@dataclass(frozen=True)
class Interval:
    """A value that lies between two bounds with the stated confidence; NaN where there are too few rows to tell."""

    value: float
    low: float
    high: float
    method: Method


def interval(estimate: Estimate, confidence: float = CONFIDENCE) -> Interval:
    """The confidence interval of a metric.

    Args:
      estimate: the metric.
      confidence: in how many of many test splits the interval would hold the metric's true value.

    Returns:
      Wilson's score interval of a share; of F1 the same, by way of TP / (TP + FP + FN), of which F1 is a function. Else
      the normal interval on the estimate's scale. Where the rows do not vary at all, such as where every positive row
      outranks every negative one, a normal interval would have no width: it is then Wilson's too.
    """
    z, value = quantile(confidence), estimate.value
    if estimate.scale == "share":
        return Interval(value, *wilson(value, estimate.trials, z), "wilson")
    if estimate.scale == "f1":
        low, high = wilson(value / (2 - value), estimate.trials, z)
        return Interval(value, 2 * low / (1 + low), 2 * high / (1 + high), "wilson")
    error = estimate.error
    if estimate.scale == "logit":
        if value in (0, 1) or error == 0:
            return Interval(value, *wilson(value, estimate.trials, z), "wilson")
        width = z * error / (value * (1 - value))
        low, high = special.expit(special.logit(value) + np.array([-width, width]))
        return Interval(value, float(low), float(high), estimate.method)
    if estimate.scale == "log" and value > 0:
        factor = math.exp(z * error / value) if z * error / value < 700 else math.inf
        return Interval(value, value / factor, value * factor, estimate.method)
    return Interval(value, value - z * error, value + z * error, estimate.method)


def difference(new: Estimate, served: Estimate, confidence: float = CONFIDENCE) -> Interval:
    """The difference of a metric between two models that were asked about the same rows, new minus served.

    Args:
      new: of one model.
      served: of the other.
      confidence: as in `interval`.

    Returns:
      The paired normal interval; for AUC that is the paired test of DeLong, DeLong and Clarke-Pearson (1988). A
      difference of shares is Bonett and Price's (2012): as if one more row had been right for each model alone, without
      which three rows that only one model gets right would pass for proof.
    """
    z, value = quantile(confidence), round(new.value - served.value, 12)  # equal on paper may differ in the last digit
    if new.hits is not None and served.hits is not None:
        rows = new.hits.size + 2
        gained = ((new.hits & ~served.hits).sum() + 1) / rows
        lost = ((served.hits & ~new.hits).sum() + 1) / rows
        width = z * math.sqrt((gained + lost - (gained - lost) ** 2) / rows)
        return Interval(value, float(gained - lost - width), float(gained - lost + width), "bonett_price")
    width = z * paired_error(new, served)
    return Interval(value, value - width, value + width, new.method)


def paired_error(new: Estimate, served: Estimate) -> float:
    """The standard error of the difference of two models; NaN for fewer than two rows."""
    if min(new.trials, served.trials) <= 1:
        return math.nan
    return _error(new.influence - served.influence)


def quantile(confidence: float) -> float:
    """How many standard errors an interval reaches to each side: 1.96 for 0.95."""
    return float(special.ndtri((1 + confidence) / 2))


def wilson(share: float, trials: float, z: float) -> tuple[float, float]:
    """Wilson's score interval of a share (1927).

    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). It holds for few rows, and for shares of 0 and 1.

    Args:
      share: in [0, 1].
      trials: how many rows.
      z: from `quantile`.

    Returns:
      Lower and upper bound; all of [0, 1] without rows.
    """
    if trials <= 0:
        return 0.0, 1.0
    weight = z * z / trials
    middle = share + weight / 2
    width = z * math.sqrt(max(share * (1 - share) / trials, 0) + weight / (4 * trials))
    low, high = (middle - width) / (1 + weight), (middle + width) / (1 + weight)
    return (0.0 if share == 0 else max(low, 0.0)), (1.0 if share == 1 else min(high, 1.0))


def mean(values: Floats) -> Estimate:
    """The mean of a loss of each row; its interval is symmetric in the logarithm, since losses are skewed."""
    centred = (values - values.mean()) * _correction(values.size)
    return Estimate(float(values.mean()), centred, "normal", "log", values.size)


def share(hits: Bools) -> Estimate:
    """The share of rows that are right."""
    centred = (hits - hits.mean()) * _correction(hits.size)
    return Estimate(float(hits.mean()), centred, "wilson", "share", hits.size, hits)


def share_of(hits: Bools, among: Bools, *, fixed: bool) -> Estimate | None:
    """The share of hits among some of the rows.

    Args:
      hits: [rows], of which those outside `among` do not count.
      among: [rows].
      fixed: whether `among` is the same for every model.

    Returns:
      The estimate; None where `among` is empty.
    """
    trials = int(among.sum())
    if not trials:
        return None
    value, influence = _ratio((hits & among).astype(float), among.astype(float), trials)
    return Estimate(value, influence, "wilson", "share", trials, hits[among] if fixed else None)


def f1(positive: Bools, called: Bools) -> Estimate | None:
    """2 TP / (2 TP + FP + FN); None where no row is positive and none is called so.

    Args:
      positive: [rows], by the label.
      called: [rows], by the model.
    """
    either = int((positive | called).sum())
    if not either:
        return None
    value, influence = _ratio(2.0 * (positive & called), positive.astype(float) + called, either)
    return Estimate(value, influence, "wilson", "f1", either)


def ratio_of_means(above: Floats, below: Floats) -> Estimate | None:
    """The ratio of two means, such as mean prediction by mean label; None where the lower one is 0."""
    if not below.sum():
        return None
    value, influence = _ratio(above, below, above.size)
    return Estimate(value, influence, "delta", "log", above.size)


def auc(positive: Bools, scores: Floats) -> Estimate | None:
    """Area under the ROC curve, with the variance of DeLong, DeLong and Clarke-Pearson (1988).

    By sorting, in O(n log n), as Sun and Xu (2014) do.

    Args:
      positive: [rows].
      scores: [rows].

    Returns:
      The estimate, whose interval is symmetric in the logit; None where there is a single class.
    """
    hits, misses = np.sort(scores[positive]), np.sort(scores[~positive])
    if not hits.size or not misses.size:
        return None
    beaten = (_below(misses, scores[positive]) + _below(misses, scores[positive], "right")) / (2 * misses.size)
    beating = 1 - (_below(hits, scores[~positive]) + _below(hits, scores[~positive], "right")) / (2 * hits.size)
    value = float(beaten.mean())
    influence = np.empty(scores.size)
    influence[positive] = (beaten - value) * (scores.size / hits.size) * _correction(hits.size)
    influence[~positive] = (beating - value) * (scores.size / misses.size) * _correction(misses.size)
    return Estimate(value, influence, "delong", "logit", min(hits.size, misses.size))


def auc_pr(positive: Bools, scores: Floats) -> Estimate | None:
    """Average precision: the mean, over the positive rows, of the precision at the row's own score.

    With N(t) = P(positive, score ≥ t), D(t) = P(score ≥ t) and the precision p = N/D, a row (y, s) has the influence

        (y (p(s) - AP) + E[(y - p(T)) / D(T); T ≤ s, T the score of a positive row]) / P(positive).

    Args:
      positive: [rows].
      scores: [rows].

    Returns:
      The estimate, whose interval is symmetric in the logit; None where there is a single class.
    """
    every, hits = np.sort(scores), np.sort(scores[positive])
    rows = every.size
    if hits.size in (0, rows):
        return None
    above = (rows - _below(every, hits)) / rows
    precision = (hits.size - _below(hits, hits)) / (above * rows)
    value = float(precision.mean())
    reached = _below(hits, scores, "right")
    one = np.concatenate(([0.0], np.cumsum(1 / above) / rows))[reached]
    weighted = np.concatenate(([0.0], np.cumsum(precision / above) / rows))[reached]
    own = np.zeros(rows)
    own[positive] = precision[_below(hits, scores[positive])] - value
    influence = (own + np.where(positive, one, 0) - weighted) * (rows / hits.size) * _correction(hits.size)
    return Estimate(value, influence, "delta", "logit", hits.size)


def macro(actual: npt.NDArray[np.int_], called: npt.NDArray[np.int_]) -> dict[str, Estimate]:
    """Precision, recall and F1 of each class, averaged over the classes that occur; 0/0 counts as 0.

    Args:
      actual: class of each row, [rows].
      called: class that the model gives it, [rows].

    Returns:
      `macro_precision`, `macro_recall`, `macro_f1`, each symmetric in the logit.
    """
    rows, classes = actual.size, 1 + int(max(actual.max(), called.max()))
    right = actual == called
    hits = np.bincount(actual[right], minlength=classes)
    of_label, of_model = np.bincount(actual, minlength=classes), np.bincount(called, minlength=classes)
    both = of_label + of_model
    present = int((both > 0).sum())
    weight = rows / present
    precision, recall, score = _safe(hits, of_model), _safe(hits, of_label), _safe(2 * hits, both)
    influences = {
        "macro_precision": (precision, (right - precision[called]) / of_model[called]),
        "macro_recall": (recall, (right - recall[actual]) / of_label[actual]),
        "macro_f1": (score, (right - score[actual]) / both[actual] + (right - score[called]) / both[called]),
    }
    return {
        name: Estimate(
            float(values.sum()) / present, influence * weight * _correction(rows), "delta", "logit", rows
        )
        for name, (values, influence) in influences.items()
    }  # fmt: skip


def _ratio(above: Floats, below: Floats, trials: int) -> tuple[float, Floats]:
    """A ratio of means, and its influence function by the delta method."""
    value = float(above.sum() / below.sum())
    return value, (above - value * below) / below.mean() * _correction(trials)


def _error(influence: Floats) -> float:
    return math.sqrt(float(np.dot(influence, influence))) / influence.size


def _correction(rows: int) -> float:
    """Bessel's correction of a standard deviation."""
    return math.sqrt(rows / (rows - 1)) if rows > 1 else 1.0


def _below(ordered: Floats, values: Floats, side: Literal["left", "right"] = "left") -> npt.NDArray[Any]:
    return np.searchsorted(ordered, values, side)


def _safe(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
