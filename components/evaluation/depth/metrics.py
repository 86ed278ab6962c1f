"""Every metric of a task from labels and scores, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.depth import estimates
from components.evaluation.depth.estimates import Estimate, Floats
from components.evaluation.predictions import Model
from components.evaluation.settings import FGSM_ACCURACY
from components.label import Task

EPSILON = 1e-7
"""Scores are taken to lie this far from 0 and 1, as in Keras."""


@dataclass(frozen=True)
class Answers:
    """What one model says of some rows, and what is right.

    Attributes:
      task: of the label.
      label: [rows] class index, or the number to predict.
      model: scores of the same rows.
    """

    task: Task
    label: npt.NDArray[Any]
    model: Model

    def at(self, rows: npt.NDArray[Any]) -> Answers:
        """The same of some rows only."""
        withstood = self.model.withstood
        part = Model(self.model.scores[rows], self.model.threshold, None if withstood is None else withstood[rows])
        return Answers(self.task, self.label[rows], part)

    @property
    def called(self) -> npt.NDArray[np.int_]:
        """The class that the model gives each row: above the decision threshold, or the likeliest."""
        scores = self.model.scores
        if self.task == "binary":
            return (scores > np.float32(self.model.threshold)).astype(int)
        return np.argmax(scores, axis=1)

    @property
    def right(self) -> estimates.Bools:
        """Whether the model's answer to each row is right, of a classification."""
        return np.asarray(self.called == self.label)

    @property
    def losses(self) -> Floats:
        """Crossentropy of each row, or its absolute error."""
        scores = self.model.scores.astype(float)
        if self.task == "binary":
            return -np.log(np.maximum(np.where(self.label == 1, scores, 1 - scores), EPSILON))
        if self.task == "multiclass":
            own = scores[np.arange(scores.shape[0]), self.label.astype(int)] / scores.sum(axis=1)
            return -np.log(np.maximum(own, EPSILON))
        return np.abs(self.label - scores)


def measure(answers: Answers) -> dict[str, Estimate]:
    """The metrics of a task, by the names of `settings.METRICS`, without those that the rows do not define.

    Args:
      answers: of one row or more. AUC and the like are left out where they are of a single class.
    """
    if not answers.label.size:
        return {}
    by_task = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}
    found = by_task[answers.task](answers)
    if answers.model.withstood is not None:
        found[FGSM_ACCURACY] = estimates.share(answers.model.withstood)
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _binary(answers: Answers) -> dict[str, Estimate | None]:
    positive, called, scores = answers.label == 1, answers.called == 1, answers.model.scores
    return {
        "binary_accuracy": estimates.share(answers.right),
        "precision": estimates.share_of(positive, called, fixed=False),
        "recall": estimates.share_of(called, positive, fixed=True),
        "f1": estimates.f1(positive, called),
        "auc": estimates.auc(positive, scores),
        "auc_pr": estimates.auc_pr(positive, scores),
        "binary_crossentropy": estimates.mean(answers.losses),
        "calibration": estimates.ratio_of_means(scores.astype(float), answers.label.astype(float)),
    }


def _multiclass(answers: Answers) -> dict[str, Estimate | None]:
    return {
        "accuracy": estimates.share(answers.right),
        **estimates.macro(answers.label.astype(int), answers.called),
        "categorical_crossentropy": estimates.mean(answers.losses),
    }


def _regression(answers: Answers) -> dict[str, Estimate | None]:
    predictions, errors = answers.model.scores.astype(float), answers.losses
    return {
        "mean_squared_error": estimates.mean(errors**2),
        "mean_absolute_error": estimates.mean(errors),
        "calibration": estimates.ratio_of_means(predictions, answers.label.astype(float)),
    }
