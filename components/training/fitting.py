"""Builds, compiles and fits a fresh network: once for the Trainer, once a trial for the Tuner."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.label import LabelSettings
from components.models.embeddings import embedder
from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training.accelerator import scope
from components.training.accelerator_settings import AcceleratorSettings
from components.training.augmentation import Augmentation
from components.training.callbacks import PROGRESS
from components.training.checkpoint import Checkpoint, EarlyStopping, History, Saved, epochs_in
from components.training.compilation import class_weights, loss, metrics, optimizer
from components.training.fgsm import check_inputs
from components.training.phases import Phase, phases
from components.training.settings import TrainingSettings
from components.training.splits import Splits
from components.training.trainable import Trainable
from schema.errors import SettingsError
from schema.section import Section

MAX_STEPS_PER_CALL = 50
"""Most training steps in one call of the compiled function: the more, the fewer returns to Python."""


class FitSettings(Section):
    """What a fit depends on, besides the data."""

    label: LabelSettings
    model: ModelSettings
    training: TrainingSettings
    accelerator: AcceleratorSettings = AcceleratorSettings()


@dataclass(frozen=True)
class Fitted:
    """A fitted network.

    Attributes:
      network: from a dictionary of features to scores, with the weights to keep; what is exported.
      history: loss and metrics of each epoch, by name.
      trainable: the network with loss and metrics.
    """

    network: keras.Model
    history: History
    trainable: Trainable

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return epochs_in(self.history)

    def evaluate(self, rows: Any) -> dict[str, float]:
        """Loss and metrics on a split.

        Args:
          rows: batches or blocks of (features, label).
        """
        return self.trainable.evaluate(rows, return_dict=True, verbose=0)

    def scores(self, rows: Any) -> npt.NDArray[np.float32]:
        """Scores of a split, float32 [rows, units], in its order.

        Args:
          rows: batches or blocks of (features, label).
        """
        return self.trainable.predict(rows, verbose=0)

    def answers(self, rows: Any, every: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Scores and embeddings of some rows of a split, in its order.

        Args:
          rows: blocks of (features, label).
          every: of so many rows the first is asked about.

        Returns:
          Scores, float32 [asked, units], and embeddings, float32 [asked, width]; None for a network without.
        """
        hidden = embedder(self.network)
        asked = keras.Model(self.network.input, [self.network.output, hidden.output]) if hidden else self.network
        first, found = 0, []
        for features, label in rows:
            part = {name: tensor[-first % every :: every] for name, tensor in features.items()}
            found.append([each.numpy() for each in keras.tree.flatten(asked(part, training=False))])
            first += label.shape[0]
        scores, *embeddings = map(np.concatenate, zip(*found, strict=True))
        return scores, embeddings[0].astype(np.float32) if embeddings else None

    def decide_at(self, threshold: float) -> None:
        """Has `evaluate` take rows for positive above another threshold than while training, in a binary task."""
        with self.trainable.distribute_strategy.scope():
            self.trainable.compile(loss=self.trainable.loss, metrics=metrics("binary", threshold))


def fit(
    settings: FitSettings,
    inputs: Sequence[FeatureInput],
    splits: Splits,
    callbacks: Sequence[Any] = (),
    checkpoint: Path | None = None,
) -> Fitted:
    """Fits a fresh network; the same seed gives the same one.

    Args:
      settings: label, network and training.
      inputs: the transformed features.
      splits: what to learn from, and what to watch.
      callbacks: Keras callbacks.
      checkpoint: file to save the training's state in after each epoch. If it is there, the training goes on where
        it stood.

    Returns:
      The network with the weights that early stopping chose, or the last, in float32 and on one device.

    Raises:
      SettingsError: if network, devices and settings do not fit.
    """
    keras.utils.set_random_seed(settings.training.seed)
    with scope(settings.accelerator):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if settings.training.batch_size % replicas:
            raise SettingsError(
                "Replicas cannot take equal parts of a batch.",
                where="training.batch_size",
                expected=f"a multiple of {replicas}, the number of replicas",
                received=str(settings.training.batch_size),
            )
        splits = replace(splits, replicas=replicas)
        trainable, history = _fit(settings, inputs, splits, callbacks, checkpoint)
    if replicas > 1 or settings.accelerator.precision != "float32":
        trainable = _as_served(trainable, settings, inputs)
    return Fitted(trainable.network, history, trainable)


