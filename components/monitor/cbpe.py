"""Confidence-based performance estimation (CBPE): how well a model does on rows that have no labels yet.

A calibrated score tells how probable each outcome of a row is, so that the confusion matrix, and what follows from it,
can be expected without a label: NannyML, "How it works: Confidence-based Performance Estimation"
(https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html). That the mean confidence tells the
accuracy goes back further; Garg et al. 2022, "Leveraging Unlabeled Data to Predict Out-of-Distribution Performance",
compare such estimates and show that none can work without assumptions.

What is assumed here: that a score means what it meant when the calibration was fitted. This holds where other rows
come (covariate shift), and not where the same rows get other labels (concept drift): then the estimate stays as it was
while the truth falls, and no error bar shows it. Only labels do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from components.monitor.calibration import Calibration
from components.monitor.record import Interval

DRAWS = 200
"""Sets of labels that are drawn for the error bar; its width is then right to about a twentieth."""

Z = 1.96
"""Half the width of a 95 % interval, in standard errors."""

Floats = npt.NDArray[np.floating]


def binary(scores: npt.ArrayLike, threshold: float, calibration: Calibration) -> dict[str, Interval]:
    """Estimates the performance of a binary model.

    Args:
      scores: [rows] in [0, 1], finite.
      threshold: rows whose score is greater are called positive.
      calibration: from score to the probability of the positive class.

    Returns:
      `binary_accuracy`, `precision`, `recall`, `f1` and `auc`, without those that are not defined: no precision where
      no row is called positive. Empty without rows.
    """
    score = np.asarray(scores, np.float32)
    if not score.size:
        return {}
    called, ranks = score > np.float32(threshold), rankdata(score)
    probability = calibration(score)
    return _with_bars(
        lambda labels: _binary_metrics(labels, called, ranks),
        probability,
        calibration.rows,
    )


def multiclass(confidence: npt.ArrayLike, calibration: Calibration) -> dict[str, Interval]:
    """Estimates the accuracy of a multiclass model: the mean of its calibrated confidence.

    Args:
      confidence: [rows] in [0, 1], finite: score of the likeliest class.
      calibration: from confidence to the probability that the answer is right.

    Returns:
      `accuracy`; empty without rows.
    """
    given = np.asarray(confidence, float)
    if not given.size:
        return {}
    return _with_bars(lambda right: {"accuracy": right.mean(axis=-1)}, calibration(given), calibration.rows)


def errors(estimated: Mapping[str, Interval], truth: Mapping[str, float]) -> dict[str, float]:
    """Estimate minus truth, of the metrics that both have."""
    return {name: each.value - truth[name] for name, each in estimated.items() if name in truth}


def binary_metrics(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> dict[str, float]:
    """What `binary` estimates, from labels.

    Args:
      labels: [rows] of 0 and 1, or the probability of 1.
      scores: [rows].
      threshold: rows whose score is greater are called positive.
    """
    score = np.asarray(scores, np.float32)
    found = _binary_metrics(np.asarray(labels, float), score > np.float32(threshold), rankdata(score))
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def _binary_metrics(labels: Floats, called: npt.NDArray[np.bool_], ranks: Floats) -> dict[str, Floats]:
    """Metrics from labels that are 0, 1, or probabilities.

    AUC is the Mann-Whitney statistic. With average ranks r (1 to n), sum(p (r - 1/2)) counts, for each pair of rows of
    which the first is positive with probability p and scores higher, half for a tie, p; P²/2 of that are pairs whose
    second row is positive too, P being the sum of p. Labels of 0 and 1 give the textbook's formula.

    Args:
      labels: [..., rows].
      called: [rows], whether the model calls a row positive.
      ranks: [rows], average ranks of the scores.
    """
    rows, positive = labels.shape[-1], labels.sum(axis=-1)
    hits, above = labels @ called, called.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "binary_accuracy": (2 * hits - above - positive + rows) / rows,
            "precision": hits / above,
            "recall": hits / positive,
            "f1": 2 * hits / (above + positive),
            "auc": (labels @ (ranks - 0.5) - positive**2 / 2) / (positive * (rows - positive)),
        }


def _with_bars(
    measure: Callable[[Floats], Mapping[str, Floats]], probability: Floats, fitted_on: int
) -> dict[str, Interval]:
    """Metrics expected under probabilities, with 95 % intervals.

    Two things may move the truth: which labels the rows come to have, which draws of labels show, and what the
    calibration got wrong by chance, which is as much for as many rows: in all sd * sqrt(1 + rows / fitted_on).

    Args:
      measure: metrics [...] of labels [..., rows].
      probability: [rows], that each label is 1.
      fitted_on: rows that the calibration was fitted on.
    """
    random = np.random.default_rng(0)
    drawn = measure((random.random((DRAWS, probability.size), np.float32) < probability).astype(np.float32))
    widen = np.sqrt(1 + probability.size / fitted_on) if fitted_on else 1.0
    found = {}
    for name, value in measure(probability).items():
        kept = drawn[name][np.isfinite(drawn[name])]
        if np.isfinite(value) and kept.size:
            half = Z * float(kept.std()) * widen
            found[name] = Interval(float(value), max(0.0, float(value - half)), min(1.0, float(value + half)))
    return found
