"""The decision threshold: above which score a row counts as positive, and by which rule that is chosen.

A row is positive if its score is greater than the threshold. Scores are float32, so only what lies between two of them
matters: the candidates are the midpoints between neighbours among 0, the scores that occur, and 1. A score of 0 is so
never positive, and a score of 1 always. Midpoints leave room on both sides, for a score depends in its last digit on
how many rows the network is given at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from schema.section import Section

DEFAULT = 0.5

SIGNATURE = "decision"
"""Signature of the exported model of a binary task: turns scores into labels."""

ARGUMENT = "threshold"
"""Its argument, whose default is the model's threshold."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Confusion:
    """What each of several thresholds does to the rows: arrays [thresholds].

    Attributes:
      true_positives: positive rows above the threshold.
      false_positives: negative rows above it.
      false_negatives: positive rows at or below it.
    """

    true_positives: Floats
    false_positives: Floats
    false_negatives: Floats

    @property
    def precision(self) -> Floats:
        """Share of the rows above the threshold that are positive; NaN where there are none."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> Floats:
        """Share of the positive rows that lie above the threshold; NaN where there are none."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)


class FixedRule(Section):
    """A threshold of your own."""

    rule: Literal["fixed"]
    threshold: float = Field(DEFAULT, gt=0, lt=1)
    """Scores above it are positive."""

    def __str__(self) -> str:
        return "fixed"


class FBetaRule(Section):
    """The threshold with the best F-beta score."""

    rule: Literal["f_beta"]
    beta: float = Field(1.0, gt=0)
    """How many times as much recall counts as precision."""

    def __str__(self) -> str:
        return f"best F-beta, beta {self.beta:g}"

    def merit(self, found: Confusion) -> Floats:
        """(1 + b²) TP / ((1 + b²) TP + b² FN + FP), the weighted harmonic mean of precision and recall."""
        weight = self.beta**2
        hits = (1 + weight) * found.true_positives
        return _ratio(hits, hits + weight * found.false_negatives + found.false_positives)


class RecallAtPrecisionRule(Section):
    """The threshold with the best recall among those that are precise enough."""

    rule: Literal["recall_at_precision"]
    min_precision: float = Field(gt=0, le=1)
    """The least precision."""

    def __str__(self) -> str:
        return f"best recall at a precision of at least {self.min_precision:g}"

    def merit(self, found: Confusion) -> Floats:
        """The recall; minus infinity where the precision lies below the floor or is not defined."""
        return np.where(np.nan_to_num(found.precision) >= self.min_precision, found.recall, -math.inf)


class CostRule(Section):
    """The threshold at which mistakes cost least."""

    rule: Literal["cost"]
    false_positive: float = Field(ge=0)
    """Cost of a negative row that is taken for positive."""
    false_negative: float = Field(ge=0)
    """Cost of a positive row that is missed."""

    @model_validator(mode="after")
    def _something_costs(self) -> CostRule:
        if not self.false_positive and not self.false_negative:
            raise ValueError("a mistake of either kind must cost something: both are 0")
        return self

    def __str__(self) -> str:
        return f"least cost, {self.false_positive:g} a false positive, {self.false_negative:g} a false negative"

    def merit(self, found: Confusion) -> Floats:
        """Minus what all mistakes cost together."""
        return -(self.false_positive * found.false_positives + self.false_negative * found.false_negatives)


DecisionSettings = Annotated[
    FixedRule | FBetaRule | RecallAtPrecisionRule | CostRule,
    Field(discriminator="rule"),
]
"""How the threshold is chosen, by the name under `rule`."""


@dataclass(frozen=True)
class Threshold:
    """A decision threshold, and what it does on the rows that it was chosen on.

    Attributes:
      value: scores above it are positive; the shortest decimal number that names a float32.
      rule: the rule in words.
      precision: None where no row scores above it.
      recall: None where no row is positive.
      rows: how many rows.
      unmet: why the rule chose nothing, if so; `value` is then the default.
    """

    value: float
    rule: str
    precision: float | None
    recall: float | None
    rows: int
    unmet: str | None = None


def choose(rule: DecisionSettings, scores: npt.ArrayLike, positive: npt.ArrayLike) -> Threshold:
    """Chooses the threshold that a rule asks for.

    Every threshold that tells rows apart is tried. Among those that are equally good, the highest is taken: it
    calls the fewest rows positive.

    Args:
      rule: the rule.
      scores: probability of the positive class, [rows].
      positive: whether a row is positive, [rows].

    Returns:
      The threshold. Where the rule cannot be met (no finite scores, a single class, a precision that no threshold
      reaches), it is the default and says so.
    """
    score = np.asarray(scores, np.float32)
    truth = np.asarray(positive, bool)
    if isinstance(rule, FixedRule):
        return _at(rule.threshold, rule, score, truth)
    if not np.isfinite(score).all():
        return _at(DEFAULT, rule, score, truth, "a score is not a number: look at the loss of the training steps")
    if truth.all() or not truth.any():
        return _at(DEFAULT, rule, score, truth, "all rows have the same label, so no threshold is better than another")
    candidates = thresholds(score)
    found = confusion(candidates, score, truth)
    merit = rule.merit(found)
    best = merit.max()
    if best == -math.inf:
        precision = np.nan_to_num(found.precision)
        unmet = f"the highest precision is {precision.max():.4g}, at {candidates[precision.argmax()]:.4g}"
        return _at(DEFAULT, rule, score, truth, unmet)
    # What is equal on paper may differ in the last digit.
    equal = np.flatnonzero(merit >= best - 1e-12 * abs(best))
    return _at(float(candidates[equal[-1]]), rule, score, truth)


def thresholds(scores: Floats) -> Floats:
    """Every threshold that parts rows in another way, rising: midpoints between the scores, 0 and 1.

    Args:
      scores: float32 [rows] in [0, 1].

    Returns:
      float32 in (0, 1): [distinct scores + 1], one less for each of 0 and 1 among the scores.
    """
    edges = np.unique(np.append(scores, np.array([0, 1], np.float32)))
    low, high = edges[:-1], edges[1:]
    middle = low + (high - low) / 2
    found = np.where(middle < high, middle, low)  # neighbours in float32 have nothing between them
    return found[found > 0]


def confusion(candidates: Floats, scores: Floats, positive: npt.NDArray[np.bool_]) -> Confusion:
    """Counts rows above each threshold.

    Args:
      candidates: float32 [thresholds].
      scores: float32 [rows].
      positive: bool [rows].
    """
    hits, misses = np.sort(scores[positive]), np.sort(scores[~positive])
    true_positives = hits.size - np.searchsorted(hits, candidates, "right")
    false_positives = misses.size - np.searchsorted(misses, candidates, "right")
    return Confusion(
        true_positives.astype(float), false_positives.astype(float), (hits.size - true_positives).astype(float)
    )


def _at(
    value: float, rule: DecisionSettings, scores: Floats, positive: npt.NDArray[np.bool_], unmet: str | None = None
) -> Threshold:
    exact = np.float32(value)
    found = confusion(np.array([exact]), scores, positive)
    precision, recall = (None if math.isnan(share) else float(share) for (share,) in (found.precision, found.recall))
    return Threshold(float(str(exact)), str(rule), precision, recall, scores.size, unmet)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full(part.shape, math.nan), where=whole > 0)
