"""What TFMA computes: the settings of evaluation as an `EvalConfig`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.decision import DEFAULT
from components.evaluation.mean_loss import MeanLoss
from components.evaluation.model_mean import ModelMean
from components.evaluation.results import CONFUSION, EXAMPLE_COUNT
from components.evaluation.saved_model import FEATURES_SIGNATURE, Facts
from components.evaluation.settings import FGSM_ACCURACY, EvaluationSettings
from components.label import LabelSettings, Task

SIGNATURE = "serving_default"
"""Takes serialized examples and returns `scores`."""

LABEL = "label_index"
"""Output of `evaluation_features`: the class index, or the number to predict."""

# TFMA's default of 10,000 thresholds merges histograms of that size for every slice: 6.4 CPU s for 1,500 rows in 86
# slices, against 4.7 with 2,000. Simulated AUCs were then off by 3e-4 at most, where no score exceeded 0.02.
_AUC_THRESHOLDS = {"num_thresholds": 2000}

_TFMA_METRICS: dict[Task, dict[str, tuple[str, dict[str, Any]]]] = {
    "binary": {
        "binary_accuracy": ("BinaryAccuracy", {}),
        "precision": ("Precision", {}),
        "recall": ("Recall", {}),
        "f1": ("F1Score", {}),
        "auc": ("AUC", _AUC_THRESHOLDS),
        "auc_pr": ("AUCPrecisionRecall", _AUC_THRESHOLDS),
        "binary_crossentropy": (MeanLoss.__name__, {"loss": "binary_crossentropy"}),
        "calibration": ("Calibration", {}),
        CONFUSION: ("ConfusionMatrixAtThresholds", {"thresholds": [DEFAULT]}),
    },
    # Accuracy and the macro averages follow from the confusion matrix (results.py). TFMA's own macro averages ask
    # each class for a probability above 0.5, where the model that is served answers with the likeliest class.
    "multiclass": {
        "categorical_crossentropy": ("SparseCategoricalCrossentropy", {}),
        CONFUSION: ("MultiClassConfusionMatrixAtThresholds", {"thresholds": [0.0]}),
    },
    "regression": {
        "mean_squared_error": (MeanLoss.__name__, {"loss": "squared_error"}),
        "mean_absolute_error": (MeanLoss.__name__, {"loss": "absolute_error"}),
        "calibration": ("Calibration", {}),
    },
}

_OWN = {metric.__name__: metric.__module__ for metric in (MeanLoss, ModelMean)}
"""Metrics of our own by name, with the module that TFMA finds them in."""

_AT_THRESHOLD = frozenset({"BinaryAccuracy", "Precision", "Recall", "F1Score", "ConfusionMatrixAtThresholds"})
"""TFMA's metrics that depend on the decision threshold."""


def eval_config(settings: EvaluationSettings, label: LabelSettings) -> config_pb2.EvalConfig:
    """Builds TFMA's configuration.

    It holds no thresholds, so TFX's Evaluator computes but blesses nothing: TFMA would judge the AUC of a slice
    that has one class, which it reports as 0. The judge (judge.py) applies every rule instead.

    Args:
      settings: the `evaluation` section.
      label: the `label` section.

    Returns:
      The configuration, with one unnamed model: TFX's Evaluator adds a copy of it for the model in service when
      it is given one, and names the two `candidate` and `baseline`.
    """
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name=SIGNATURE, preprocessing_function_names=[FEATURES_SIGNATURE], label_key=LABEL
            )
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=list(_metrics(settings, label.task)))],
        slicing_specs=[config_pb2.SlicingSpec()]
        + [config_pb2.SlicingSpec(feature_keys=group.features(name)) for name, group in settings.slices.items()],
        options={"include_default_metrics": {"value": False}},
    )


def for_models(config: config_pb2.EvalConfig, models: Mapping[str, Facts]) -> config_pb2.EvalConfig:
    """Adapts a configuration to the models, of which each is measured as it is used.

    Args:
      config: from `eval_config`, TFMA's defaults filled in.
      models: what is known of each, by TFMA's name of the model.

    Returns:
      A configuration in which metrics that depend on the decision threshold have that of the model, and a model
      is asked for its accuracy under FGSM only if it computes that.
    """
    [spec] = config.metrics_specs
    adapted = config_pb2.EvalConfig()
    adapted.CopyFrom(config)
    del adapted.metrics_specs[:]
    own = [metric for metric in spec.metrics if _depends_on_the_model(metric)]
    for name, facts in models.items() if own else ():
        adapted.metrics_specs.add(metrics=_of_model(own, facts), model_names=[name])
    alike = [metric for metric in spec.metrics if metric not in own]
    adapted.metrics_specs.add(metrics=alike, model_names=spec.model_names)
    return adapted


def model_outputs(config: config_pb2.EvalConfig) -> set[str]:
    """Outputs of `evaluation_features` that metrics are computed from."""
    metrics = [metric for spec in config.metrics_specs for metric in spec.metrics]
    return {json.loads(metric.config)["feature"] for metric in metrics if metric.class_name == ModelMean.__name__}


def _metrics(settings: EvaluationSettings, task: Task) -> Iterator[config_pb2.MetricConfig]:
    yield _metric("ExampleCount", EXAMPLE_COUNT)
    for name, (class_name, arguments) in _TFMA_METRICS[task].items():
        yield _metric(class_name, name, **arguments)
    if settings.adversarial:
        yield _metric(ModelMean.__name__, FGSM_ACCURACY, feature=settings.adversarial.output)


def _metric(class_name: str, name: str, **arguments: object) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(
        class_name=class_name, module=_OWN.get(class_name), config=json.dumps({"name": name, **arguments})
    )


def _depends_on_the_model(metric: config_pb2.MetricConfig) -> bool:
    return metric.class_name in {*_AT_THRESHOLD, ModelMean.__name__}


def _of_model(metrics: list[config_pb2.MetricConfig], facts: Facts) -> Iterator[config_pb2.MetricConfig]:
    """The metrics that depend on the model, for a certain one."""
    for metric in metrics:
        arguments = json.loads(metric.config)
        if metric.class_name in _AT_THRESHOLD:
            single = metric.class_name == "BinaryAccuracy"  # which takes one, where the others take a list
            arguments |= {"threshold": facts.threshold} if single else {"thresholds": [facts.threshold]}
            yield config_pb2.MetricConfig(class_name=metric.class_name, config=json.dumps(arguments))
        elif arguments["feature"] in facts.computes:
            yield metric
