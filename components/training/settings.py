"""Settings of training: the `training` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.label import Task
from schema.section import Section

RECORD = "training.json"
"""The training record in the ModelRun artifact: epochs, history, and metrics of both splits."""

WEIGHTS = "weights.weights.h5"
"""The network's weights in the ModelRun artifact, as Keras writes them: another pipeline may start from them."""

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
    warm_up: float = Field(0.0, ge=0, lt=1)
    """Share of the steps over which the rate first rises from 0, in a straight line."""


class EarlyStoppingSettings(Section):
    """Stop when the eval split no longer improves; the best weights are kept."""

    monitor: str = "val_loss"
    """`val_loss` or `loss`, or a metric that training watches: `val_auc` on the eval split, `auc` on the train
    split."""
    patience: int = Field(3, ge=0)
    """Epochs without an improvement after which training stops."""
    min_delta: float = Field(0.0, ge=0)
    """A smaller change of what is watched is no improvement."""


class AugmentationSettings(Section):
    """Random changes of the images, other ones at every step; only while training."""

    flip: Literal["horizontal", "vertical", "both"] | None = None
    """Mirror every second image: left to right, upside down, or either."""
    rotate: float = Field(0.0, ge=0, le=180)
    """Turn by at most so many degrees, either way."""
    translate: float = Field(0.0, ge=0, lt=1)
    """Shift by at most this share of the height and of the width, either way."""
    zoom: float = Field(0.0, ge=0, lt=1)
    """Enlarge or shrink by at most this share."""
    brightness: float = Field(0.0, ge=0, le=1)
    """Brighten or darken by at most this share of the range from black to white."""

    @model_validator(mode="after")
    def _does_something(self) -> AugmentationSettings:
        if not any(self.model_dump().values()):
            raise ValueError(
                "training.augmentation: nothing is changed: give one of flip, rotate, translate, zoom, "
                "brightness, or leave the section out"
            )
        return self


class AdversarialSettings(Section):
    """Learn from perturbed rows too (FGSM): each float input moved to where the loss is higher."""

    epsilon: float = Field(gt=0)
    """How far each number is moved, in units of the transformed feature: of a pixel from 0 to 1, of a z-score one
    standard deviation."""
    weight: float = Field(0.5, gt=0, le=1)
    """Share of the perturbed rows in the loss: (1 - weight) * loss + weight * loss of the perturbed rows."""


class FineTuningSettings(Section):
    """Transfer learning: `epochs` with some layers frozen, then these with all of them.

    Batch normalisation among the frozen layers keeps its weights and statistics in both phases.
    """

    frozen: tuple[str, ...] = Field(min_length=1)
    """Names of layers that are frozen at first, `*` and `?` stand for any letters: `[conv_*, dense_1]`."""
    epochs: int = Field(5, ge=1)
    """Epochs of the second phase, at most: see `early_stopping`."""
    learning_rate: float = Field(0.00001, gt=0)
    """Of the second phase: small, so that what the layers know is not lost."""


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
    step: Literal["fit", "tape"] | Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] = "fit"
    """`fit`: Keras's own training step. `tape`: the same, written out with `tf.GradientTape`. Or
    `package.module:function`: a loss of your own in that step."""
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "lion"] = "adam"
    """With Keras's defaults for all but the learning rate."""
    learning_rate: float = Field(0.001, gt=0)
    """At the first step; `schedule` says how it goes on."""
    schedule: ScheduleSettings | None = None
    """How the learning rate falls. Default: it stays."""
    weight_decay: float | None = Field(None, ge=0)
    """Share of each weight that is taken off at a step, times the learning rate. Default: 0.004 for adamw, none for
    the others."""
    clip_norm: float | None = Field(None, gt=0)
    """Gradients are scaled down so that the norm of all of them together is at most this."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each row's label that is spread evenly over the classes."""
    augmentation: AugmentationSettings | None = None
    """Random changes of the images. Default: none."""
    adversarial: AdversarialSettings | None = None
    """Learn from perturbed rows too. Default: no."""
    fine_tuning: FineTuningSettings | None = None
    """A second phase, after `epochs` with layers frozen. Default: all layers learn from the start."""
    early_stopping: EarlyStoppingSettings | None = EarlyStoppingSettings()
    """`null`: train all epochs and keep the last weights."""
    class_weights: Literal["balanced"] | dict[str, float] | None = None
    """`balanced` weighs each class by the inverse of its share; or one weight for each label value."""
    seed: int = Field(42, ge=0)
    """Of the first weights, of dropout and of the order of the rows."""
    shuffle_buffer: int = Field(10_000, ge=1)
    """Rows held in memory to shuffle from."""
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    """Where transformed rows are kept after the first reading: in `memory`, in a file on `disk` in the folder for
    temporary files, or `none`: each epoch reads and transforms anew. `auto`: memory while the train split takes at
    most 1 GiB (an image a byte for each value), else disk."""
