"""What scores mean: the probability that goes with a score, fitted on rows whose labels are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

ISOTONIC_ROWS = 10_000
"""Fewer rows bend an isotonic regression to chance, and what it says of itself is then too good: fitted on 1,500 rows,
simulated estimates of AUC were 0.006 to 0.012 too high, on 10,000 rows 0.004, and Platt's curve 0.002 at most.
(Niculescu-Mizil and Caruana 2005, "Predicting Good Probabilities With Supervised Learning", section 5, would have it
from 1,000 rows on; they judge single probabilities.)"""

PLATT_ROWS = 50
"""Fewer rows are no ground for a calibration."""

EPSILON = 1e-7
"""Scores are taken to lie this far from 0 and 1."""

Floats = npt.NDArray[np.floating]
Method = Literal["isotonic", "platt", "none"]


@dataclass(frozen=True)
class Calibration:
    """A rising function from score to probability.

    Attributes:
      method: `isotonic`, a line through knots; `platt`, a logistic curve; `none`, the score itself.
      rows: rows that it was fitted on.
      scores: rising scores of the knots; empty but for `isotonic`.
      probabilities: the probability at each.
      slope: of the logistic curve in the score's logit.
      intercept: of the same.
    """

    method: Method
    rows: int
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """Probabilities of scores in [0, 1], of the same shape."""
        given = np.asarray(scores, float)
        if self.method == "isotonic":
            return np.interp(given, self.scores, self.probabilities)
        if self.method == "platt":
            return np.asarray(expit(self.slope * logits(given) + self.intercept))
        return given

    def plain(self) -> dict[str, Any]:
        """As data for `json.dumps`."""
        return asdict(self)


def from_plain(record: Mapping[str, Any]) -> Calibration:
    """The calibration of which `plain` made a record."""
    knots = {name: tuple(record[name]) for name in ("scores", "probabilities")}
    return Calibration(**{**record, **knots})


def fit(scores: npt.ArrayLike, hits: npt.ArrayLike) -> Calibration:
    """Fits a calibration: isotonic with many rows, Platt's with few, none with too few or with a single outcome.

    Args:
      scores: [rows] in [0, 1].
      hits: [rows], whether what the score is the probability of came true.
    """
    score, hit = np.asarray(scores, float), np.asarray(hits, bool)
    if hit.size < PLATT_ROWS or hit.all() or not hit.any():
        return Calibration("none", hit.size)
    return _isotonic(score, hit) if hit.size >= ISOTONIC_ROWS else _platt(score, hit)


def logits(scores: Floats) -> Floats:
    """ln(p / (1 - p)), finite for all scores in [0, 1]."""
    return np.asarray(logit(np.clip(scores, EPSILON, 1 - EPSILON)))


def _isotonic(scores: Floats, hits: npt.NDArray[np.bool_]) -> Calibration:
    """The rising step function with the least squared error, its steps joined by lines."""
    values, where, rows = np.unique(scores, return_inverse=True, return_counts=True)
    shares = np.bincount(where, hits) / rows
    found = isotonic_regression(shares, weights=rows)
    first, last = found.blocks[:-1], found.blocks[1:] - 1
    knots = np.unique(np.concatenate([first, last]))
    return Calibration("isotonic", scores.size, tuple(values[knots].tolist()), tuple(found.x[knots].tolist()))


def _platt(scores: Floats, hits: npt.NDArray[np.bool_]) -> Calibration:
    """Logistic regression on the logit, towards targets a little inside of 0 and 1.

    Platt 1999, "Probabilistic Outputs for Support Vector Machines", equation 3: (N+ + 1) / (N+ + 2) and 1 / (N- + 2).
    """
    x, positive = logits(scores), hits.sum()
    negative = hits.size - positive
    target = np.where(hits, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(line: Floats) -> tuple[float, Floats]:
        z = line[0] * x + line[1]
        error = expit(z) - target
        return float((np.logaddexp(0, z) - target * z).mean()), np.array([(error * x).mean(), error.mean()])

    # Where the scores are turned upside down on these rows, the best rising curve is a flat one.
    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0, None), (None, None)], method="L-BFGS-B")
    return Calibration("platt", scores.size, slope=float(found.x[0]), intercept=float(found.x[1]))
