"""A network with what only its training needs: augmentation, adversarial rows, the loss and the step.

The network inside is what is exported; nothing of this file is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from components.dotted import load_function
from components.label import Task
from components.training.augmentation import Augmentation
from components.training.fgsm import perturb
from components.training.settings import TrainingSettings
from schema.errors import SettingsError

OwnLoss = Callable[[keras.Model, dict[str, Any], Any, Any, Any], Any]
"""(network, features, labels, scores, sample_weight) -> loss: a scalar, or one number for each row."""


class Trainable(keras.Model):
    """A network that can be fitted.

    Args:
      network: from a dictionary of features to scores [batch, units].
      training: the `training` section.
      task: of the label.
      augmentation: changes of the images; None without.
    """

    def __init__(
        self, network: keras.Model, training: TrainingSettings, task: Task, augmentation: Augmentation | None = None
    ) -> None:
        # The network casts its inputs itself.
        super().__init__(name="trainable", autocast=False)
        self.network = network
        self.augmentation = augmentation
        self._adversarial = training.adversarial
        self._task = task
        self._own_loss: OwnLoss | None = load_function(training.step, "training.step") if ":" in training.step else None
        self._learn = super().train_step if training.step == "fit" else self._tape_step
        self.built = True

    def call(self, features: dict[str, Any], training: bool = False) -> Any:
        """The network's scores, [batch, units]."""
        return self.network(features, training=training)

    def compile(self, *arguments: Any, jit_compile: bool = False, **keywords: Any) -> None:
        """As Keras does; with augmentation, XLA compiles what comes after it.

        XLA knows no rotation, shift or zoom of images.
        """
        around = jit_compile and self.augmentation is not None
        super().compile(*arguments, jit_compile=jit_compile and not around, **keywords)
        if around:
            self._learn = tf.function(self._learn, jit_compile=True, reduce_retracing=True)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learns from one batch.

        Args:
          data: (features, labels) or (features, labels, sample_weight).

        Returns:
          Loss and metrics so far in this epoch, by name.
        """
        features, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if self.augmentation is not None:
            features = self.augmentation(features)
        return self._learn((features, labels, sample_weight))

    def _tape_step(self, data: Any) -> dict[str, Any]:
        features, labels, sample_weight = data
        with tf.GradientTape() as tape:
            scores = self(features, training=True)
            loss = self.compute_loss(features, labels, scores, sample_weight)
            # As large as float16 can tell; 1 in any other precision.
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_variables)
        # The optimiser unscales, clips, adds up what the replicas found, and moves the weights.
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * _replicas(), sample_weight=tf.shape(labels)[0])
            else:
                metric.update_state(labels, scores, sample_weight)
        return self.get_metrics_result()

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a batch, what regularises the weights included.

        Args:
          x: features by name.
          y: labels, [batch, 1].
          y_pred: scores, [batch, units].
          sample_weight: weight of each row, [batch], or None.
          training: whether to learn from perturbed rows too.

        Returns:
          Scalar: this replica's share of the mean over the batch.
        """
        clean = self._loss(x, y, y_pred, sample_weight)
        if not training or self._adversarial is None:
            return clean
        perturbed = perturb(self.network, x, y, self._adversarial.epsilon, self._task)
        hard = self._loss(perturbed, y, self(perturbed, training=True), sample_weight)
        return (1 - self._adversarial.weight) * clean + self._adversarial.weight * hard

    def _loss(self, features: Any, labels: Any, scores: Any, sample_weight: Any) -> Any:
        if self._own_loss is None:
            return super().compute_loss(features, labels, scores, sample_weight)
        # Asked before the network may be called again, which forgets what was added by the first call.
        regularisation = tf.add_n([tf.reduce_sum(each) for each in self.losses] or [0.0])
        own = tf.convert_to_tensor(self._own_loss(self.network, features, labels, scores, sample_weight))
        if not own.dtype.is_floating or own.shape.rank not in (0, 1):
            raise SettingsError(
                "The loss of your own gives something else.",
                where="training.step",
                expected="a float tensor: a scalar, or [batch]",
                received=f"{own.dtype.name} {own.shape}",
            )
        return (tf.reduce_mean(tf.cast(own, tf.float32)) + regularisation) / _replicas()


def _replicas() -> float:
    """Copies of the network that share a batch."""
    return float(tf.distribute.get_strategy().num_replicas_in_sync)
