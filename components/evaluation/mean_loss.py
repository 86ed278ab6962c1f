"""A metric for TFMA: the mean of a loss over the rows.

TFMA 0.52 has such metrics, but its binary cross entropy and its regression errors count one accumulator twice wherever
Beam merges several, which it does as soon as there are two workers. And its cross entropy is NaN where a score is
exactly 0 or 1, as the scores of a network that is very sure are in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.depth.metrics import EPSILON

Sums = tuple[float, int]
"""Total loss and number of rows."""


def binary_crossentropy(label: float, score: float) -> float:
    """-log of the probability that the score gives to the label, 0 or 1."""
    return -math.log(max(score if label else 1 - score, EPSILON))


def squared_error(label: float, prediction: float) -> float:
    """(label - prediction)²."""
    return (label - prediction) ** 2


def absolute_error(label: float, prediction: float) -> float:
    """|label - prediction|."""
    return abs(label - prediction)


LOSSES: dict[str, Callable[[float, float], float]] = {
    function.__name__: function for function in (binary_crossentropy, squared_error, absolute_error)
}


class MeanLoss(metric_types.Metric):
    """Mean of a loss, model by model.

    Args:
      loss: one of `LOSSES`.
      name: of the metric.
    """

    def __init__(self, loss: str, name: str) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), loss=loss, name=name)


def _computations(
    loss: str, name: str, eval_config: config_pb2.EvalConfig, model_name: str
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(name=name, model_name=model_name)
    return [metric_types.MetricComputation([key], None, _MeanCombiner(loss, key, eval_config))]


class _MeanCombiner(beam.CombineFn):
    def __init__(self, loss: str, key: metric_types.MetricKey, eval_config: config_pb2.EvalConfig) -> None:
        self._loss = loss
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> Sums:
        return 0.0, 0

    def add_input(self, sums: Sums, element: metric_types.StandardMetricInputs) -> Sums:
        total, rows = sums
        for label, prediction, _ in metric_util.to_label_prediction_example_weight(
            element, eval_config=self._eval_config, model_name=self._key.model_name
        ):
            total += LOSSES[self._loss](float(label[0]), float(prediction[0]))
            rows += 1
        return total, rows

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        totals, rows = zip(*accumulators, strict=True)
        return math.fsum(totals), sum(rows)

    def extract_output(self, sums: Sums) -> dict[metric_types.MetricKey, Any]:
        total, rows = sums
        return {self._key: total / rows if rows else math.nan}