def _fit(
    settings: FitSettings,
    inputs: Sequence[FeatureInput],
    splits: Splits,
    callbacks: Sequence[Any],
    checkpoint: Path | None,
) -> tuple[Trainable, History]:
    training = settings.training
    network = build_model(inputs, settings.label, settings.model)
    network.summary(print_fn=logging.info)
    trainable = _trainable(network, settings, inputs)
    saved = Saved.read(checkpoint) if checkpoint and checkpoint.exists() else None
    history: History = saved.history if saved else {}
    for number, phase in enumerate(phases(training)):
        phase.enter(trainable.network)
        if saved and saved.phase > number:
            continue
        resumed = saved if saved and saved.phase == number else None
        began = resumed.began if resumed else epochs_in(history)
        _compile(trainable, settings, phase, splits.steps(training))
        stopping = EarlyStopping(training.early_stopping) if training.early_stopping else None
        if resumed:
            resumed.restore(trainable, stopping)
            PROGRESS.info("going on after epoch %d", epochs_in(history))
        first = began + phase.epochs if resumed and resumed.ended else epochs_in(history)
        trainable.fit(
            splits.train_batches(training, first),
            initial_epoch=first,
            epochs=began + phase.epochs,
            steps_per_epoch=splits.steps(training),
            validation_data=splits.eval_batches(training),
            validation_steps=training.validation_steps,
            class_weight=class_weights(training, settings.label, splits.counts),
            callbacks=[
                *callbacks,
                *([stopping] if stopping else []),
                Checkpoint(checkpoint, number, began, history, stopping),
            ],
            shuffle=False,
            verbose=0,
        )
    return trainable, history


def _as_served(trained: Trainable, settings: FitSettings, inputs: Sequence[FeatureInput]) -> Trainable:
    """The same weights in a network that computes in float32 on one device: what is judged and what is served.

    Args:
      trained: in another precision, or a copy of it on each device.
      settings: what it was built from.
      inputs: the transformed features.
    """
    network = build_model(inputs, settings.label, settings.model)
    network.set_weights(trained.network.get_weights())
    served = _trainable(network, settings, inputs)
    served.compile(loss=loss(settings.training, settings.label.task), metrics=metrics(settings.label.task))
    return served


def fit_further(
    network: keras.Model,
    settings: FitSettings,
    inputs: Sequence[FeatureInput],
    splits: Splits,
    epochs: int,
    callbacks: Sequence[Any],
) -> None:
    """Trains a network that was trained before, as in the last phase of that training.

    Args:
      network: with its weights, which are changed.
      settings: of the training that made it.
      inputs: the transformed features.
      splits: what to learn from.
      epochs: how many.
      callbacks: Keras callbacks.
    """
    training = settings.training
    keras.utils.set_random_seed(training.seed)
    steps = splits.steps(training)
    for phase in phases(training):
        phase.enter(network)
    trainable = _trainable(network, settings, inputs)
    _compile(trainable, settings, replace(phase, epochs=epochs), steps)
    trainable.fit(
        splits.train_batches(training),
        epochs=epochs,
        steps_per_epoch=steps,
        class_weight=class_weights(training, settings.label, splits.counts),
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )


def _trainable(network: keras.Model, settings: FitSettings, inputs: Sequence[FeatureInput]) -> Trainable:
    training = settings.training
    if training.adversarial is not None:
        check_inputs(inputs, "training.adversarial")
    images = [each.name for each in inputs if each.is_image]
    augmentation = Augmentation(training.augmentation, images, training.seed) if training.augmentation else None
    return Trainable(network, training, settings.label.task, augmentation)


def _compile(trainable: Trainable, settings: FitSettings, phase: Phase, steps: int) -> None:
    trainable.compile(
        optimizer(settings.training, phase.learning_rate, steps * phase.epochs),
        loss(settings.training, settings.label.task),
        metrics=metrics(settings.label.task),
        # Keras's loop of steps does not run on several replicas.
        steps_per_execution=_steps_per_call(steps) if trainable.distribute_strategy.num_replicas_in_sync == 1 else 1,
        jit_compile=settings.accelerator.xla,
    )


def _steps_per_call(steps: int) -> int:
    """The largest divisor within bounds: Keras would run past the end of an epoch otherwise."""
    return max(number for number in range(1, MAX_STEPS_PER_CALL + 1) if steps % number == 0)
