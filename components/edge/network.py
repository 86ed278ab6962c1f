"""The trained network as a Keras model again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.training.fitting import FitSettings


def restore(saved_model: Path, inputs: Sequence[FeatureInput], settings: FitSettings) -> keras.Model:
    """Builds the network anew and takes its weights from a SavedModel.

    The SavedModel is what is judged and released, so a model for the edge is made of it and nothing else.

    Args:
      saved_model: folder of the SavedModel, whose attribute `model` is the network.
      inputs: the transformed features.
      settings: label and network.

    Returns:
      The network, from a dictionary of features to scores.
    """
    # The weights that the training started from are of no use, and may be gone.
    network = build_model(inputs, settings.label, settings.model.model_copy(update={"weights": None}))
    checkpoint = tf.train.Checkpoint(model=network)
    restored = checkpoint.read(str(saved_model / "variables" / "variables"))
    # The SavedModel has more than the network, such as the optimiser's state; the network has nothing that it lacks.
    restored.expect_partial().assert_existing_objects_matched()
    return network
