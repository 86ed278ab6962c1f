"""The dense network: embedded ids and numbers side by side, then hidden layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

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

    Input shape: a dictionary of [batch, width] tensors, by feature name.
    Output shape: [batch, head.units], float32.
    """
    tensors = {each.name: keras.Input((each.width,), name=each.name, dtype=each.dtype) for each in inputs}
    columns = [_encode(each, tensors[each.name]) for each in inputs]
    x = columns[0] if len(columns) == 1 else keras.layers.Concatenate(name="features")(columns)
    for number, layer in enumerate(settings.layers, start=1):
        x = _hidden(x, layer, number)
    # A head in float32 keeps the loss exact under mixed precision.
    scores = keras.layers.Dense(head.units, head.activation, name="scores", dtype="float32")(x)
    return keras.Model(tensors, scores, name="dense")


def _encode(feature: FeatureInput, tensor: keras.KerasTensor) -> keras.KerasTensor:
    if feature.ids is None:
        return tensor
    vectors = keras.layers.Embedding(feature.ids, feature.embedding, name=f"{feature.name}_embedding")(tensor)
    return keras.layers.Flatten(name=f"{feature.name}_vector")(vectors)


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
