"""The dense network: embedded ids, numbers and flattened images side by side, then hidden layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from components.models.inputs import FeatureInput, Head
from components.models.settings import LayerSettings, ModelSettings


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
    tensors = {each.name: keras.Input(each.shape, name=each.layer_name, dtype=each.dtype) for each in inputs}
    numbers = [
        keras.layers.Flatten(name=f"flat_{each.layer_name}")(tensors[each.name])
        if each.is_image
        else tensors[each.name]
        for each in inputs
        if each.ids is None
    ]
    columns = numbers + _vectors(inputs, tensors)
    x = columns[0] if len(columns) == 1 else keras.layers.Concatenate(name="features")(columns)
    for number, layer in enumerate(settings.layers, start=1):
        x = _hidden(x, layer, number)
    # A head in float32 keeps the loss exact under mixed precision.
    scores = keras.layers.Dense(head.units, head.activation, name="scores", dtype="float32")(x)
    return keras.Model(tensors, scores, name="dense")


def _flat(each: FeatureInput, tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Flatten(name=f"flat_{each.layer_name}")(tensor) if each.is_image else tensor


def _vectors(inputs: Sequence[FeatureInput], tensors: Mapping[str, keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Learned vectors of all ids, [batch, width * number of ids] for each width.

    Features whose vectors are equally wide share a table, in which each has rows of its own: one look-up and one
    weight update a step in place of one for each feature.
    """
    vectors = []
    for width in sorted({each.embedding for each in inputs if each.embedding}):
        group = [each for each in inputs if each.embedding == width]
        starts = np.cumsum([0] + [each.ids or 0 for each in group])
        ids = [tensors[each.name] for each in group]
        joined = ids[0] if len(ids) == 1 else keras.layers.Concatenate(name=f"ids_{width}")(ids)
        rows = joined + np.repeat(starts[:-1], [each.width for each in group])
        table = keras.layers.Embedding(int(starts[-1]), width, name=f"embedding_{width}")
        vectors.append(keras.layers.Flatten(name=f"vectors_{width}")(table(rows)))
    return vectors


def _hidden(x: keras.KerasTensor, layer: LayerSettings, number: int) -> keras.KerasTensor:
    regularizer = keras.regularizers.L2(layer.l2) if layer.l2 else None
    x = keras.layers.Dense(
        layer.units,
        # The bias would be cancelled by the normalisation's own.
        use_bias=not layer.batch_normalization,
        kernel_regularizer=regularizer,
        name=f"dense_{number}",
    )(x)
    if layer.batch_normalization:
        x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)
    x = keras.layers.Activation(layer.activation, name=f"{layer.activation}_{number}")(x)
    return keras.layers.Dropout(layer.dropout, name=f"dropout_{number}")(x) if layer.dropout else x
