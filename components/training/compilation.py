"""Loss, optimiser, metrics and class weights from settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from components.evaluation.decision import DEFAULT
from components.label import LabelSettings, Task
from components.training.settings import TrainingSettings

LOSSES: dict[Task, str] = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "regression": "mean_squared_error",
}


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises in a straight line, and then goes on as another schedule says.

    Args:
      after: the schedule that follows, from its first step.
      steps: how many steps it rises over; at the last of them the other's first rate is reached.
    """

    def __init__(self, after: keras.optimizers.schedules.LearningRateSchedule, steps: int) -> None:
        self._after = after
        self._steps = steps

    def __call__(self, step: Any) -> Any:
        """The rate at a step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        share = keras.ops.minimum((step + 1) / self._steps, 1.0)
        return share * self._after(keras.ops.maximum(step + 1 - self._steps, 0.0))


def optimizer(training: TrainingSettings, learning_rate: float, total_steps: int) -> keras.optimizers.Optimizer:
    """The optimiser with its learning-rate schedule.

    Args:
      training: the `training` section.
      learning_rate: at the first step; the section's own, or that of fine-tuning.
      total_steps: optimisation steps over which a schedule falls.

    Returns:
      A Keras optimiser. With several replicas each clips its own gradient, before their mean is taken.
    """
    config: dict[str, Any] = {"learning_rate": _rate(training, learning_rate, total_steps)}
    if training.weight_decay is not None:
        config["weight_decay"] = training.weight_decay
    if training.clip_norm is not None:
        # A replica's gradient is that of its share of the mean.
        config["global_clipnorm"] = training.clip_norm / tf.distribute.get_strategy().num_replicas_in_sync
    return keras.optimizers.get({"class_name": training.optimizer, "config": config})


def _rate(
    training: TrainingSettings, first: float, total_steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if training.schedule is None:
        return first
    rising = int(training.schedule.warm_up * total_steps)
    falling = total_steps - rising
    rest = training.schedule.decay_rate
    schedule: keras.optimizers.schedules.LearningRateSchedule
    if training.schedule.kind == "cosine":
        schedule = keras.optimizers.schedules.CosineDecay(first, falling, alpha=rest)
    else:
        schedule = keras.optimizers.schedules.ExponentialDecay(first, falling, rest)
    return WarmUp(schedule, rising) if rising else schedule


def loss(training: TrainingSettings, task: Task) -> str | Callable[[Any, Any], Any]:
    """The loss of a task, as `keras.Model.compile` takes it.

    Args:
      training: the `training` section: label smoothing.
      task: of the label.
    """
    if not training.label_smoothing:
        return LOSSES[task]
    if task == "binary":
        return keras.losses.BinaryCrossentropy(label_smoothing=training.label_smoothing)

    def smoothed(labels: Any, scores: Any) -> Any:
        """Keras smooths labels that are spelled out only."""
        classes = keras.ops.one_hot(keras.ops.cast(labels[:, 0], "int32"), scores.shape[-1])
        return keras.losses.categorical_crossentropy(classes, scores, label_smoothing=training.label_smoothing)

    return smoothed


def metrics(task: Task, threshold: float = DEFAULT) -> list[keras.metrics.Metric]:
    """What is watched while training, and compared with the test split for overfitting.

    Names are those of the Evaluator's metrics.

    Args:
      task: of the label.
      threshold: of a binary task: scores above it are positive.
    """
    match task:
        case "binary":
            return [
                keras.metrics.BinaryAccuracy(name="binary_accuracy", threshold=threshold),
                keras.metrics.Precision(name="precision", thresholds=threshold),
                keras.metrics.Recall(name="recall", thresholds=threshold),
                keras.metrics.AUC(name="auc"),
            ]
        case "multiclass":
            return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    return [
        keras.metrics.MeanSquaredError(name="mean_squared_error"),
        keras.metrics.MeanAbsoluteError(name="mean_absolute_error"),
    ]


def class_weights(settings: TrainingSettings, label: LabelSettings, counts: Sequence[int]) -> dict[int, float] | None:
    """Weight of each class in the loss.

    Args:
      settings: the `training` section.
      label: the `label` section.
      counts: rows of each class in the train split, by class index.

    Returns:
      Weights by class index, or None where every row counts the same. `balanced` is
      n_rows / (n_classes * n_rows_of_class), as in scikit-learn's `compute_class_weight`.
    """
    match settings.class_weights:
        case None:
            return None
        case "balanced":
            total = sum(counts)
            return {index: total / (len(counts) * count) for index, count in enumerate(counts) if count}
    return {index: settings.class_weights[str(value)] for index, value in enumerate(label.values)}
