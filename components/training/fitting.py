"""Builds, compiles and fits a fresh network: once for the Trainer, once a trial for the Tuner."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training.compilation import LOSSES, class_weights, metrics, optimizer
from components.training.settings import TrainingSettings
from components.training.splits import Splits
from schema.section import Section

MAX_STEPS_PER_CALL = 50
"""Most training steps in one call of the compiled function: the more, the fewer returns to Python."""


class FitSettings(Section):
    """What a fit depends on, besides the data."""

    label: LabelSettings
    model: ModelSettings
    training: TrainingSettings


@dataclass(frozen=True)
class Fitted:
    """A fitted network.

    Attributes:
      network: from a dictionary of features to scores, with the weights to keep; what is exported.
      history: loss and metrics of each epoch, by name.
    """

    network: keras.Model
    history: dict[str, list[float]]

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return len(self.history["loss"])

    def evaluate(self, rows: Any) -> dict[str, float]:
        """Loss and metrics on a split.

        Args:
          rows: batches or blocks of (features, label).
        """
        return self.network.evaluate(rows, return_dict=True, verbose=0)


def fit(settings: FitSettings, inputs: Sequence[FeatureInput], splits: Splits, callbacks: Sequence[Any]) -> Fitted:
    """Fits a fresh network; the same seed gives the same one.

    Args:
      settings: label, network and training.
      inputs: the transformed features.
      splits: what to learn from, and what to watch.
      callbacks: Keras callbacks.

    Returns:
      The network with the weights that early stopping chose, or the last.
    """
    training = settings.training
    keras.utils.set_random_seed(training.seed)
    steps = splits.steps(training)
    network = build_model(inputs, settings.label, settings.model)
    network.summary(print_fn=logging.info)
    network.compile(
        optimizer(training, steps * training.epochs),
        LOSSES[settings.label.task],
        metrics=metrics(settings.label.task),
        steps_per_execution=_steps_per_call(steps),
        jit_compile=False,
    )
    history = network.fit(
        splits.train_batches(training),
        epochs=training.epochs,
        steps_per_epoch=steps,
        validation_data=splits.eval_batches(training),
        validation_steps=training.validation_steps,
        class_weight=class_weights(training, settings.label, splits.counts),
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )
    return Fitted(network, {name: [float(value) for value in values] for name, values in history.history.items()})


def _steps_per_call(steps: int) -> int:
    """The largest divisor within bounds: Keras would run past the end of an epoch otherwise."""
    return max(number for number in range(1, MAX_STEPS_PER_CALL + 1) if steps % number == 0)
