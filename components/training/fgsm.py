"""The fast gradient sign method: the small change of an input that raises the loss most.

Goodfellow, Shlens, Szegedy 2014, "Explaining and Harnessing Adversarial Examples": x + epsilon * sign(dLoss/dx).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from components.label import Task
from components.models.inputs import FeatureInput
from components.training.compilation import LOSSES
from schema.errors import SettingsError


def check_inputs(inputs: Sequence[FeatureInput], where: str) -> None:
    """Refuses a network that reads ids only.

    Args:
      inputs: the transformed features.
      where: the setting that asks for FGSM.

    Raises:
      SettingsError: if there is no number to move.
    """
    if all(each.ids is not None for each in inputs):
        raise SettingsError(
            "The fast gradient sign method has nothing to move.",
            where=where,
            expected="an image, or a feature that is a number to the network",
            received=f"ids only: {', '.join(each.name for each in inputs)}",
        )


def perturb(
    network: Callable[..., Any], features: Mapping[str, Any], labels: Any, epsilon: float, task: Task
) -> dict[str, Any]:
    """Moves each float feature by `epsilon` against the network.

    Args:
      network: from a dictionary of features to scores [batch, units]; asked in inference mode.
      features: transformed features by name, [batch, ...].
      labels: class index or number, [batch, 1].
      epsilon: how far each number moves, in units of the transformed feature. A pixel runs from 0 to 1.
      task: of the label; the loss that is raised follows from it.

    Returns:
      The features: images (float [batch, height, width, channels]) within [0, 1], other floats as far as they
      go, ids as they were. No gradient flows back through them.
    """
    numbers = {name: tensor for name, tensor in features.items() if tensor.dtype.is_floating}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(numbers)
        # Summed over the rows; in inference mode no row's score depends on another row.
        loss = keras.losses.get(LOSSES[task])(labels, network({**features, **numbers}, training=False))
    gradients = tape.gradient(loss, numbers, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return {**features, **{name: _moved(numbers[name], gradients[name], epsilon) for name in numbers}}


def _moved(tensor: Any, gradient: Any, epsilon: float) -> Any:
    moved = tensor + tf.cast(epsilon, tensor.dtype) * tf.sign(gradient)
    return tf.stop_gradient(tf.clip_by_value(moved, 0, 1) if tensor.shape.rank == 4 else moved)
