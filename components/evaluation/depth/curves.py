"""How the answers of a model fall: ROC, precision and recall, calibration, scores, residuals, confusion.

Every curve is thinned to `MOST` points, each of them a point of the curve itself: the distances between neighbours
along the curve are alike, so what is left out lies within a hundredth or so of what is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation import decision
from components.evaluation.depth.estimates import CONFIDENCE, Floats, quantile, wilson
from components.evaluation.depth.metrics import Answers

MOST = 200
BINS = 10
"""Of calibration and of predicted against actual: each with as many rows as the others."""
SCORE_BINS = 25
"""Of the histogram of scores, and of that of residuals."""
MOST_CLASSES = 100
"""Above this many classes a confusion matrix is no picture any more."""

Curves = dict[str, Any]


def curves(answers: Answers) -> Curves:
    """The curves of a task as plain data.

    Args:
      answers: of one row or more.

    Returns:
      binary: `roc`, `precision_recall` (each where both classes occur), `thresholds`, `calibration`, `scores`.
      multiclass: `calibration` and `scores` of the likeliest class.
      regression: `residuals`, `predicted_actual`.
    """
    if answers.task == "regression":
        predictions, actual = answers.model.scores.astype(float), answers.label.astype(float)
        return {
            "residuals": _histogram(actual - predictions),
            "predicted_actual": _predicted_actual(predictions, actual),
        }
    if answers.task == "multiclass":
        top, right = answers.model.scores.max(axis=1), answers.right
        return {"calibration": calibration(top, right), "scores": _by_class(top, ~right, right, ("wrong", "right"))}
    scores, positive = answers.model.scores, answers.label == 1
    return {
        **(_ranked(scores, positive) if positive.any() and not positive.all() else {}),
        "thresholds": by_threshold(scores, positive, answers.model.threshold),
        "calibration": calibration(scores, positive),
        "scores": _by_class(scores, ~positive, positive, ("negative", "positive")),
    }


def _ranked(scores: Floats, positive: npt.NDArray[np.bool_]) -> Curves:
    """ROC and precision-recall: every threshold's point, from that above all scores to that below all."""
    every = decision.thresholds(scores)[::-1]
    found = decision.confusion(every, scores, positive)
    recall, false, precision = found.recall, found.false_positives / (~positive).sum(), found.precision
    if recall[-1] < 1 or false[-1] < 1:  # a score of 0 lies above no threshold; the curves end with all rows even so
        every, precision = np.append(every, 0.0), np.append(precision, positive.mean())
        recall, false = np.append(recall, 1.0), np.append(false, 1.0)
    if recall[0] > 0 or false[0] > 0:  # nor does a threshold lie above a score of 1
        every, precision = np.insert(every, 0, 1.0), np.insert(precision, 0, np.nan)
        recall, false = np.insert(recall, 0, 0.0), np.insert(false, 0, 0.0)
    defined = np.isfinite(precision)
    roc = thin(false, recall)
    ranked = np.flatnonzero(defined)[thin(recall[defined], precision[defined])]
    return {
        "roc": {"false_positive_rate": false[roc], "recall": recall[roc], "threshold": every[roc]},
        "precision_recall": {
            "recall": recall[ranked], "precision": precision[ranked], "threshold": every[ranked]
        },
    }  # fmt: skip


