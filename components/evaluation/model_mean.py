"""A metric for TFMA: the mean of a number that each model computes for each row.

TFMA's own `stats.Mean` knows of one model only.
"""

from __future__ import annotations

from typing import Any

from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_types, stats
from tensorflow_model_analysis.proto import config_pb2


class ModelMean(metric_types.Metric):
    """Mean of an output of the signature `evaluation_features`, model by model.

    Args:
      feature: the output, [batch, 1] numbers.
      name: of the metric.
    """

    def __init__(self, feature: str, name: str) -> None:
        super().__init__(_computations, feature=feature, name=name)


def _computations(
    feature: str, name: str, eval_config: config_pb2.EvalConfig, model_names: list[str]
) -> metric_types.MetricComputations:
    several = len(eval_config.model_specs) > 1
    return [
        computation
        for model in model_names
        for computation in _mean((model, feature) if several else (feature,), name, model)
    ]


def _mean(path: tuple[str, ...], name: str, model: str) -> metric_types.MetricComputations:
    # A leading underscore is TFMA's sign for a value that only serves another metric.
    mean = stats.Mean((constants.TRANSFORMED_FEATURES_KEY, *path), name=f"_{name}_{model}").computations()
    [of_all], key = mean[-1].keys, metric_types.MetricKey(name=name, model_name=model)

    def result(metrics: dict[metric_types.MetricKey, Any]) -> dict[metric_types.MetricKey, Any]:
        return {key: metrics[of_all]}

    return [*mean, metric_types.DerivedMetricComputation(keys=[key], result=result)]
