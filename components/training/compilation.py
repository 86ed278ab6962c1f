"""Loss, optimiser, metrics and class weights from settings."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from components.label import LabelSettings, Task
from components.training.settings import TrainingSettings

LOSSES: dict[Task, str] = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "regression": "mean_squared_error",
}


def optimizer(settings: TrainingSettings, total_steps: int) -> keras.optimizers.Optimizer:
    """The optimiser with its learning-rate schedule.

    Args:
      settings: the `training` section.
      total_steps: optimisation steps of the whole run, over which a schedule falls.

    Returns:
      A Keras optimiser.
    """
    rate: float | keras.optimizers.schedules.LearningRateSchedule = settings.learning_rate
    if settings.schedule is not None:
        rest = settings.schedule.decay_rate
        if settings.schedule.kind == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, total_steps, alpha=rest)
        else:
            rate = keras.optimizers.schedules.ExponentialDecay(settings.learning_rate, total_steps, rest)
    return keras.optimizers.get({"class_name": settings.optimizer, "config": {"learning_rate": rate}})


def metrics(task: Task) -> list[keras.metrics.Metric]:
    """What is watched while training, and compared with the test split for overfitting.

    Names are those of the Evaluator's metrics.
    """
    match task:
        case "binary":
            return [
                keras.metrics.BinaryAccuracy(name="binary_accuracy"),
                keras.metrics.Precision(name="precision"),
                keras.metrics.Recall(name="recall"),
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
