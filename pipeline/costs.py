"""What mistakes cost at a decision threshold, and the threshold at which they cost least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.evaluation import decision


@dataclass(frozen=True)
class Cost:
    """What mistakes cost at a decision threshold.

    Attributes:
      threshold: rows whose score is greater are positive.
      cost: of 1,000 rows, in the unit of the costs given.
      precision: None where no row is called positive.
      recall: None where no row is positive.
    """

    threshold: float
    cost: float
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Costs:
    """What mistakes cost on some rows.

    Attributes:
      scores: float32 [rows], probability of the positive class.
      positive: bool [rows].
      false_positive: cost of a negative row that is taken for positive.
      false_negative: cost of a positive row that is missed.
    """

    scores: npt.NDArray[np.float32]
    positive: npt.NDArray[np.bool_]
    false_positive: float
    false_negative: float

    def at(self, thresholds: Sequence[float]) -> list[Cost]:
        """The cost at each threshold."""
        found = decision.confusion(np.array(thresholds, np.float32), self.scores, self.positive)
        total = self.false_positive * found.false_positives + self.false_negative * found.false_negatives
        costs = (1000 * total / max(1, self.scores.size)).tolist()
        shares = zip(found.precision.tolist(), found.recall.tolist(), strict=True)
        return [
            Cost(threshold, cost, *(None if math.isnan(share) else share for share in both))
            for threshold, cost, both in zip(thresholds, costs, shares, strict=True)
        ]

    def least(self) -> Cost:
        """The cost where it is least. Where rows of one class alone are there, that is at the default threshold."""
        rule = decision.CostRule(rule="cost", false_positive=self.false_positive, false_negative=self.false_negative)
        return self.at([decision.choose(rule, self.scores, self.positive).value])[0]
