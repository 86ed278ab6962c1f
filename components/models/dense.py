"""The dense network: embedded ids, numbers and flattened images side by side, then hidden layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from components.models import blocks
from components.models.inputs import FeatureInput, Head
from components.models.settings import ModelSettings


def build(inputs: Sequence[FeatureInput], head: Head, settings: ModelSettings) -> keras.Model:
    """Builds a dense network from settings.

    Args:
      inputs: the transformed features.
      head: units and activation of the output layer.
      settings: the `model` section.

    Returns:
      An uncompiled Keras model.

    Input shape: a dictionary of [batch, *shape] tensors, by feature name.
    Output shape: [batch, head.units], float32.
    """
    tensors = blocks.input_tensors(inputs)
    columns = blocks.numbers(inputs, tensors) + blocks.vectors(inputs, tensors)
    x = blocks.dense_layers(blocks.side_by_side(columns), settings.layers)
    return keras.Model(tensors, blocks.scores(x, head), name="dense")
