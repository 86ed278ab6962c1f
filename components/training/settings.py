"""Settings of training: the `training` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.label import Task
from schema.section import Section

RECORD = "training.json"
"""The training record in the ModelRun artifact: epochs, history, and metrics of both splits."""

WATCHED: dict[Task, tuple[str, ...]] = {
    "binary": ("binary_accuracy", "precision", "recall", "auc"),
    "multiclass": ("accuracy",),
    "regression": ("mean_squared_error", "mean_absolute_error"),
}
"""The metrics of each task that are computed while training, on the train and the eval split."""


class ScheduleSettings(Section):
    """How the learning rate falls over the steps of a run."""

    kind: Literal["cosine", "exponential"] = "cosine"
    """`cosine` falls slowly at both ends, `exponential` by the same factor with each step."""
    decay_rate: float = Field(0.1, gt=0, lt=1)
    """Share of the first learning rate that is left after the last step."""


class EarlyStoppingSettings(Section):
    """Stop when the eval split no longer improves; the best weights are kept."""

    monitor: str = "val_loss"
    """`val_loss` or `loss`, or a metric that training watches: `val_auc` on the eval split, `auc` on the train
    split."""
    patience: int = Field(3, ge=0)
    """Epochs without an improvement after which training stops."""
    min_delta: float = Field(0.0, ge=0)
    """A smaller change of what is watched is no improvement."""


class TrainingSettings(Section):
    """How the network is fitted."""

    epochs: int = Field(10, ge=1)
    """Passes over the train split, at most: see `early_stopping`."""
    batch_size: int = Field(32, ge=1)
    """Rows to a step."""
    steps_per_epoch: int | None = Field(None, ge=1)
    """Default: one pass over the train split. With a number, the split is repeated as needed."""
    validation_steps: int | None = Field(None, ge=1)
    """Default: the whole eval split."""
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "lion"] = "adam"
    """With Keras's defaults for all but the learning rate."""
    learning_rate: float = Field(0.001, gt=0)
    """At the first step; `schedule` says how it goes on."""
    schedule: ScheduleSettings | None = None
    """How the learning rate falls. Default: it stays."""
    early_stopping: EarlyStoppingSettings | None = EarlyStoppingSettings()
    """`null`: train all epochs and keep the last weights."""
    class_weights: Literal["balanced"] | dict[str, float] | None = None
    """`balanced` weighs each class by the inverse of its share; or one weight for each label value."""
    seed: int = Field(42, ge=0)
    """Of the first weights, of dropout and of the order of the rows."""
    shuffle_buffer: int = Field(10_000, ge=1)
    """Rows held in memory to shuffle from."""
    cache: bool = True
    """Keep transformed rows in memory after the first epoch. Switch off where the train split does not fit."""