def by_threshold(scores: Floats, positive: npt.NDArray[np.bool_], chosen: float) -> Curves:
    """What each threshold would make of the rows: hundredths, percentiles of the scores, and the one that is used.

    Args:
      scores: float32 [rows] in [0, 1].
      positive: [rows].
      chosen: the decision threshold.

    Returns:
      `threshold` rising, `precision`, `recall`, `f1` (NaN where not defined), `positive_share`.
    """
    even = np.linspace(0, 1, MOST // 2 + 1)[1:-1]
    candidates = np.unique(np.concatenate((even, np.quantile(scores, even), [chosen])).astype(np.float32))
    found = decision.confusion(candidates, scores, positive)
    called = found.true_positives + found.false_positives
    total = called + found.true_positives + found.false_negatives
    return {
        "threshold": candidates,
        "precision": found.precision,
        "recall": found.recall,
        "f1": np.divide(2 * found.true_positives, total, out=np.full(total.shape, np.nan), where=total > 0),
        "positive_share": called / scores.size,
    }


def calibration(scores: Floats, hits: npt.NDArray[np.bool_]) -> list[Curves]:
    """Mean score against share of hits, in bins of as many rows each; equal scores stay together.

    Args:
      scores: [rows], probabilities.
      hits: [rows], what they are probabilities of.

    Returns:
      A record for each bin, by rising score; `observed_low` and `observed_high` are Wilson's interval.
    """
    found = []
    z = quantile(CONFIDENCE)
    for rows in _equal_bins(scores):
        low, high = wilson(float(hits[rows].mean()), rows.size, z)
        found.append(
            {
                "low": scores[rows].min(),
                "high": scores[rows].max(),
                "rows": rows.size,
                "predicted": scores[rows].mean(dtype=float),
                "observed": hits[rows].mean(),
                "observed_low": low,
                "observed_high": high,
            }
        )
    return found


def _predicted_actual(predictions: Floats, actual: Floats) -> list[Curves]:
    found = []
    z = quantile(CONFIDENCE)
    for rows in _equal_bins(predictions):
        error = actual[rows].std(ddof=1) / np.sqrt(rows.size) if rows.size > 1 else np.nan
        mean = actual[rows].mean()
        found.append(
            {
                "low": predictions[rows].min(),
                "high": predictions[rows].max(),
                "rows": rows.size,
                "predicted": predictions[rows].mean(),
                "actual": mean,
                "actual_low": mean - z * error,
                "actual_high": mean + z * error,
            }
        )
    return found


def confusion(answers: Answers, classes: int) -> npt.NDArray[np.int_]:
    """Rows by [actual class, class that the model gives], shape [classes, classes]."""
    cells = answers.label.astype(int) * classes + answers.called
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def thin(x: Floats, y: Floats, most: int = MOST) -> npt.NDArray[np.intp]:
    """Which points of a curve to draw: first, last, and others as far apart along the curve as can be.

    Args:
      x: [points].
      y: [points].
      most: how many to keep.

    Returns:
      Positions, rising. Neighbours are at most 1 / (most - 1) of the curve's length apart, unless the curve itself
      jumps.
    """
    if x.size <= most:
        return np.arange(x.size)
    along = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))))
    wanted = np.linspace(0, along[-1], most)
    positions = np.searchsorted(along, wanted)
    positions[-1] = x.size - 1
    return np.unique(positions)


def _equal_bins(values: Floats) -> list[npt.NDArray[np.intp]]:
    order = np.argsort(values, kind="stable")
    # Edges between equal values move up, so that these stay together.
    edges = np.searchsorted(values[order], np.quantile(values, np.arange(1, BINS) / BINS), "right")
    return [rows for rows in np.split(order, np.unique(edges)) if rows.size]


def _by_class(
    scores: Floats, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], names: tuple[str, str]
) -> list[Curves]:
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    counts = [np.histogram(scores[rows], edges)[0] for rows in (first, second)]
    bins = zip(edges[:-1], edges[1:], *counts, strict=True)
    return [{"low": low, "high": high, names[0]: one, names[1]: other} for low, high, one, other in bins]


def _histogram(values: Floats) -> list[Curves]:
    """Counts of values between the 0.5 % and the 99.5 % quantile; the outer bins hold what lies beyond."""
    low, high = np.quantile(values, [0.005, 0.995])
    edges = np.linspace(low, high, SCORE_BINS + 1) if low < high else np.array([low, low])
    counts = np.histogram(np.clip(values, low, high), edges)[0] if low < high else [values.size]
    return [
        {"low": first, "high": last, "rows": rows}
        for first, last, rows in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
